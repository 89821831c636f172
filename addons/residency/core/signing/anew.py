"""The head of a call without its signature: what stays as it is, and what of it is to be signed.

All that the caller signed is signed again, and every ``x-amz-`` header with it, as S3 wants. What a proxy on the way may
change is not: the length of the body, and headers about the connection.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import quote, unquote_to_bytes

from residency.core.call import Headers
from residency.core.signing.signature import signed_names

type RawHeaders = Sequence[tuple[bytes, bytes]]

#: The caller's signature and what it is made with. Whatever of it is needed comes anew.
MATERIAL = frozenset(
    {"authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256"}
)
_UNSIGNED = frozenset(
    {
        "connection", "content-length", "date", "expect", "keep-alive", "proxy-connection", "te", "transfer-encoding",
        "upgrade", "user-agent", "x-amzn-trace-id",
    }
)  # fmt: skip
#: What RFC 3986 leaves as it is, and nothing more (IAM user guide, "UriEncode").
_PLAIN = "-_.~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """A call to be signed. ``kept`` are the fields that leave as they came; ``to_sign`` are names in small letters.

    ``target`` is path and query as they are to be signed: for S3 in their one spelling, elsewhere the path as sent.
    ``hashed``: the caller sent the body's digest in a header of its own.
    """

    kept: RawHeaders = field(repr=False)
    to_sign: Headers = field(repr=False)
    target: str = field(repr=False)
    hashed: bool = False


def unsigned(fields: RawHeaders, *, host: str, path: str, query: str, service: str) -> Unsigned:
    """A call without its signature.

    Args:
        fields: All header fields as they are now.
        host: What the far side will read in ``host`` if there is no such field.
        path: As sent.
        query: As sent, without the question mark.
        service: What it is to be signed for.
    """
    headers = [(n.decode("latin-1").lower(), v.decode("latin-1")) for n, v in fields]
    signed = signed_names(tuple(headers)) | {"host", "content-type"}
    to_sign = [
        (name, value.encode("latin-1").decode("utf-8"))
        for name, value in headers
        if name not in MATERIAL
        and name not in _UNSIGNED
        and (name in signed or name.startswith("x-amz-"))
    ]
    if not any(name == "host" for name, _ in to_sign):
        to_sign.append(("host", host))
    names = {name for name, _ in headers}
    path = quote(unquote_to_bytes(path), safe=f"/{_PLAIN}") if service.startswith("s3") else path
    return Unsigned(
        kept=[
            pair for pair, (name, _) in zip(fields, headers, strict=True) if name not in MATERIAL
        ],
        to_sign=tuple(to_sign),
        target=f"{path}?{_canonical(query)}" if query else path,
        hashed="x-amz-content-sha256" in names,
    )


def _canonical(query: str) -> str:
    """Each name and value in its one spelling; sorting is the signer's."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return "&".join(f"{_spell(name)}={_spell(value)}" for name, _, value in pairs)


def _spell(text: str) -> str:
    return quote(unquote_to_bytes(text), safe=_PLAIN)
