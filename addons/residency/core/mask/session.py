"""What masking one call needs besides the call: keys, and the tokens that were given out for it.

Both come from outside, because the core has neither files nor randomness. A session is one call's: what it knows goes
with it. It can be pickled, so a worker process can hand it back with the tokens that it has given out.
"""

import hashlib
import hmac
import itertools
import re
from dataclasses import dataclass, field

from residency.errors import Unread

#: What a token looks like; also in texts that had it before, which no new token may equal.
TOKEN = re.compile(rb"<[a-z][a-z0-9_-]{0,31}:[0-9a-f]{16}>")
#: An hmac key shorter than what it protects is no key: RFC 2104, section 3, for SHA-256.
SHORTEST_KEY = 32


@dataclass(frozen=True, slots=True)
class Session:
    """The keys and tokens of one call. Never shown, never kept longer than the call.

    ``key`` is the deployment's, for ``hmac``: the same value gives the same text in every call. ``nonce`` is this
    call's own and unguessable, for ``token``. A method that needs an empty one makes the body unmaskable.
    ``originals`` tells what each token that was given out stands for, as JSON: a string with its quotes.
    """

    key: bytes = field(default=b"", repr=False)
    nonce: bytes = field(default=b"", repr=False)
    originals: dict[str, str] = field(default_factory=dict, repr=False)
    taken: set[str] = field(default_factory=set, repr=False)

    def beware(self, data: bytes) -> None:
        """Never give out a token that *data* has as text of its own: restoring would change that text."""
        if b"<" in data:
            self.taken.update(found.decode() for found in TOKEN.findall(data))
            self.taken.difference_update(self.originals)

    def digest(self, text: str) -> str:
        """Stands for *text* in every call of a deployment: 128 bits of HMAC-SHA256 (RFC 2104), in hex.

        Raises:
            Unread: ``key``: there is none.
        """
        if not self.key:
            raise Unread("key", "hmac needs the deployment's key")
        return _hmac(self.key, text)[:32]

    def token(self, kind: str, original: str) -> str:
        """Stands for the JSON value *original* in this call: the same value of a kind, the same token.

        Raises:
            Unread: ``key``: the session has no nonce.
        """
        if not self.nonce:
            raise Unread("key", "token needs a session of its own for each call")
        for attempt in itertools.count():
            token = f"<{kind}:{_hmac(self.nonce, f'{attempt}:{kind}:{original}')[:16]}>"
            if self.originals.get(token, original) == original and token not in self.taken:
                self.originals[token] = original
                return token
        raise AssertionError


def _hmac(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), hashlib.sha256).hex()
