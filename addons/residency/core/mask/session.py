"""What masking one call needs besides the call: keys, and the tokens that were given out for it."""

import hashlib
import hmac
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Session:
    """The keys of one call. Never shown, never kept longer than the call.

    ``key`` is the deployment's, for ``hmac``: the same value gives the same text in every call. ``nonce`` is this
    call's own and unguessable, for ``token``. Both come from outside; empty means that a method that needs it fails.
    ``originals`` tells what each token that was given out stands for, as JSON.
    """

    key: bytes = field(default=b"", repr=False)
    nonce: bytes = field(default=b"", repr=False)
    originals: dict[str, str] = field(default_factory=dict, repr=False)

    def digest(self, text: str) -> str:
        """Stands for *text* in every call of a deployment: 128 bits, in hex.

        Raises:
            ValueError: There is no key.
        """
        if not self.key:
            raise ValueError("hmac needs a key")
        return hmac.new(self.key, text.encode(), hashlib.sha256).hexdigest()[:32]
