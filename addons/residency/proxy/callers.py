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
        self.ways: list[Way] = [self._token]

    def add(self, exchange: Exchange) -> None:
        """Ask issuers about what is no token for the gateway; a JWT for it is never sent to any."""

        async def asked(proof: Credentials) -> Caller | None:
            match proof:
                case Token():
                    return await exchange.token(proof)
                case ClientCredentials():
                    return await exchange.client(proof)
                case Opaque():
                    return await exchange.opaque(proof)

        self.ways.insert(0, asked)

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

    async def _token(self, proof: Credentials) -> Caller | None:
        return await self.verified(proof.text) if isinstance(proof, Token) else None
