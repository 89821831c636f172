"""Streams cut into their messages as they come: server-sent events, JSON lines and sequences, AWS event streams, texts.

A ``Cutter`` gives out a message as soon as it is complete, and holds no more than one. What it gives out, joined, is
what it was given.
"""

import base64
import binascii
import codecs
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from residency.core.mask import compose, engine, eventstream
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
_RS = b"\x1e"


class Cutter(Protocol):
    """One stream."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that are complete with *data*.

        Raises:
            Unread: There are none: the rest is in ``rest``.
        """
        ...

    def rest(self) -> bytes:
        """What waits for the end of its message, handed over."""
        ...


class _Held:
    """What has come and not gone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._data = bytearray()

    def rest(self) -> bytes:
        return self._taken(len(self._data))

    def _taken(self, end: int) -> bytes:
        taken = bytes(self._data[:end])
        del self._data[:end]
        return taken

    def _check(self) -> None:
        if len(self._data) > self._limit:
            raise Unread("too-large", "a message of a stream")


class _Ended(_Held):
    """Messages that end with what ``end`` finds, in at most ``overlap`` bytes."""

    def __init__(self, end: re.Pattern[bytes], overlap: int, limit: int) -> None:
        super().__init__(limit)
        self._end, self._overlap = end, overlap
        self._seen = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._data += data
        at = 0
        seen = max(0, self._seen - self._overlap)
        while found := self._end.search(self._data, max(at, seen)):
            yield bytes(self._data[at : found.end()])
            at = found.end()
        del self._data[:at]
        self._seen = len(self._data)
        self._check()


class _Sequence(_Held):
    """Texts of RFC 7464, each from a record separator to the line feed behind what is JSON."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        #: When to look again whether what waits is complete: each look reads all of it.
        self._next = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._data += data
        while (end := self._data.find(_RS, 1)) > 0:
            self._next = 0
            yield self._taken(end)
        if len(self._data) >= self._next and self._data.endswith(b"\n"):
            if _is_json(bytes(self._data).lstrip(_RS)):
                self._next = 0
                yield self._taken(len(self._data))
            else:
                self._next = 2 * len(self._data)
        self._check()


class _Messages(_Held):
    """Messages that tell their length."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._data += data
        while (size := eventstream.length(bytes(self._data[:12]), limit=self._limit)) is not None:
            if size > len(self._data):
                return
            yield self._taken(size)


class _Text(_Held):
    """Whatever has come of a text, to its last whole character."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._data += data
        whole = _characters(bytes(self._data))
        if whole is None:
            raise Unread("charset", "not UTF-8")
        if whole:
            yield self._taken(whole)


def _characters(data: bytes) -> int | None:
    """How many bytes of *data* are whole characters; ``None`` if some can be none."""
    try:
        return codecs.utf_8_decode(data, "strict", False)[1]
    except UnicodeDecodeError:
        return None


def is_utf8(data: bytes) -> bool:
    return _characters(data) == len(data)


def _is_json(data: bytes) -> bool:
    try:
        json.loads(data)
    except (ValueError, RecursionError):
        return False
    return True


# What is in a message


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
    data = raw.lstrip(_RS)
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


_EVENTS = Kind(
    "events", lambda limit: _Ended(_EVENT_END, 3, limit), _open_event, _composed(events)
)
_LINES = Kind(
    "lines",
    lambda limit: _Ended(re.compile(rb"\n"), 0, limit),
    _open_line,
    _composed(lines.ndjson),
)
_SEQUENCES = Kind("sequence", _Sequence, _open_sequence, _composed(lines.sequence))
_MESSAGES = Kind("messages", _Messages, _open_message, _mask_message)
_TEXTS = Kind("text", _Text)


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
