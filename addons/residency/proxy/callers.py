"""From credentials to the caller: the ways in which a proof of identity is read, in order.

A way answers a caller, or ``None`` where such a proof is not its business, or raises an ``IdentityError`` that says which
check failed; then no other way is tried. One more way is one more function in ``Callers.ways``.
"""

import time
from collections.abc import Awaitable, Callable

from residency.core.identity import (
    Caller,
    ClientCredentials,
    Credentials,
    Opaque,
    Token,
    UnknownKey,
    Verifier,
)
from residency.errors import IdentityError
from residency.proxy.exchange import Exchange
from residency.proxy.keys import KeyStore

type Way = Callable[[Credentials], Awaitable[Caller | None]]


class Callers:
    """The ways of one load of the rules."""

    def __init__(self, verifier: Verifier, keys: KeyStore) -> None:
        self.verifier = verifier
        self.keys = keys
        self.exchange: Exchange | None = None
        self.ways: list[Way] = [self._asked, self._token]

    async def caller(self, proof: Credentials) -> Caller:
        """Whom *proof* proves, as of now.

        Raises:
            IdentityError: As the way that reads it; ``identity-malformed`` where none does.
        """
        for way in self.ways:
            caller = await way(proof)
            if caller is not None:
                return caller
        if isinstance(proof, ClientCredentials):
            raise IdentityError("identity-malformed", "neither user nor password is a JWT")
        raise IdentityError("identity-malformed", "the token is not a JWT")

    async def verified(self, token: str) -> Caller:
        """The caller that a JWT for the gateway names.

        Raises:
            IdentityError: As ``Verifier.verify``.
        """
        try:
            return self.verifier.verify(token, now=time.time())
        except UnknownKey as e:
            # A rotated key: one fetch for all who ask, with a cool-down, and then one more try.
            await self.keys.refresh(e.issuer)
            return self.verifier.verify(token, now=time.time())

    async def _asked(self, proof: Credentials) -> Caller | None:
        """By asking an issuer, where one is to be asked; a JWT for the gateway is sent to none."""
        if self.exchange is None:
            return None
        match proof:
            case Token():
                return await self.exchange.token(proof)
            case ClientCredentials():
                return await self.exchange.client(proof)
            case Opaque():
                return await self.exchange.opaque(proof)

    async def _token(self, proof: Credentials) -> Caller | None:
        return await self.verified(proof.text) if isinstance(proof, Token) else None
