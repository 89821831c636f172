"""Count regulated fields in a body, and send the body without their values.

Pure: bytes in, bytes out. ``inspect`` and ``mask`` count the same. Where matches overlap:

- a value inside a masked value goes with it, whatever its own method says;
- of several methods for one value the strictest is taken (``Method.rank``).

So neither the order of sets nor that of their fields matters. Counts say what each path selects,
overlaps included, and name paths, never values.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from residency.core.mask import coding
from residency.core.mask.sets import MaskField, MaskSets
from residency.core.mask.text import JsonText, parse
from residency.core.mask.walk import Hit, select
from residency.errors import Unread

#: For each mask set by name, for each of its paths as written: how many values it selects.
type Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Masked:
    """A body as it may be sent, and what was found in it. The body is never shown."""

    raw: bytes = field(repr=False)
    counts: Counts


def inspect(
    raw: bytes, codings: Sequence[str], sets: MaskSets, names: Sequence[str], *, limit: int
) -> Counts:
    """How many values each path of the named sets selects in a JSON body.

    Every named set is there, with each of its paths; an empty body counts zero everywhere.

    Args:
        raw: The body as sent.
        codings: The values of all Content-Encoding headers as sent.
        sets: All mask sets.
        names: Which of them to use.
        limit: The most bytes that *raw* may decode to.

    Raises:
        Unread: The body is not exactly one strict JSON value in a coding that is known here.
        KeyError: A name that *sets* does not have.
    """
    plan = _Plan(sets, names)
    body = _read(raw, codings, limit)
    return plan.count(plan.select(body) if body else [])


def mask(
    raw: bytes, codings: Sequence[str], sets: MaskSets, names: Sequence[str], *, limit: int
) -> Masked:
    """The body with every value replaced that the named sets select, in the same coding.

    All else stays byte for byte: numbers, white space, the order of keys, escapes. Where nothing
    is selected the answer is *raw* itself, so a compressed body also keeps its compression.

    Args:
        raw: The body as sent.
        codings: The values of all Content-Encoding headers as sent.
        sets: All mask sets.
        names: Which of them to use.
        limit: The most bytes that *raw* may decode to.

    Raises:
        Unread: As in ``inspect``; and ``drift`` if the bytes to be sent do not read back as what
            was meant, which would be a fault of this module.
        KeyError: A name that *sets* does not have.
    """
    plan = _Plan(sets, names)
    body = _read(raw, codings, limit)
    hits = plan.select(body) if body else []
    counts = plan.count(hits)
    if body is None or not hits:
        return Masked(raw, counts)
    edits = [
        _Edit(hit, plan.replacement(body.text[hit.start : hit.end], hit)) for hit in _outer(hits)
    ]
    data = _splice(body.text, edits).encode("utf-8")
    sent = coding.encode(data, codings)
    back = _read(sent, codings, len(data))
    if back is None or back.text.encode("utf-8") != data or not plan.holds(back, edits):
        raise Unread("drift")
    return Masked(sent, counts)


@dataclass(frozen=True, slots=True)
class _Edit:
    """A selected value that no other selected value holds, and what stands there instead."""

    hit: Hit
    text: str = field(repr=False)


class _Plan:
    """The fields of the named sets, in one row: a hit's path numbers count along it."""

    def __init__(self, sets: MaskSets, names: Sequence[str]) -> None:
        self.sets = [sets.get(name) for name in dict.fromkeys(names)]
        self.fields: list[MaskField] = [field for one in self.sets for field in one.fields]

    def select(self, body: JsonText) -> list[Hit]:
        return select(body, [field.path for field in self.fields])

    def holds(self, body: JsonText, edits: Sequence[_Edit]) -> bool:
        """True if *body* has every replacement, each selected again, and nothing else is."""
        hits = self.select(body)
        texts = [body.text[hit.start : hit.end] for hit in hits]
        return hits == _moved(edits) and texts == [edit.text for edit in edits]

    def count(self, hits: Sequence[Hit]) -> Counts:
        found = [0] * len(self.fields)
        for hit in hits:
            for number in hit.paths:
                found[number] += 1
        rest = iter(found)
        return {one.name: {f.path.text: next(rest) for f in one.fields} for one in self.sets}

    def replacement(self, lexeme: str, hit: Hit) -> str:
        strictest = min((self.fields[n].method for n in hit.paths), key=lambda m: m.rank)
        return strictest.replace(lexeme)


def _read(raw: bytes, codings: Sequence[str], limit: int) -> JsonText | None:
    """The JSON text in *raw*; ``None`` where there is no body, whatever its coding may be."""
    data = coding.decode(raw, codings, limit=limit) if raw else b""
    return parse(data) if data else None


def _outer(hits: Sequence[Hit]) -> list[Hit]:
    """*hits*, which are sorted, without those that stand inside another."""
    ends = accumulate((hit.end for hit in hits), max, initial=0)
    return [hit for hit, covered in zip(hits, ends, strict=False) if hit.start >= covered]


def _splice(text: str, edits: Sequence[_Edit]) -> str:
    parts: list[str] = []
    at = 0
    for edit in edits:
        parts += text[at : edit.hit.start], edit.text
        at = edit.hit.end
    return "".join([*parts, text[at:]])


def _moved(edits: Sequence[_Edit]) -> list[Hit]:
    """Where the replacements stand once in place: what the same paths must select again."""
    moved: list[Hit] = []
    shift = 0
    for edit in edits:
        start = edit.hit.start + shift
        moved.append(Hit(start, start + len(edit.text), edit.hit.paths))
        shift += len(edit.text) - (edit.hit.end - edit.hit.start)
    return moved
