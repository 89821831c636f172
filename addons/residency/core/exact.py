"""One exact call as a digest: what a human ruled on is what is sent, and nothing else.

The digests are keyed, so that a small payload cannot be guessed from one; the key lives as long as the process.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Sequence

type RawHeaders = Sequence[tuple[bytes, bytes]]

#: Headers that SDKs write anew on every attempt: times, attempt counters, trace and request ids. They do not take part in
#: ``retryable``, because an approved call is sent again by the SDK and not by the person. Each must look like what it is
#: for, so that none carries anything else past the approver.
PER_ATTEMPT = frozenset(
    {
        b"date", b"x-amz-date", b"amz-sdk-request", b"amz-sdk-invocation-id", b"x-amzn-trace-id", b"traceparent",
        b"x-request-id", b"x-client-request-id", b"x-stainless-retry-count", b"x-stainless-read-timeout",
        b"x-stainless-timeout", b"connection",
    }
)  # fmt: skip
_COUNTER_OR_ID = re.compile(rb"[A-Za-z0-9 ,;:=+./_-]{0,128}")
#: AWS Signature Version 4: the signature is new each time, whose key it is made with is not.
_SIGV4 = re.compile(
    rb"AWS4-[A-Z0-9-]+ +Credential=([A-Za-z0-9]{1,128})/[^, ]+, *SignedHeaders=[^, ]+, *Signature=[0-9a-f]{64}"
)


def whole(secret: bytes, parts: Iterable[str], headers: RawHeaders, body: bytes) -> str:
    """Stands for everything that will be sent, every header and the body included."""
    return _digest(secret, parts, headers, body)


def retryable(secret: bytes, parts: Iterable[str], headers: RawHeaders, body: bytes) -> str:
    """Stands for the call whichever attempt this is: as ``whole``, without what is new on every attempt."""
    kept = [(n.lower(), _lasting(n.lower(), v)) for n, v in headers]
    return _digest(secret, parts, sorted((n, v) for n, v in kept if v is not None), body)


def _lasting(name: bytes, value: bytes) -> bytes | None:
    """What of a header is the same on every attempt; ``None``: nothing."""
    if name in PER_ATTEMPT and _COUNTER_OR_ID.fullmatch(value):
        return None
    signed = _SIGV4.fullmatch(value) if name == b"authorization" else None
    return b"AWS4 " + signed[1] if signed else value


def _digest(secret: bytes, parts: Iterable[str], headers: RawHeaders, body: bytes) -> str:
    mac = hmac.new(secret, digestmod=hashlib.sha256)
    fields = [p.encode("utf-8", "surrogateescape") for p in parts]
    for group in (fields, [x for pair in headers for x in pair], [body]):
        mac.update(b"%d;" % len(group))
        for field in group:
            # A length before each field: no two different calls spell the same bytes.
            mac.update(b"%d:" % len(field))
            mac.update(field)
    return mac.hexdigest()
