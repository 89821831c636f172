"""Strings inside a JSON text: what they say, and the same string with parts of it replaced."""

import json
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import accumulate

#: Any string, or number, of a JSON text that has been checked.
SCALAR = re.compile(rb'"(?:[^"\\]++|\\.)*+"|-?[0-9][0-9.eE+-]*+', re.DOTALL)
#: A number with an exponent, of a size at which its digits may say something.
_SCALED = re.compile(r"[-0-9.]{1,40}[eE][+-]?0{0,40}[0-9]{1,2}")
_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\."
)


@dataclass(frozen=True, slots=True)
class Change:
    """What stands in a text from ``start`` to ``end``, in characters, is to become ``text``."""

    start: int
    end: int
    text: str = field(repr=False)


def meaning(lexeme: bytes) -> str:
    """What a JSON string says; a number says its digits: ``4111e3`` is 4111000."""
    if not lexeme.startswith(b'"'):
        digits = lexeme.decode()
        return format(Decimal(digits), "f") if _SCALED.fullmatch(digits) else digits
    text = lexeme.decode()
    return str(json.loads(text)) if "\\" in text else text[1:-1]


def scalars(
    data: bytes,
    areas: Sequence[tuple[int, int, frozenset[int]]],
    alone: Sequence[tuple[int, int]],
    gone: Iterable[tuple[int, int]],
) -> Iterator[tuple[int, int, frozenset[int]]]:
    """Strings and numbers of *data* with the fields that look into them, by start: keys, too.

    Args:
        data: A JSON text that has been checked.
        areas: Values, and the fields that look into all of each.
        alone: Values into which, if they are strings, some look beside that.
        gone: Values that are left out with all in them; ascending and apart.
    """
    wanted: dict[int, tuple[int, frozenset[int]]] = {}
    last = 0
    for first, stop, fields in areas:
        found = map(re.Match.span, SCALAR.finditer(data, first, stop))
        if first >= last:
            wanted |= {start: (end, fields) for start, end in found}
        else:
            for start, end in found:
                wanted[start] = end, fields | wanted.get(start, (0, fields))[1]
        last = max(last, stop)
    for start, end in alone:
        if data.startswith(b'"', start):
            wanted.setdefault(start, (end, frozenset()))
    ends = iter(gone)
    begin, stop = next(ends, (len(data), 0))
    for start, (end, fields) in sorted(wanted.items()):
        while stop and stop <= start:
            begin, stop = next(ends, (len(data), 0))
        if start < begin:
            yield start, end, fields


def changed(text: str, changes: Sequence[Change]) -> tuple[str, list[tuple[int, int]]]:
    """*text* after *changes*, which are ascending and apart, and where in it the new parts stand."""
    parts: list[str] = []
    ranges: list[tuple[int, int]] = []
    at = length = 0
    for change in changes:
        parts += text[at : change.start], change.text
        length += change.start - at
        ranges.append((length, length + len(change.text)))
        length += len(change.text)
        at = change.end
    return "".join([*parts, text[at:]]), ranges


def rewritten(lexeme: bytes, changes: Sequence[Change]) -> bytes:
    """The JSON string *lexeme* after *changes* to what it says; all else keeps its spelling. A number becomes a string."""
    if not lexeme.startswith(b'"'):
        return json.dumps(changed(meaning(lexeme), changes)[0]).encode()
    spelled = lexeme.decode()
    spans = [found.span() for found in _ESCAPE.finditer(spelled)]
    # Each escape says one character, so what comes behind it is further on in the spelling, by so many.
    more = [*accumulate((end - start - 1 for start, end in spans), initial=1)]
    here = [start - by for (start, _), by in zip(spans, more, strict=False)]

    def place(at: int) -> int:
        return at + more[bisect_left(here, at)]

    inner = [Change(place(c.start), place(c.end), json.dumps(c.text)[1:-1]) for c in changes]
    return changed(spelled, inner)[0].encode()
