"""What the provider says afterwards about where a call ran, against what was assumed before.

A witness hears an answer as it streams past: it keeps a bounded part of it, changes nothing, and never raises. An answer
that it cannot read says nothing; that is no drift, and no proof either.
"""

import json
import re
from collections.abc import Iterable, Iterator, Sequence

from residency.core.call import Headers
from residency.core.mask import coding
from residency.core.places import Places
from residency.core.region.reading import select
from residency.core.region.says import Saying
from residency.errors import Unread

#: Bytes of an answer that are kept, and that come out of a compressed one.
LIMIT = 1 << 20
#: The ends of lines, and so of events, of WHATWG HTML, "server-sent events": CRLF, LF or CR.
_EVENTS = re.compile(rb"(?>\r\n|\n|\r){2}")
_LINES = re.compile(rb"\r\n|\n|\r")


class Witness:
    """Hears one answer. ``headers`` are the response's: names in lower case."""

    def __init__(self, sayings: Sequence[Saying], headers: Headers, *, limit: int = LIMIT) -> None:
        media_type = "".join(v for n, v in headers if n == "content-type")
        kind = media_type.partition(";")[0].strip().lower()
        self._streams = kind == "text/event-stream"
        wanted = (
            "event"
            if self._streams
            else "body"
            if kind == "application/json" or kind.endswith("+json")
            else ""
        )
        self._sayings = tuple(s for s in sayings if s.kind == wanted)
        self._codings = [v for n, v in headers if n == "content-encoding"]
        self._limit = limit
        self._heard = bytearray()
        self._missed = False
        self._said = [
            s.places(value)
            for s in sayings
            for name, value in headers
            if s.kind == "header" and s.name == name
        ]

    @property
    def listens(self) -> bool:
        """Whether the answer's body may say anything."""
        return bool(self._sayings)

    @property
    def size(self) -> int:
        """Bytes that are kept."""
        return len(self._heard)

    def hear(self, chunk: bytes) -> None:
        """The next bytes of the answer's body."""
        room = self._limit - len(self._heard)
        if len(chunk) > room:
            self._missed = True
        if self._sayings and room:
            self._heard += chunk[:room]

    def said(self) -> Places | None:
        """Every place that the answer says, or ``None``: it said nothing that can be read."""
        found = [*self._said, *self._read()]
        places = [p for p in found if p is not None]
        if not places:
            return None
        first, *others = places
        for other in others:
            first |= other
        return first

    def _read(self) -> Iterator[Places | None]:
        for value in self._values() if self._sayings else ():
            for saying in self._sayings:
                readings = select(value, saying.steps)
                yield from (saying.places(r) for r in readings if isinstance(r, str))

    def _values(self) -> Iterator[object]:
        """The JSON values of the answer: one, or one for each event."""
        try:
            data = self._decoded()
        except Unread:
            return
        texts: Iterable[bytes] = _events(data) if self._streams else [data]
        names = [s.steps[-1][1].encode() for s in self._sayings if s.steps]
        for text in texts:
            if not any(name in text for name in names):
                continue
            try:
                yield _STRICT.decode(text.decode("utf-8"))
            except (ValueError, RecursionError):
                continue

    def _decoded(self) -> bytes:
        """What was heard, decoded.

        Raises:
            Unread: It is compressed and not whole, or in a way that is not read here.
        """
        raw = bytes(self._heard)
        if all(c.strip().lower() in ("", "identity") for c in self._codings):
            return raw
        if self._missed:
            raise Unread("too-large")
        return coding.decode(raw, self._codings, limit=self._limit)


def drifts(assumed: Places, said: Places) -> bool:
    """Whether *said* is a place that *assumed* left out. Nothing that is assumed anywhere, or unknown, is left out."""
    if assumed.anywhere or assumed.unknown:
        return False
    return said.anywhere or said.unknown or not said.codes <= assumed.codes


def _events(data: bytes) -> Iterator[bytes]:
    """The data of each event that has ended."""
    *whole, _ = _EVENTS.split(data)
    for event in whole:
        lines = [line[5:] for line in _LINES.split(event) if line.startswith(b"data:")]
        yield b"\n".join(line.removeprefix(b" ") for line in lines)


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


_STRICT = json.JSONDecoder(object_pairs_hook=_object, parse_int=str, parse_float=str)
