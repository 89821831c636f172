"""The far side of AWS Signature Version 4: whose signature a request as received bears, or why it bears none.

Written from the IAM user guide, "Create a signed AWS API request", and the S3 API reference, "Signature Calculations for
the Authorization Header"; shares nothing with botocore, which the gateway signs with.
"""

import datetime
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_FREE = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~")
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>\w+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request, "
    r"SignedHeaders=(?P<signed>[^,]+), Signature=(?P<signature>[0-9a-f]{64})"
)


class Refused(Exception):  # noqa: N818 - what the service says
    """The signature does not count; the message says which part."""


@dataclass(frozen=True, slots=True)
class Key:
    secret: str
    token: str | None = None


def encode(data: bytes, *, slash: bool = False) -> str:
    """``UriEncode`` of the guide; with *slash*, that of a path."""
    return "".join(chr(b) if b in _FREE or (slash and b == 0x2F) else f"%{b:02X}" for b in data)


def decode(text: str) -> bytes:
    return re.sub(rb"%([0-9A-Fa-f]{2})", lambda m: bytes([int(m[1], 16)]), text.encode("latin-1"))


def canonical_path(path: str, service: str) -> str:
    """S3: encoded once. Elsewhere: as sent, which is encoded once, and once more."""
    if service == "s3":
        return encode(decode(path), slash=True)
    return encode(path.encode("latin-1"), slash=True) or "/"


def canonical_query(query: str) -> str:
    pairs = []
    for part in query.split("&") if query else []:
        name, _, value = part.partition("=")
        pairs.append((encode(decode(name)), encode(decode(value))))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def verify(
    method: str,
    target: str,
    headers: Sequence[tuple[str, str]],
    body: bytes,
    keys: Mapping[str, Key],
    *,
    service: str,
    region: str,
) -> str:
    """The id of the access key that signed the request.

    Raises:
        Refused: Nobody did whom this service in this region would let in.
    """
    lower = [(name.lower(), value) for name, value in headers]
    found = _AUTHORIZATION.fullmatch(_one(lower, "authorization"))
    if not found:
        raise Refused("the Authorization header is malformed")
    if (found["service"], found["region"]) != (service, region):
        raise Refused("the credential is scoped to another service or region")
    if found["key"] not in keys:
        raise Refused("the security token or access key is not known")
    key, time = keys[found["key"]], _one(lower, "x-amz-date")
    _on_time(time, found["day"])
    tokens = [value for name, value in lower if name == "x-amz-security-token"]
    if tokens != ([key.token] if key.token else []):
        raise Refused("the security token is not that of the key")
    signed = found["signed"].split(";")
    there = {name for name, _ in lower if name.startswith("x-amz-")} | {"host"}
    if signed != sorted(set(signed)) or not there <= set(signed):
        raise Refused("there were headers present which were not signed")
    path, _, query = target.partition("?")
    lines = [
        method,
        canonical_path(path, service),
        canonical_query(query),
        *(f"{name}:{_value(lower, name)}" for name in signed),
        "",
        ";".join(signed),
        _payload(lower, body, service),
    ]
    scope = f"{found['day']}/{region}/{service}/aws4_request"
    digest = hashlib.sha256("\n".join(lines).encode("latin-1")).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{time}\n{scope}\n{digest}"
    secret = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        secret = hmac.digest(secret, part.encode(), "sha256")
    if hmac.digest(secret, text.encode(), "sha256").hex() != found["signature"]:
        raise Refused("the signature does not match")
    return found["key"]


def _one(headers: Sequence[tuple[str, str]], name: str) -> str:
    values = [value for n, value in headers if n == name]
    if len(values) != 1:
        raise Refused(f"{len(values)} headers {name}")
    return values[0]


def _value(headers: Sequence[tuple[str, str]], name: str) -> str:
    values = [re.sub(r"\s+", " ", value.strip()) for n, value in headers if n == name]
    if not values:
        raise Refused(f"{name} is signed and not there")
    return ",".join(values)


def _on_time(time: str, day: str) -> None:
    try:
        then = datetime.datetime.strptime(time, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    except ValueError:
        raise Refused("the time is malformed") from None
    if abs((datetime.datetime.now(datetime.UTC) - then).total_seconds()) > 300 or time[:8] != day:
        raise Refused("the signature has expired")


def _payload(headers: Sequence[tuple[str, str]], body: bytes, service: str) -> str:
    digest = hashlib.sha256(body).hexdigest()
    told = [value for name, value in headers if name == "x-amz-content-sha256"]
    if service == "s3" and len(told) != 1:
        raise Refused("S3 wants x-amz-content-sha256")
    if told == ["UNSIGNED-PAYLOAD"]:
        return told[0]
    if told and told != [digest]:
        raise Refused("the body is not what x-amz-content-sha256 says")
    return digest
