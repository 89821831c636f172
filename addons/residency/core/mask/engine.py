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
from residency.core.mask.session import Session
from residency.core.mask.sets import Job, MaskSets
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


@dataclass(frozen=True, slots=True)
class Edited:
    """One document as it may be sent, and what was found in it. The document is never shown."""

    data: bytes = field(repr=False)
    counts: Counts


def inspect_json(data: bytes, job: Job) -> Counts:
    """How many values each field of *job* finds in the JSON document *data*.

    Raises:
        Unread: *data* is not exactly one strict JSON value.
    """
    plan = _Plan(job)
    return plan.count(plan.select(parse(data)))


def mask_json(data: bytes, job: Job, session: Session) -> Edited:
    """The JSON document *data* with every value replaced that *job* finds.

    All else stays byte for byte: numbers, white space, the order of keys, escapes.

    Raises:
        Unread: As in ``inspect_json``; and ``drift`` if the bytes to be sent do not read back as what was meant,
            which would be a fault of this module.
    """

    plan = _Plan(job)
    body = parse(data)
    hits = plan.select(body)
    counts = plan.count(hits)
    if not hits:
        return Edited(data, counts)
    edits = [
        _Edit(hit, plan.replacement(body.text[hit.start : hit.end], hit, session))
        for hit in _outer(hits)
    ]
    masked = _splice(body.text, edits).encode("utf-8")
    if not plan.holds(parse(masked), edits):
        raise Unread("drift")
    return Edited(masked, counts)


def mask_text(text: str, job: Job, session: Session) -> tuple[str, Counts]:
    """Plain text with everything replaced that *job* detects in texts, wherever they stand.

    Raises:
        Unread: It cannot be done exactly.
    """

    return text, _Plan(job).count([])


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
    job = sets.job(names)
    data = coding.decode(raw, codings, limit=limit) if raw else b""
    return inspect_json(data, job) if data else _Plan(job).count([])


def mask(
    raw: bytes, codings: Sequence[str], sets: MaskSets, names: Sequence[str], *, limit: int
) -> Masked:
    """The body with every value replaced that the named sets select, in the same coding.

    Where nothing is selected the answer is *raw* itself, so a compressed body also keeps its compression.

    Args:
        raw: The body as sent.
        codings: The values of all Content-Encoding headers as sent.
        sets: All mask sets.
        names: Which of them to use.
        limit: The most bytes that *raw* may decode to.

    Raises:
        Unread: As in ``inspect`` and ``mask_json``.
        KeyError: A name that *sets* does not have.
    """
    job = sets.job(names)
    data = coding.decode(raw, codings, limit=limit) if raw else b""
    if not data:
        return Masked(raw, _Plan(job).count([]))
    edited = mask_json(data, job, Session())
    if edited.data is data:
        return Masked(raw, edited.counts)
    sent = coding.encode(edited.data, codings)
    if coding.decode(sent, codings, limit=len(edited.data)) != edited.data:
        raise Unread("drift")
    return Masked(sent, edited.counts)


@dataclass(frozen=True, slots=True)
class _Edit:
    """A selected value that no other selected value holds, and what stands there instead."""

    hit: Hit
    text: str = field(repr=False)


class _Plan:
    """The fields of the named sets, in one row: a hit's path numbers count along it."""

    def __init__(self, job: Job) -> None:
        self.sets = job.sets
        self.fields = job.fields

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
        return {one.name: {f.label: next(rest) for f in one.fields} for one in self.sets}

    def replacement(self, lexeme: str, hit: Hit, session: Session) -> str:
        strictest = min((self.fields[n].method for n in hit.paths), key=lambda m: m.rank)
        return strictest.replace(lexeme, session)


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
