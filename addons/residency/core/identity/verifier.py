"""Verification with a memory: a service sends one token with every call.

What is remembered is the token's SHA-256, never the token. Times are judged anew at every call,
and what an issuer's former keys verified is forgotten when they are replaced. For one thread.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Mapping

from residency.core.identity.binding import Holder, check_binding
from residency.core.identity.book import IssuerBook, Purpose
from residency.core.identity.caller import Caller
from residency.core.identity.credentials import MAX_SIZE
from residency.core.identity.keys import KeySet
from residency.core.identity.token import Verified, examine

#: Tokens that are remembered at most; the least recently used one goes first. About 1 KiB each.
MAX_REMEMBERED = 4096


class Verifier:
    """A book, each issuer's keys as far as they are known, and who was verified lately."""

    def __init__(self, book: IssuerBook, keys: Mapping[str, KeySet] | None = None) -> None:
        self.book = book
        self._keys = dict(keys or {})
        # A token is remembered for one purpose: an audience for calls is none for rulings.
        self._known: OrderedDict[tuple[bytes, Purpose], Verified] = OrderedDict()

    def verify(
        self,
        token: str,
        *,
        now: float,
        audience: Purpose = "call",
        certificate: Holder | None = None,
    ) -> Caller:
        """As ``token.verify``, and raises what it raises."""
        found = self._verified(token, now, audience)
        # Anew at every call: the same token may come by another connection.
        check_binding(found.bound, certificate)
        return found.caller

    def _verified(self, token: str, now: float, audience: Purpose) -> Verified:
        if len(token) > MAX_SIZE:
            return examine(token, self.book, self._keys, now=now, audience=audience)
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
        place = (digest, audience)
        found = self._known.get(place)
        if found is None:
            found = examine(token, self.book, self._keys, now=now, audience=audience)
            self._known[place] = found
            if len(self._known) > MAX_REMEMBERED:
                self._known.popitem(last=False)
            return found
        found.lifetime.check(now)
        self._known.move_to_end(place)
        return found

    def set_keys(self, issuer: str, keys: KeySet | None) -> None:
        """Replace the keys of *issuer*; ``None``: it has none. Its tokens are checked anew."""
        if keys is None:
            self._keys.pop(issuer, None)
        else:
            self._keys[issuer] = keys
        for place in [p for p, v in self._known.items() if v.caller.issuer == issuer]:
            del self._known[place]

    @property
    def missing(self) -> list[str]:
        """The issuers that have no key that may verify: nobody of theirs can call."""
        return [name for name in self.book.issuers if not self._keys.get(name)]
