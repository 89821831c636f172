"""Members and elements that go, each with exactly one comma; what is between the others stays byte for byte."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

_BLANK = b" \t\n\r"


def cuts(data: bytes, extents: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """What to take out of *data* so that what stands at *extents* is gone and the rest is JSON still.

    Extents are whole members or elements, ascending and apart. The comma that goes is the one behind; for the last ones
    of a container the one before.
    """
    for run in _runs(data, extents):
        yield from run
        for (_, end), (start, _) in pairwise(run):
            yield _comma(data, end, start)
        before, behind = _last(data, run[0][0]), _first(data, run[-1][1])
        if data[behind : behind + 1] == b",":
            yield behind, behind + 1
        elif data[before : before + 1] == b",":
            yield before, before + 1


def is_root(data: bytes, start: int) -> bool:
    """True if nothing stands before *start*, or another document."""
    last = _last(data, start)
    return last < 0 or data[last] in b"}]"


def _runs(data: bytes, extents: Sequence[tuple[int, int]]) -> Iterator[list[tuple[int, int]]]:
    """*extents*, those together that have nothing but a comma between them."""
    run: list[tuple[int, int]] = []
    for extent in extents:
        if run and data[run[-1][1] : extent[0]].strip(_BLANK) != b",":
            yield run
            run = []
        run.append(extent)
    if run:
        yield run


def _comma(data: bytes, start: int, end: int) -> tuple[int, int]:
    at = data.index(b",", start, end)
    return at, at + 1


def _first(data: bytes, at: int) -> int:
    """The first byte from *at* on that is not blank."""
    while data[at : at + 1] and data[at] in _BLANK:
        at += 1
    return at


def _last(data: bytes, at: int) -> int:
    """The last byte before *at* that is not blank; -1 if there is none."""
    at -= 1
    while at >= 0 and data[at] in _BLANK:
        at -= 1
    return at
