"""From credentials to the caller: the ways in which a proof of identity is read, in order.

A way answers a caller, or ``None`` where such a proof is not its business, or raises an ``IdentityError`` that says which
check failed; then no other way is tried. One more way is one more function in ``Callers.ways``.
"""

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from residency.core.identity import (
    Assertion,
    Caller,
    Certificate,
    CertificateVerifier,
    ClientCredentials,
    Credentials,
    Holder,
    Opaque,
    Token,
    UnknownKey,
    Verifier,
    check_binding,
)
from residency.errors import IdentityError
from residency.proxy.certificates import Peer
from residency.proxy.exchange import Exchange
from residency.proxy.keys import KeyStore

if TYPE_CHECKING:
    from residency.proxy.saml import Saml

type Way = Callable[[Credentials, Peer | None], Awaitable[Caller | None]]


class Callers:
    """The ways of one load of the rules.

    Args:
        verifier: Verifies tokens for the gateway.
        keys: The issuers' keys, which a token may ask to be renewed.
        certificates: Verifies client certificates.
        assertions: Verifies SAML assertions; ``None``: nobody does.
    """

    def __init__(
        self,
        verifier: Verifier,
        keys: KeyStore,
        certificates: CertificateVerifier | None = None,
        assertions: "Saml | None" = None,
    ) -> None:
        self.verifier = verifier
        self.keys = keys
        self.certificates = certificates or CertificateVerifier()
        self.assertions = assertions
        self.exchange: Exchange | None = None
        self.ways: list[Way] = [self._certificate, self._assertion, self._asked, self._token]

    async def caller(self, proof: Credentials, peer: Peer | None = None) -> Caller:
        """Whom *proof* proves, as of now.

        Args:
            proof: What the headers hold.
            peer: The connection that it came by. A certificate there is a proof of its own: beside it counts only a
                token that is bound to it, or it is one that names nobody.

        Raises:
            IdentityError: As the way that reads it; ``identity-malformed`` where none does.
        """
        for way in self.ways:
            caller = await way(proof, peer)
            if caller is not None:
                return caller
        if isinstance(proof, ClientCredentials):
            raise IdentityError("identity-malformed", "neither user nor password is a JWT")
        raise IdentityError("identity-malformed", "the token is not a JWT")

    async def verified(self, token: str, peer: Peer | None = None) -> Caller:
        """The caller that a JWT for the gateway names.

        Raises:
            IdentityError: As ``Verifier.verify``.
        """
        try:
            return self._verify(token, peer)
        except UnknownKey as e:
            # A rotated key: one fetch for all who ask, with a cool-down, and then one more try.
            await self.keys.refresh(e.issuer)
            return self._verify(token, peer)

    def _verify(self, token: str, peer: Peer | None) -> Caller:
        return self.verifier.verify(token, now=time.time(), certificate=self._holder(peer))

    def _holder(self, peer: Peer | None) -> Holder | None:
        if peer is None:
            return None
        return peer.certificates.holder(peer.client, self.certificates, now=time.time())

    async def _certificate(self, proof: Credentials, peer: Peer | None) -> Caller | None:
        if not isinstance(proof, Certificate):
            return None
        if peer is None:
            raise IdentityError("identity-missing")
        return peer.certificates.caller(peer.client, self.certificates, now=time.time())

    async def _assertion(self, proof: Credentials, peer: Peer | None) -> Caller | None:
        if not isinstance(proof, Assertion):
            return None
        if self.assertions is None:
            raise IdentityError("identity-malformed", "this gateway takes no SAML assertions")
        check_binding(None, self._holder(peer))
        return await self.assertions.caller(proof.text)

    async def _asked(self, proof: Credentials, peer: Peer | None) -> Caller | None:
        """By asking an issuer, where one is to be asked; a JWT for the gateway is sent to none."""
        if self.exchange is None:
            return None
        match proof:
            case Token():
                return await self.exchange.token(proof, self._holder(peer))
            case ClientCredentials():
                check_binding(None, self._holder(peer))
                return await self.exchange.client(proof)
            case Opaque():
                check_binding(None, self._holder(peer))
                return await self.exchange.opaque(proof)
            case _:
                return None

    async def _token(self, proof: Credentials, peer: Peer | None) -> Caller | None:
        return await self.verified(proof.text, peer) if isinstance(proof, Token) else None
