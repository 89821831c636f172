"""The public keys of one issuer, and which token each may verify."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, cast

import jwt
from jwt.algorithms import AllowedPublicKeys

from residency.core.identity.strict import json_object

#: JWA algorithms by key type and curve (RFC 7518, 3.1; RFC 8037, 3.1); nothing symmetric.
_FITTING = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC P-256": ("ES256",),
    "EC P-384": ("ES384",),
    "EC P-521": ("ES512",),
    "OKP Ed25519": ("EdDSA",),
}
ALGORITHMS = tuple(name for names in _FITTING.values() for name in names)

#: RFC 7517, 4.2; and in a SPIFFE bundle ("SPIFFE Trust Domain and Bundle", 4.2.2) what signs JWT-SVIDs.
_USES = ("sig", "jwt-svid")

#: RFC 7518, 3.3: "A key of size 2048 bits or larger MUST be used".
MIN_RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class Key:
    """A public key, and the algorithms that its type, curve and own ``alg`` leave."""

    public: AllowedPublicKeys
    algorithms: frozenset[str]


@dataclass(frozen=True, slots=True)
class KeySet:
    """Keys by ``kid``, and those that have none. Falsy while it can verify nothing."""

    named: Mapping[str, Key]
    nameless: tuple[Key, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.named or self.nameless)

    def fitting(self, algorithm: str) -> list[Key]:
        """Every key that may verify *algorithm*, for tokens that do not name their key."""
        return [k for k in (*self.named.values(), *self.nameless) if algorithm in k.algorithms]

    @classmethod
    def parse(cls, text: str) -> Self:
        """The usable keys of a JWK set (RFC 7517, 5), without weak ones and those for other uses.

        A ``kid`` that two usable keys share names neither: which one is meant cannot be told.

        Raises:
            ValueError: *text* is not strict JSON of an object with a list ``keys``.
        """
        keys = json_object(text).get("keys")
        if not isinstance(keys, list):
            raise ValueError("a JWK set is an object with a list, keys")  # noqa: TRY004 - the value is wrong
        usable = [(k.get("kid"), key) for k in keys if isinstance(k, dict) and (key := _key(k))]
        count = Counter(kid for kid, _ in usable if isinstance(kid, str))
        return cls(
            named={kid: key for kid, key in usable if isinstance(kid, str) and count[kid] == 1},
            nameless=tuple(key for kid, key in usable if kid is None),
        )


def _key(jwk: dict[str, object]) -> Key | None:
    """*jwk* as a key that may verify signatures; ``None`` if it is not one.

    PyJWT 2.15 looks at neither ``use`` nor ``key_ops`` and takes short RSA keys.
    """
    if jwk.get("use", "sig") not in _USES or "d" in jwk:
        return None
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        return None
    kty, crv = jwk.get("kty"), jwk.get("crv")
    algorithms = _FITTING.get("RSA" if kty == "RSA" else f"{kty} {crv}", ())
    if "alg" in jwk:
        algorithms = tuple(name for name in algorithms if name == jwk["alg"])
    if not algorithms:
        return None
    try:
        public = jwt.PyJWK(jwk, algorithms[0]).key
    except (jwt.PyJWTError, ArithmeticError, LookupError, TypeError, ValueError):
        return None
    if kty == "RSA" and public.key_size < MIN_RSA_BITS:
        return None
    return Key(cast(AllowedPublicKeys, public), frozenset(algorithms))
