"""Where a message of a stream ends: each is given out as soon as it is complete, and no more than one is held.

What a cutter gives out, joined, is what it was given.
"""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Protocol

from residency.core.mask import eventstream
from residency.errors import Unread

RECORD_SEPARATOR = b"\x1e"


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


class Ended(_Held):
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


class JsonSequence(_Held):
    """Texts of RFC 7464, each from a record separator to the line feed behind what is JSON."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        #: When to look again whether what waits is complete: each look reads all of it.
        self._next = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._data += data
        while (end := self._data.find(RECORD_SEPARATOR, 1)) > 0:
            self._next = 0
            yield self._taken(end)
        if len(self._data) >= self._next and self._data.endswith(b"\n"):
            if _is_json(bytes(self._data).lstrip(RECORD_SEPARATOR)):
                self._next = 0
                yield self._taken(len(self._data))
            else:
                self._next = 2 * len(self._data)
        self._check()


class Messages(_Held):
    """Messages that tell their length."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        self._data += data
        while (size := eventstream.length(bytes(self._data[:12]), limit=self._limit)) is not None:
            if size > len(self._data):
                return
            yield self._taken(size)


class Text(_Held):
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
