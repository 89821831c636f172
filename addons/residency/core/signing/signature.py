"""A call's own AWS signature: whose it is and what for, where it is of the one form that can be made anew.

The gateway cannot verify it, since it does not have the caller's secret: it says what the caller claims. What vouches
for the caller is their identity; what a signature made anew permits, the rules and the role say.

Sources: IAM user guide, "Create a signed AWS API request" and "Elements of an AWS API request signature"; S3 API
reference, "Authenticating Requests: Using the Authorization Header" (payloads, streaming), "Using Query Parameters".
"""

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self
from urllib.parse import unquote

from residency.core.call import Headers
from residency.core.mask import digests
from residency.core.plain import Plain
from residency.core.signing.host import scope_of

#: How far a signature's time may be from the gateway's, in seconds: what S3 allows, and more than others do.
SKEW = 15 * 60
_FORM = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([A-Za-z0-9_]{16,128})/([0-9]{8})/([a-z0-9-]{1,40})/([A-Za-z0-9-]{1,60})"
    r"/aws4_request, *SignedHeaders=([a-z0-9._;-]{1,4096}), *Signature=[0-9a-f]{64}"
)
_TIME = re.compile(r"[0-9]{8}T[0-9]{6}Z")
#: Headers of the forms that are not made anew: 4A, S3 Express, aws-chunked payloads.
_OTHER_FORMS = frozenset(
    {"x-amz-region-set", "x-amz-s3session-token", "x-amz-trailer", "x-amz-decoded-content-length", "trailer"}
)  # fmt: skip
#: What there may be once at most: two would leave open which one counts.
_ONCE = (
    "authorization",
    "x-amz-date",
    "x-amz-security-token",
    "x-amz-content-sha256",
    "host",
    "content-type",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Whose signature, by the id of the access key, for which service and region.

    ``problem`` is why it cannot be made anew: ``form``, then nothing else is told, or ``scope``: the host is another's.
    It is empty where it can be; as made without arguments it cannot.
    """

    problem: str = "form"
    service: str = ""
    region: str = ""
    key: str = ""

    def to_plain(self) -> dict[str, Plain]:
        return {
            "problem": self.problem,
            "service": self.service,
            "region": self.region,
            "key": self.key,
        }

    @classmethod
    def from_plain(cls, plain: Plain) -> Self:
        """The inverse of ``to_plain``.

        Raises:
            TypeError: *plain* is nothing that ``to_plain`` answers.
        """
        if not isinstance(plain, Mapping) or plain.keys() != set(cls.__dataclass_fields__):
            raise TypeError("signature: wrong keys")
        parts = {name: part for name, part in plain.items() if isinstance(part, str)}
        if len(parts) != len(plain):
            raise TypeError("signature: wrong type")
        return cls(**parts)


def read(headers: Headers, query: str, host: str, raw: bytes) -> Signature:
    """The signature of a signed call.

    Args:
        headers: All headers; names in small letters.
        query: As sent, without the question mark.
        host: The canonical name of the host that is called.
        raw: The body as sent.
    """
    form = _form(headers)
    if form is None or not _is_plain(headers, query, raw):
        return Signature()
    key, date, region, service, names = form.groups()
    there = {name for name, _ in headers}
    signed = set(names.split(";"))
    if "host" not in signed or not signed <= there | {"host"} or not time_of(headers, date):
        return Signature()
    problem = "" if scope_of(host) == (service, region) else "scope"
    return Signature(problem=problem, service=service, region=region, key=key)


def time_of(headers: Headers, day: str | None = None) -> datetime.datetime | None:
    """When the call was signed, UTC; ``None`` if it does not say so properly, or not on *day* (YYYYMMDD)."""
    times = [value for name, value in headers if name == "x-amz-date"]
    if len(times) != 1 or not _TIME.fullmatch(times[0]) or not times[0].startswith(day or ""):
        return None
    try:
        return datetime.datetime.strptime(times[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.UTC)
    except ValueError:
        return None


def is_fresh(headers: Headers, now: float) -> bool:
    """True if the call was signed about *now*, Unix time in seconds: an old one does not come to life again."""
    time = time_of(headers)
    return time is not None and abs(time.timestamp() - now) <= SKEW


def signed_names(headers: Headers) -> frozenset[str]:
    """The names of the headers that the caller signed; none where there is no signature of the form."""
    form = _form(headers)
    return frozenset(form[5].split(";")) if form else frozenset()


def _form(headers: Headers) -> re.Match[str] | None:
    found = [value for name, value in headers if name == "authorization"]
    return _FORM.fullmatch(found[0]) if len(found) == 1 else None


def _is_plain(headers: Headers, query: str, raw: bytes) -> bool:
    """True if nothing but the Authorization header signs the call, and all of it can be signed."""
    names = [name for name, _ in headers]
    if any(names.count(name) > 1 for name in _ONCE) or not _OTHER_FORMS.isdisjoint(names):
        return False
    # A plus is a blank to some readers: the two would be signed otherwise.
    if "+" in query or any(_is_amz(part) for part in query.split("&")):
        return False
    rest = tuple(pair for pair in headers if pair[0] != "authorization")
    return not digests.is_signed(rest, query, raw) and all(_is_utf8(value) for _, value in headers)


def _is_amz(part: str) -> bool:
    return unquote(part.partition("=")[0]).lower().startswith("x-amz-")


def _is_utf8(value: str) -> bool:
    try:
        value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return False
    return True
