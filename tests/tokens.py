"""Real keys, made once a session, and tokens signed with them, right and wrong."""

import base64
import functools
import json
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import IssuerBook, KeySet, parse

ISSUER = "https://login.test/realms/main"
NOW = 1_800_000_000.0

type Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@functools.cache
def rsa_key(name: str = "rsa", bits: int = 2048) -> rsa.RSAPrivateKey:
    """The same key for the same *name*."""
    return rsa.generate_private_key(65537, bits)


@functools.cache
def ec_key(name: str = "ec") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def jwk(key: Private, kid: str | None = None, **changes: Any) -> dict[str, Any]:
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        found = RSAAlgorithm.to_jwk(public, as_dict=True)
    else:
        found = ECAlgorithm.to_jwk(public, as_dict=True)
    found = dict(found)
    found.pop("key_ops", None)
    return found | ({"kid": kid} if kid is not None else {}) | changes


def jwks(*keys: dict[str, Any]) -> str:
    return json.dumps({"keys": keys})


def key_set() -> KeySet:
    return KeySet.parse(jwks(jwk(rsa_key(), "rsa"), jwk(ec_key(), "ec")))


def book(**changes: Any) -> IssuerBook:
    """One issuer; *changes* are keys of its block."""
    block = {"issuer": ISSUER, "audience": "gateway", "keys": {"file": "jwks.json"}} | changes
    faults = Faults()
    document = read(json.dumps({"version": "1", "issuers": [block]}), "identity.yaml", faults)
    found = parse(document, faults)
    faults.check()
    assert found
    return found


def claims(**changes: Any) -> dict[str, Any]:
    """Good claims; a change to ``...`` takes one away."""
    found: dict[str, Any] = {
        "iss": ISSUER,
        "sub": "billing",
        "aud": "gateway",
        "iat": int(NOW) - 60,
        "exp": int(NOW) + 600,
        "groups": ["eu-services"],
    }
    return {k: v for k, v in (found | changes).items() if v is not ...}


def token(
    payload: dict[str, Any] | str | None = None,
    *,
    key: Private | None = None,
    header: dict[str, Any] | str | None = None,
    **changes: Any,
) -> str:
    """A token that *key* signs (RS256 or ES256), whatever header and payload say.

    Both may be given as text; *changes* are header parameters, ``...`` takes one away.
    """
    key = key or rsa_key()
    if header is None:
        usual = {"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}
        if isinstance(key, ec.EllipticCurvePrivateKey):
            usual = {"alg": "ES256", "typ": "at+jwt", "kid": "ec"}
        header = {k: v for k, v in (usual | changes).items() if v is not ...}
    text = f"{_part(header)}.{_part(claims() if payload is None else payload)}"
    return f"{text}.{base64url(_sign(key, text.encode()))}"


def base64url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _part(value: dict[str, Any] | str) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return base64url(text.encode())


def _sign(key: Private, text: bytes) -> bytes:
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(text, padding.PKCS1v15(), hashes.SHA256())
    return ECAlgorithm(ECAlgorithm.SHA256).sign(text, key)
