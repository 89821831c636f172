"""The formats of streams: where their messages end, and the document that is in each, to be put back masked.

Server-sent events, JSON lines and sequences, AWS event streams, and texts.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from residency.core.mask import compose, engine, eventstream
from residency.core.mask.cutter import (
    RECORD_SEPARATOR,
    Cutter,
    Ended,
    JsonSequence,
    Messages,
    Text,
)
from residency.core.mask.engine import Edited
from residency.core.mask.formats import lines, media
from residency.core.mask.formats.events import events
from residency.core.mask.formats.part import Split
from residency.core.mask.job import Job
from residency.core.mask.session import Session
from residency.errors import Unread

type Build = Callable[[bytes], bytes]
#: A message's document, and how to make the message anew around another.
type Opened = tuple[bytes, Build]

#: An event ends with a blank line. A CR at the very end may be half of a line's end.
_EVENT_END = re.compile(rb"(?:\r\n|\n|\r(?!\n|\Z)){2}")
_LINE = re.compile(rb"([^\r\n]*)(\r\n|\n|\r|\Z)")
_DATA = re.compile(rb"data(?::[ ]?|\Z)")


def _open_event(raw: bytes) -> Opened | None:
    found = [(line, d) for line in _LINE.finditer(raw) if (d := _DATA.match(line[1]))]
    if not found:
        return None
    data = b"\n".join(line[1][d.end() :] for line, d in found)

    def build(new: bytes) -> bytes:
        texts = re.split(rb"\r\n|\n|\r", new)
        # One for each line; if there are more or fewer, all where the first was.
        lines_ = (
            [[t] for t in texts] if len(texts) == len(found) else [texts, *([] for _ in found[1:])]
        )
        pieces: list[bytes] = []
        at = 0
        for (line, d), own in zip(found, lines_, strict=True):
            pieces.append(raw[at : line.start()])
            pieces += (_data_line(line[1][: d.end()], text) + (line[2] or b"\n") for text in own)
            at = line.end()
        return b"".join([*pieces, raw[at:]])

    return data, build


def _data_line(prefix: bytes, text: bytes) -> bytes:
    # A reader takes one space off.
    plain = prefix.endswith(b" ") or (prefix.endswith(b":") and not text.startswith(b" "))
    return (prefix if plain else b"data: ") + text


def _open_line(raw: bytes) -> Opened | None:
    data = raw.rstrip(b"\r\n")
    return (data, lambda new: new + raw[len(data) :]) if data.strip() else None


def _open_sequence(raw: bytes) -> Opened | None:
    data = raw.lstrip(RECORD_SEPARATOR)
    return data, lambda new: raw[: len(raw) - len(data)] + new


def _open_message(raw: bytes) -> Opened | None:
    """The payload; of Bedrock's InvokeModelWithResponseStream, the JSON that it has in base64."""
    message = eventstream.message(raw)

    def build(new: bytes) -> bytes:
        return eventstream.Message(message.headers, new).to_bytes()

    inner = _inner(message.payload)
    if inner is None:
        return (message.payload, build) if message.payload else None
    start, end = inner.span(1)

    def rebuild(new: bytes) -> bytes:
        payload = message.payload
        return build(payload[:start] + base64.b64encode(new) + payload[end:])

    return base64.b64decode(inner[1]), rebuild


_INNER = re.compile(rb'\{\s*"bytes"\s*:\s*"([A-Za-z0-9+/]+={0,2})"\s*[,}]')


def _inner(payload: bytes) -> re.Match[bytes] | None:
    found = _INNER.match(payload)
    try:
        base64.b64decode(found[1], validate=True) if found else b""
    except binascii.Error:
        return None
    return found


def _members(payload: bytes) -> dict[str, object]:
    value: object = json.loads(payload)
    return value if isinstance(value, dict) else {}


def _composed(split: Split) -> "Callable[[bytes, Job, Session], Edited]":
    return lambda raw, job, session: compose.mask(raw, split, job, session)


def _mask_message(raw: bytes, job: Job, session: Session) -> Edited:
    opened = _open_message(raw)
    if opened is None:
        return Edited(raw, job.counts())
    payload = eventstream.message(raw).payload
    edited = engine.mask_json(opened[0], job, session)
    if opened[0] != payload and engine.mask_json(payload, job, session).data != payload:
        raise Unread("stream", "a field beside the document of a message")
    if opened[0] == payload and "bytes" in _members(payload):
        raise Unread("stream", "a document in base64 where none is expected")
    same = edited.data == opened[0]
    return Edited(raw if same else opened[1](edited.data), edited.counts)


@dataclass(frozen=True, slots=True)
class Kind:
    """A format of streams. A plain text has neither ``open`` nor ``mask``: its messages are wherever it was cut."""

    name: str
    cutter: Callable[[int], Cutter]
    open: Callable[[bytes], Opened | None] | None = None
    mask: Callable[[bytes, Job, Session], Edited] | None = None


_EVENTS = Kind("events", lambda limit: Ended(_EVENT_END, 3, limit), _open_event, _composed(events))
_LINES = Kind(
    "lines",
    lambda limit: Ended(re.compile(rb"\n"), 0, limit),
    _open_line,
    _composed(lines.ndjson),
)
_SEQUENCES = Kind("sequence", JsonSequence, _open_sequence, _composed(lines.sequence))
_MESSAGES = Kind("messages", Messages, _open_message, _mask_message)
_TEXTS = Kind("text", Text)


def kind_of(content_types: list[str]) -> Kind | None:
    """The format of a stream by its Content-Type headers; ``None`` if it is no stream.

    Raises:
        Unread: ``format`` or ``charset``, as ``media.parse``.
    """
    kind = media.parse(content_types).kind
    if kind == "text/event-stream":
        return _EVENTS
    if kind in lines.NDJSON:
        return _LINES
    if kind.endswith("json-seq"):
        return _SEQUENCES
    if kind == "application/vnd.amazon.eventstream":
        return _MESSAGES
    return _TEXTS if kind == "text/plain" else None
