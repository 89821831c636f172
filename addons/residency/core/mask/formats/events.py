"""Server-sent events (``text/event-stream``, the HTML standard, section 9.2): the data of each event is a document."""

import re
from collections.abc import Iterator, Sequence
from functools import partial

from residency.core.mask.formats.part import Part, counted, plain
from residency.errors import Unread

#: A line and what ends it.
_LINE = re.compile(rb"([^\r\n]*)(?:\r\n|\n|\r|\Z)")
_NOTE = re.compile(rb":|(?:event|id|retry)(?::|\Z)")
#: What else ends a line for readers that know more line ends (``str.splitlines``).
_BREAK = re.compile(rb"[\x0b\x0c\x1c-\x1e]|\xc2\x85|\xe2\x80[\xa8\xa9]")
_DATA = re.compile(rb"data(?::[ ]?|\Z)")
#: How APIs of models say that the stream ends; it is not JSON and holds nothing.
_DONE = b"[DONE]"
_OPENING = (b"{", b"[", b'"')

type _Extent = tuple[int, int]


def events(data: bytes) -> list[Part]:
    """The data of each event: a JSON document if it begins like one, or else text. All other lines are notes.

    Raises:
        Unread: ``format`` if an event's data stands on lines that are not next to each other, or a line is of no field
            that there is (readers that do not look at the type might read it); ``charset``.
    """
    plain(data)
    parts: list[Part] = []
    values: list[_Extent] = []
    apart = False
    for line in _LINE.finditer(data):
        start, end = line.span(1)
        found = _DATA.match(line[1])
        if found:
            if values and apart:
                raise Unread("format", "an event's data in two places")
            values.append((start + found.end(), end))
            apart = False
        elif start < end:
            if not _NOTE.match(line[1]) or _BREAK.search(line[1]):
                raise Unread("format", "a line that is none of an event stream")
            parts.append(Part(start, end, line[1], "note"))
            apart = True
        else:
            parts += _event(data, values)
            values = []
    return counted([*parts, *_event(data, values)])


def _event(data: bytes, values: Sequence[_Extent]) -> Iterator[Part]:
    """The one part that the data lines of an event are, if they say something."""
    text = b"\n".join(data[start:end] for start, end in values)
    if text.strip() in (b"", _DONE):
        return
    between = data[values[0][1] : values[1][0]] if len(values) > 1 else b""
    spell = partial(_spelled, between)
    json = text.lstrip().startswith(_OPENING)
    if not json and _BREAK.search(text):
        raise Unread("format", "a line end that readers differ about")
    yield Part(values[0][0], values[-1][1], text, "json" if json else "text", spell=spell)


def _spelled(between: bytes, text: bytes) -> bytes:
    """On as many lines as *text* has; *between* is what stood between two."""
    if b"\r" in text or (b"\n" in text and not between):
        raise Unread("format", "a line end where none was")
    return between.join(text.split(b"\n"))
