"""One exact call as a digest: what a human ruled on is what is sent, and nothing else.

The digests are keyed, so that a small payload cannot be guessed from one; the key lives as long as the process.
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence

type RawHeaders = Sequence[tuple[bytes, bytes]]

#: Headers that SDKs write anew on every attempt (timestamps, signatures, attempt counters, trace ids). They do not take
#: part in ``retryable``, because an approved call is sent again by the SDK and not by the person.
PER_ATTEMPT = frozenset(
    {
        b"authorization", b"date", b"x-amz-date", b"x-amz-security-token", b"amz-sdk-request", b"amz-sdk-invocation-id",
        b"x-amzn-trace-id", b"traceparent", b"tracestate", b"baggage", b"x-request-id", b"x-client-request-id",
        b"x-stainless-retry-count", b"x-stainless-read-timeout", b"x-stainless-timeout", b"idempotency-key",
        b"connection", b"proxy-connection",
    }
)  # fmt: skip


def whole(secret: bytes, parts: Iterable[str], headers: RawHeaders, body: bytes) -> str:
    """Stands for everything that will be sent, every header and the body included."""
    return _digest(secret, parts, headers, body)


def retryable(secret: bytes, parts: Iterable[str], headers: RawHeaders, body: bytes) -> str:
    """Stands for the call whichever attempt this is: as ``whole``, without ``PER_ATTEMPT`` headers."""
    kept = [(n.lower(), v) for n, v in headers if n.lower() not in PER_ATTEMPT]
    return _digest(secret, parts, sorted(kept), body)


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
