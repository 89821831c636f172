"""What in a head depends on the body: digests, which are made anew for a masked one, and signatures, which cannot be.

A signature may cover digests, headers and the query too, so beside one nothing is made anew.
"""

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Sequence
from urllib.parse import unquote

from residency.core.call import Headers

#: AWS Signature Version 4 and 4A (IAM guide, "Signing AWS API requests") and its kin, Azure's shared keys, OAuth 1.0
#: (RFC 5849), Digest (RFC 7616, ``auth-int``), Hawk, draft-cavage signatures, vendors' HMAC schemes.
_SCHEMES = re.compile(
    r"(?i)\s*(?:aws4-|aws\s|goog4-|sharedkey|signature\s|oauth\s.*oauth_signature|digest\s|hawk\s|[a-z0-9-]*hmac)", re.DOTALL
)  # fmt: skip
#: HTTP Message Signatures (RFC 9421), DPoP (RFC 9449), and what webhooks and their kin call theirs.
_SIGNATURES = re.compile(
    r"signature(?:-input)?|dpop|(?:[a-z0-9]+-)*(?:signature|hmac)(?:-(?:ed25519|v?[0-9]+))?"
)
_IN_QUERY = ("x-amz-signature=", "x-goog-signature=", "oauth_signature=")
_PLAIN = "UNSIGNED-PAYLOAD"


def _hashed(name: str) -> Callable[[bytes], bytes]:
    return lambda raw: hashlib.new(name, raw, usedforsecurity=False).digest()


def _crc32(raw: bytes) -> bytes:
    return zlib.crc32(raw).to_bytes(4)


#: Headers that are one digest in base64 (RFC 1864; the S3 API, "Checking object integrity").
_WHOLE = {
    "content-md5": _hashed("md5"),
    "x-ms-blob-content-md5": _hashed("md5"),
    "x-amz-checksum-sha256": _hashed("sha256"),
    "x-amz-checksum-sha1": _hashed("sha1"),
    "x-amz-checksum-crc32": _crc32,
}
#: Dictionaries of digests (RFC 9530), in which one is a byte sequence (RFC 8941, section 3.3.5), and Digest (RFC 3230).
_DICTIONARIES = {"content-digest": ":", "repr-digest": ":", "digest": ""}
_ALGORITHMS = {
    "sha-256": _hashed("sha256"),
    "sha-512": _hashed("sha512"),
    "md5": _hashed("md5"),
    "sha": _hashed("sha1"),
}
_ITEM = re.compile(r"\s*([A-Za-z0-9-]+)=(:?)([A-Za-z0-9+/=]+)(:?)\s*")


def is_signed(headers: Headers, query: str, raw: bytes) -> bool:
    """True if the sender signed the call, or put a digest of the body into it that cannot be made anew.

    A changed call is then refused by the far side at best. A digest alone signs nothing if it is of a kind that is
    known here, and of this very body: one that is not must not become right.

    Args:
        headers: All headers; names in small letters.
        query: As sent, without the question mark.
        raw: The body as sent.
    """
    # However its name is spelled: the far side reads it without escapes.
    if any(name in unquote(query).lower() for name in _IN_QUERY):
        return True
    for name, value in headers:
        if _SIGNATURES.fullmatch(name) or (name == "authorization" and _SCHEMES.match(value)):
            return True
        if _digests(name) and _renewed(name, value, raw) != value:
            return True
    return False


def renew(headers: Headers, raw: bytes) -> dict[int, str]:
    """New values, by their numbers, of headers that are digests of a body, which is *raw* now: of kinds that are known."""
    made = ((n, _renewed(name, value, raw)) for n, (name, value) in enumerate(headers))
    return {n: value for n, value in made if value is not None}


def _digests(name: str) -> bool:
    return (
        name in _WHOLE
        or name in _DICTIONARIES
        or name in ("x-amz-content-sha256", "x-goog-hash", "x-bz-content-sha1")
        or (
            name.startswith("x-amz-checksum-")
            and name
            not in ("x-amz-checksum-mode", "x-amz-checksum-algorithm", "x-amz-checksum-type")
        )
    )


def _renewed(name: str, value: str, raw: bytes) -> str | None:
    """The header *name* for the body *raw*; ``None`` if it cannot be made."""
    if name in _WHOLE:
        return base64.b64encode(_WHOLE[name](raw)).decode()
    if name == "x-amz-content-sha256":
        if value == _PLAIN:
            return value
        return hashlib.sha256(raw).hexdigest() if re.fullmatch(r"[0-9a-f]{64}", value) else None
    if name in _DICTIONARIES:
        return _dictionary(value.split(","), raw, colon=_DICTIONARIES[name])
    return None


def _dictionary(items: Sequence[str], raw: bytes, colon: str) -> str | None:
    made: list[str] = []
    for item in items:
        found = _ITEM.fullmatch(item)
        digest = _ALGORITHMS.get(found[1].lower()) if found else None
        if not found or not digest or found[2] != colon or found[4] != colon:
            return None
        new = base64.b64encode(digest(raw)).decode()
        made.append(item[: found.start(3)] + new + item[found.end(3) :])
    return ",".join(made)
