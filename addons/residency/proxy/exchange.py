"""Proofs that are no token for the gateway yet: their issuer is asked, and its answer is kept for a while.

A client's id and secret, and a token of another issuer or for another audience, become an access token that is then
verified at every call like any other; an opaque token becomes the issuer's word about it. Of a proof only a digest under
this process's own key is kept; a secret lives as long as the connection that brought it, and in a request under way.

What is kept is an access token and not its caller, so that a key that is revoked, or rules that change, count at once.
It is renewed in the last minute of its life (the last quarter, where that is less) by the next call that needs it.
"""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from residency.core.faults import Faults
from residency.core.identity import (
    Caller,
    ClientCredentials,
    Holder,
    Issuer,
    IssuerBook,
    Opaque,
    Token,
    check_binding,
)
from residency.core.identity.binding import bound_to
from residency.core.identity.endpoint import OwnClient
from residency.core.identity.grant import client_form, exchange_form, granted, unavailable
from residency.core.identity.introspection import introspected, introspection_form
from residency.core.identity.route import for_client, for_opaque, for_token, unverified
from residency.core.identity.token import Verified
from residency.errors import IdentityError
from residency.files import secret
from residency.proxy.endpoint import TIMEOUT, Asker
from residency.proxy.flights import Answer, Flights, Patience

#: Seconds before its end in which a token is renewed.
MARGIN = 60.0

type Verify = Callable[[str], Awaitable[Caller]]


@dataclass(frozen=True, slots=True, repr=False)
class Granted:
    """An access token, and when what it was given for ends (Unix time)."""

    text: str
    ends: float


def check_secrets(book: IssuerBook, folder: Path, faults: Faults) -> None:
    """Add a fault for each secret of the gateway's own that cannot be read."""
    for client in (c for i in book.issuers.values() for c in i.endpoints.own_clients):
        if secret(folder, client.secret) is None:
            faults.add(client.secret.fault)


