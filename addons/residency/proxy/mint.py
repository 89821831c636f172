"""The gateway's own tokens: signed with a key that is in this process's memory and nowhere else.

A key signs for a day and verifies for a second one, which is longer than any of its tokens lives
(``MAX_LIFETIME``). A restart makes a new key and so ends every token; whoever holds one gets another.
"""

import secrets

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from residency.core.identity import MAX_SIZE, Caller, KeySet
from residency.core.identity.keys import Key
from residency.core.saml.block import MAX_LIFETIME
from residency.errors import IdentityError

#: Seconds that a key signs.
ROTATE = float(MAX_LIFETIME)
#: Longest token: as the password of Basic it grows by a third and must not pass ``MAX_SIZE``.
MAX_TOKEN = MAX_SIZE * 3 // 4 - 512


class Mint:
    """Makes tokens that name *issuer* as issuer and as audience.

    Args:
        issuer: The gateway's name.
        now: Unix time in seconds.
    """

    def __init__(self, issuer: str, *, now: float) -> None:
        self._issuer = issuer
        self._keys: list[tuple[str, ec.EllipticCurvePrivateKey]] = []
        self._born = 0.0
        self.rotate(now)

    def __repr__(self) -> str:
        return f"Mint({len(self._keys)} keys)"

    @property
    def keys(self) -> KeySet:
        """What verifies the tokens: the key that signs and the one before it."""
        fit = frozenset({"ES256"})
        return KeySet({kid: Key(key.public_key(), fit) for kid, key in self._keys}, ())

    def is_due(self, now: float) -> bool:
        """True if the key has signed long enough; also if the clock was set back."""
        return not 0 <= now - self._born < ROTATE

    def rotate(self, now: float) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        self._keys = [*self._keys[-1:], (secrets.token_urlsafe(12), key)]
        self._born = now

    def token(self, caller: Caller, *, now: int, expires: int) -> str:
        """A token that names *caller*, from *now* until *expires* (Unix time, whole seconds).

        Raises:
            IdentityError: ``identity-assertion``: its groups do not fit into a proxy URL.
        """
        kid, key = self._keys[-1]
        claims = {
            "iss": self._issuer,
            "aud": self._issuer,
            "sub": caller.subject,
            "groups": list(caller.groups),
            "iat": now,
            "exp": expires,
            "jti": secrets.token_urlsafe(12),
        }
        token = jwt.encode(claims, key, "ES256", {"kid": kid, "typ": "at+jwt"})
        if len(token) > MAX_TOKEN:
            raise IdentityError(
                "identity-assertion", "the assertion: it names more groups than a token can hold"
            )
        return token
