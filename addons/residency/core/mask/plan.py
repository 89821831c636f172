"""All paths of a job as one plan, run over a body's bytes in one pass.

``select`` answers where the selected values stand, in bytes. ``extent`` answers what a value is
called and stands in, so that a member can go with its key.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from residency.core.mask import walk
from residency.core.mask.path import Path_
from residency.core.mask.swift import Replace, Swift
from residency.core.mask.text import parse

_BLANK = b" \t\n\r"
_COLON = ord(":")


@dataclass(frozen=True, slots=True)
class Hit:
    """What paths select: ``start`` and ``end`` in bytes, and the numbers of these paths, ascending.

    A ``key`` is the name of a member, with its quotes; a ``value`` is a whole JSON value.
    """

    start: int
    end: int
    paths: tuple[int, ...]
    kind: Literal["value", "key"] = "value"


class Plan:
    """Several paths, ready to run together. A path's number is its place among them."""

    def __init__(self, paths: Sequence[Path_]) -> None:
        self.paths = tuple(paths)
        self.machine = walk.Machine(self.paths)
        self.swift = Swift(self.machine)

    @property
    def relative(self) -> bool:
        """True if what a path selects depends on more than the names that lead to it: on other values, or its place."""
        return any(s.filters or s.indices or s.slices for s in self.machine.segments.values())

    def select(self, data: bytes, *, depth: int = 64) -> list[Hit]:
        """Everything that a path selects in *data*, once each, sorted by start; outer before inner.

        Args:
            data: One strict JSON value in UTF-8.
            depth: How many containers deep it may nest.

        Raises:
            Unread: It is not that; the reasons are those of ``text.parse``.
        """
        body = parse(data, depth=depth)
        hits = walk.run(self.machine, body)
        if body.text.isascii():
            return [Hit(h.start, h.end, h.paths, "key" if h.key else "value") for h in hits]
        places = _places(body.text, {at for hit in hits for at in (hit.start, hit.end)})
        return [
            Hit(places[h.start], places[h.end], h.paths, "key" if h.key else "value") for h in hits
        ]

    def replaced(
        self, data: bytes, replace: Replace, *, depth: int = 64
    ) -> tuple[bytes, Counter[tuple[int, ...]]] | None:
        """*data* with every selected value replaced, proven; and how many values each group of paths selected.

        The quick way, which bodies of a shape that repeats can go: see ``swift``. What it answers is what ``select``
        finds, edited at each hit, and selected again in the result. ``None``: it has no answer, ``select`` has.

        Args:
            data: As for ``select``.
            replace: What replaces the values that the paths with these numbers select, always together: JSON scalars.
                Bytes are cheaper than a function, and must be the same in every call. ``Unfit``, if it raises that,
                means that this cannot be said.
            depth: As for ``select``.
        """
        return self.swift.mask(data, replace, depth=depth)


def extent(data: bytes, hit: Hit) -> tuple[int, int]:
    """Where the member whose value *hit* is begins and ends: from its key to the end of its value.

    An element of an array, the root, or a key by itself, is its own extent. No comma is included.
    """
    colon = _before(data, hit.start, _BLANK) - 1
    if colon < 0 or data[colon] != _COLON:
        return hit.start, hit.end
    return _opening(data, _before(data, colon, _BLANK) - 1), hit.end


def _before(data: bytes, at: int, these: bytes) -> int:
    """Where the run of *these* bytes that ends at *at* begins."""
    while at and data[at - 1] in these:
        at -= 1
    return at


def _opening(data: bytes, closing: int) -> int:
    """The quote that opens the string which *closing* ends: the nearest one that no backslash escapes."""
    at = data.rfind(b'"', 0, closing)
    while (at - _before(data, at, b"\\")) % 2:
        at = data.rfind(b'"', 0, at)
    return at


def _places(text: str, offsets: set[int]) -> dict[int, int]:
    """Offsets in *text* as offsets in its UTF-8 bytes."""
    places: dict[int, int] = {}
    last = count = 0
    for at in sorted(offsets):
        count += len(text[last:at].encode())
        places[at], last = count, at
    return places