class Exchange:
    """What the issuers of one book have answered.

    Args:
        book: The issuers.
        folder: What the paths of the gateway's own secrets begin at.
        key: What proofs are digested with: random, of this process alone.
        verify: Verifies a token for calls.
        timeout: Seconds for one request.
        patience: How long failures are kept.
    """

    def __init__(
        self,
        book: IssuerBook,
        *,
        folder: Path,
        key: bytes,
        verify: Verify,
        timeout: float = TIMEOUT,
        patience: Patience | None = None,
    ) -> None:
        self._book, self._folder, self._key, self._verify = book, folder, key, verify
        # Each issuer has its own: one that hangs takes no other's places.
        self._tokens: dict[str, Flights[Granted]] = {n: Flights(patience) for n in book.issuers}
        self._words: dict[str, Flights[Verified]] = {n: Flights(patience) for n in book.issuers}
        self._askers = {name: Asker(name, timeout=timeout) for name in book.issuers}
        self._exchanges = any(i.endpoints.exchange for i in book.issuers.values())

    def adopt(self, former: "Exchange") -> None:
        """Take over what *former* was told by issuers that are asked in the same way now."""
        for name, issuer in self._book.issuers.items():
            if former._key == self._key and former._book.issuers.get(name) == issuer:
                self._tokens[name].adopt(former._tokens[name])
                self._words[name].adopt(former._words[name])

    def stop(self) -> None:
        """End every request. Whoever waits is told that the issuer cannot be asked."""
        for name, asker in self._askers.items():
            self._tokens[name].stop()
            self._words[name].stop()
            asker.stop()

    async def client(self, proof: ClientCredentials) -> Caller | None:
        """The caller that *proof* names; ``None`` where no issuer takes such clients.

        Raises:
            IdentityError: ``identity-client``, ``identity-unavailable``, or as ``token.verify``.
        """
        found = for_client(self._book, proof.id)
        if found is None:
            return None
        issuer, grant = found
        key = self._digest("client", issuer.name, proof.id, proof.secret)

        async def ask() -> Answer[Granted]:
            answer = await self._askers[issuer.name].post(
                grant.endpoint, client_form(grant, proof)
            )
            return await self._kept(granted(*answer, refusal="identity-client"), issuer)

        return await self._caller(key, issuer, ask)

    async def token(self, proof: Token, holder: Holder | None = None) -> Caller | None:
        """The caller that *proof* is exchanged for; ``None`` where no issuer does that.

        What it is exchanged for is bound to nothing, so that what *proof* itself is bound to is held against the
        *holder* of its connection here; the issuer then says whether its claims are true.

        Raises:
            IdentityError: ``identity-exchange``, ``identity-unavailable``, or as ``token.verify``.
        """
        found = for_token(self._book, proof.text) if self._exchanges else None
        if found is None:
            return None
        check_binding(bound_to(unverified(proof.text)), holder)
        issuer, grant = found
        key = self._digest("exchange", issuer.name, proof.text)

        async def ask() -> Answer[Granted]:
            own = await self._own(grant.client) if grant.client else None
            form = exchange_form(grant, proof.text, own)
            answer = await self._askers[issuer.name].post(grant.endpoint, form)
            access = granted(*answer, refusal="identity-exchange")
            return await self._kept(access, issuer, proof.text)

        return await self._caller(key, issuer, ask)

    async def opaque(self, proof: Opaque) -> Caller | None:
        """The caller that the issuer says *proof* names; ``None`` where none is asked.

        Raises:
            IdentityError: ``identity-inactive``, ``identity-unavailable``, or as ``token.verify``.
        """
        found = for_opaque(self._book)
        if found is None:
            return None
        issuer, asked = found

        async def ask() -> Answer[Verified]:
            form = introspection_form(asked, proof.text, await self._own(asked.client))
            answer = await self._askers[issuer.name].post(asked.endpoint, form)
            word = introspected(*answer, issuer, now=time.time())
            lasts = min(float(asked.keep), _left(word.caller.expires))
            return Answer(word, lasts * 2 / 3, lasts)

        word = await self._words[issuer.name].get(
            self._digest("opaque", issuer.name, proof.text), ask
        )
        word.lifetime.check(time.time())
        return word.caller

    async def _caller(
        self, key: bytes, issuer: Issuer, ask: Callable[[], Awaitable[Answer[Granted]]]
    ) -> Caller:
        tokens = self._tokens[issuer.name]
        kept = key in tokens
        found = await tokens.get(key, ask)
        try:
            return await self._proved(found, issuer)
        except IdentityError:
            # It was good once: the issuer's keys or the rules are others now.
            tokens.drop(key)
            if not kept:
                raise
        return await self._proved(await tokens.get(key, ask), issuer)

    async def _proved(self, found: Granted, issuer: Issuer) -> Caller:
        caller = await self._verify(found.text)
        if caller.issuer != issuer.name:
            raise IdentityError("identity-issuer", "the access token is another issuer's")
        return replace(caller, expires=min(caller.expires, found.ends))

    async def _kept(self, text: str, issuer: Issuer, subject: str = "") -> Answer[Granted]:
        """*text*, verified, with how long it counts: no longer than the token that it was given for."""
        ends = unverified(subject).get("exp") if subject else None
        limit = float(ends) if isinstance(ends, int) else float("inf")
        caller = await self._proved(Granted(text, limit), issuer)
        left = _left(caller.expires)
        return Answer(Granted(text, limit), left - min(MARGIN, left / 4), left)

    async def _own(self, client: OwnClient) -> ClientCredentials:
        """The gateway's own credentials, read anew: a secret that is rotated counts at once."""
        text = await asyncio.to_thread(secret, self._folder, client.secret)
        if text is None:
            raise unavailable("the gateway's own secret cannot be read")
        return ClientCredentials(client.id, text)

    def _digest(self, *parts: str) -> bytes:
        """Of the parts, each with its length, so that no two lists of them are spelled alike."""
        raw = [part.encode("utf-8", "surrogatepass") for part in parts]
        text = b"".join(len(part).to_bytes(4, "big") + part for part in raw)
        return hmac.digest(self._key, text, "sha256")


def _left(expires: float) -> float:
    left = expires - time.time()
    if left <= 0:
        raise IdentityError("identity-expired")
    return left
