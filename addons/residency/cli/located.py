"""A described call, located: what ``residency locate`` and its ``--batch`` share.

A batch is one JSON line in, one JSON line out, in order.
"""

import datetime
import json
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Annotated, BinaryIO

import msgspec

from residency.cli.lines import MAX_LINE, batches
from residency.cli.options import today
from residency.core.body import read_json
from residency.core.call import Head, Headers
from residency.core.judge import DEFAULT_LIMIT
from residency.core.plain import Plain
from residency.core.policy.cases import body_bytes
from residency.core.protocol.operations import UNTOLD
from residency.core.region.destination import Destination, Evidence
from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE
from residency.core.region.locate import locate as where
from residency.core.url import parse
from residency.errors import RegionError, Unread

if TYPE_CHECKING:
    from residency.core.region.atlas import Atlas

KEYS = ("provider", "function", "regions", "places", "status", "evidence")
MEND = 'write {"url": "https://…", "method": "POST", "headers": {"name": "value"}, "body": …}'
#: As deep as a body may nest, so a line with no more brackets than this has none that nests deeper.
_BRACKETS = 64

type Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a line may say; ``body`` is a JSON value, or text that is sent as it is."""

    url: Text
    method: Text | None = None
    headers: dict[str, str] | None = None
    body: object = None


def ask(atlas: "Atlas", url: str, method: str | None, headers: Headers, raw: bytes) -> Destination:
    """Where the call may be processed, with *raw* as it would be sent. Never raises."""
    codings = [v for n, v in headers if n.lower() == "content-encoding"]
    return _ask(atlas, url, method, headers, partial(_read, raw, codings), today())


def to_plain(to: Destination) -> dict[str, Plain]:
    """The answer for machines."""
    plain = to.to_plain()
    # Only where the body names any: few do.
    names = [o for o in to.operations or () if o != UNTOLD]
    named: dict[str, Plain] = {"operations": plain["operations"]} if names else {}
    return {key: plain[key] for key in KEYS} | named


def answer_all(atlas: "Atlas", lines: BinaryIO, out: BinaryIO) -> bool:
    """Answer each of *lines* on *out*, those that came together at once; True if all were good."""
    encode, good, number = msgspec.json.Encoder().encode, True, 0
    for batch in batches(lines):
        day = today()
        answers = []
        for line in batch:
            number += 1
            try:
                answer = _answer(atlas, line, day)
            except _BadLineError as e:
                answer, good = _error(number, str(e)), False
            answers.append(encode(answer) + b"\n")
        out.write(b"".join(answers))
        out.flush()
    return good


def _answer(atlas: "Atlas", line: bytes | None, day: datetime.date) -> dict[str, Plain]:
    if line is None:
        raise _BadLineError(f"the line is longer than {MAX_LINE} bytes")
    try:
        text = line.decode("utf-8")
        call = msgspec.convert(_LINE.decode(text), _Line)
    except UnicodeError:
        raise _BadLineError("the line is not UTF-8") from None
    except (msgspec.ValidationError, _TwiceError) as e:
        raise _BadLineError(str(e)) from None
    except (ValueError, RecursionError):
        raise _BadLineError("the line is not one JSON value") from None
    headers = tuple(call.headers.items()) if call.headers else ()
    return to_plain(_ask(atlas, call.url, call.method, headers, _body(call.body, text), day))


def _ask(
    atlas: "Atlas",
    url: str,
    method: str | None,
    headers: Headers,
    body: object,
    day: datetime.date,
) -> Destination:
    """*body* is what is told of it, or a function that reads it: asked only where it may change what is told."""
    try:
        parts = parse(url)
    except RegionError as e:
        return Destination(evidence=(Evidence("host", f"{e.code}: {e.detail}", "request"),))
    head = Head(
        method=method or "",
        scheme=parts.scheme,
        host=parts.host,
        port=parts.port,
        path=parts.path,
        query=parts.query,
        headers=tuple([(name.lower(), value) for name, value in headers]),
    )
    to = where(atlas, head, PENDING if callable(body) else body, today=day)
    if callable(body) and (to.provisional or to.silent):
        return where(atlas, head, body(), today=day)
    return to


def _body(value: object, line: str) -> object:
    """What a gateway would read of the body, which is *value* in *line*."""
    if value is None or value == "":
        return NO_BODY
    if len(line) > DEFAULT_LIMIT or "\\u" in line or line.count("[") + line.count("{") > _BRACKETS:
        return partial(_read, body_bytes(value), ())
    # Nothing here that only the exact reader would refuse: no half of a surrogate pair, not too deep, not too long.
    if not isinstance(value, str):
        return value
    try:
        return _LINE.decode(value)
    except ValueError:
        return UNREADABLE


def _read(raw: bytes, codings: Sequence[str]) -> object:
    if not raw:
        return NO_BODY
    try:
        return read_json(raw, codings, limit=DEFAULT_LIMIT)
    except Unread:
        return UNREADABLE


def _error(number: int, message: str) -> dict[str, Plain]:
    return {"error": {"line": number, "code": "line", "message": message, "mend": MEND}}


class _BadLineError(ValueError):
    """A line is no call."""


class _TwiceError(ValueError):
    """A name stands twice in one object, so it says two things."""


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _TwiceError("a name stands twice in one object")
    return found


def _constant(_: str) -> object:
    raise ValueError("no JSON number")


#: Numbers are text, as in a body that a gateway reads.
_LINE = json.JSONDecoder(
    object_pairs_hook=_object, parse_constant=_constant, parse_int=str, parse_float=str
)
