"""Count regulated fields in one document or text, and write it without their values.

Pure: bytes in, bytes out. ``inspect_json`` and ``mask_json`` count the same: of each set what it finds by itself, whatever
others are asked about with it. Where matches overlap:

- a value inside a value that is masked as a whole goes with it, whatever its own method says;
- of several methods for one value, or for parts of a string that overlap, the strictest is taken (``Method.rank``).

So neither the order of sets nor that of their fields matters. Counts say what each field finds, overlaps included, and
name fields, never values. After masking, the whole search runs once more over the bytes to be sent, and whatever it
finds has to be what masking has put there.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from residency.core.mask.apply import apply, changes, check, check_cuts
from residency.core.mask.fields import MaskField
from residency.core.mask.find import Search
from residency.core.mask.job import Counts, Job
from residency.core.mask.session import Session
from residency.core.mask.shape import Unfit
from residency.core.mask.strings import changed
from residency.core.mask.swift import By
from residency.errors import Unread

__all__ = [
    "Counts",
    "Edited",
    "inspect_json",
    "inspect_text",
    "mask_json",
    "mask_text",
]


@dataclass(frozen=True, slots=True)
class Edited:
    """One document as it may be sent, and what was found in it. The document is never shown."""

    data: bytes = field(repr=False)
    counts: Counts


def inspect_json(data: bytes, job: Job) -> Counts:
    """How much each field of *job* finds in the JSON document *data*.

    Raises:
        Unread: *data* is not exactly one strict JSON value, or a string in it is not that has to be.
    """
    quick = _quickly(data, job, lambda _: b"null")
    if quick:
        return quick.counts
    search = Search(job, all_=True)
    search.document(data)
    return job.counts(search.counts)


def mask_json(data: bytes, job: Job, session: Session) -> Edited:
    """The JSON document *data* with everything replaced that *job* finds.

    All else stays byte for byte: numbers, white space, the order of keys, escapes. Where nothing is found the answer is
    *data* itself.

    Raises:
        Unread: As in ``inspect_json``; ``key`` if a method lacks its key; ``duplicate-key`` if masked keys are equal;
            ``drift`` if more is found in the bytes to be sent than masking has put there.
    """
    session.beware(data)

    def replacing(one: MaskField) -> By:
        return lambda value: one.method.replace(value.decode(), session, one.kind).encode()

    quick = _quickly(data, job, replacing)
    if quick:
        return quick
    search = Search(job, all_=True)
    found = search.document(data)
    counts = job.counts(search.counts)
    if not found:
        return Edited(data, counts)
    masked, done = apply(found, job, session)
    check(Search(job).document(masked), done)
    return Edited(masked, counts)


def _quickly(data: bytes, job: Job, replacing: Callable[[MaskField], By]) -> Edited | None:
    """*data* masked in the quick way, which knows no more than values that go as a whole; ``None``: it has no answer."""

    def replace(paths: tuple[int, ...]) -> By:
        action = job.top.action(paths)
        if action.whole is None or action.parts or action.inside or action.schema:
            raise Unfit
        one = job.fields[action.whole]
        if one.method.kind == "remove":
            raise Unfit
        return replacing(one) if action.text is None else action.text

    found = None if job.top.texts else job.top.plan.replaced(data, replace)
    if not found:
        return None
    counts = [0] * len(job.fields)
    for paths, many in found[1].items():
        for number in job.top.action(paths).counted:
            counts[number] += many
    return Edited(found[0], job.counts(counts))


def inspect_text(text: str, job: Job) -> Counts:
    """How much each field of *job* detects in plain text: those that look at all strings."""
    search = Search(job)
    search.text(text)
    return job.counts(search.counts)


def mask_text(text: str, job: Job, session: Session) -> tuple[str, Counts]:
    """Plain text with everything replaced that the fields detect in it that look at all strings.

    Raises:
        Unread: ``key`` or ``drift``, as in ``mask_json``.
    """
    search = Search(job)
    cuts = search.text(text)
    session.beware(text.encode())
    masked, ranges = changed(text, changes(text, cuts, job, session))
    check_cuts(Search(job).text(masked), ranges)
    return masked, job.counts(search.counts)


def mask_value(text: str, number: int, job: Job, session: Session) -> tuple[str, int]:
    """A value of a call's head that the field of *job* with this number names, masked; and how much was found.

    Raises:
        Unread: ``key`` or ``drift``, as in ``mask_json``.
    """
    one: MaskField = job.fields[number]
    session.beware(text.encode())
    if not one.detect:
        return one.method.rewrite(text, session, one.kind), 1
    search = Search(job)
    cuts = search.value(text, number)
    masked, ranges = changed(text, changes(text, cuts, job, session))
    check_cuts(Search(job).value(masked, number), ranges)
    return masked, search.counts[number]


def require(job: Job, counts: Counts) -> None:
    """See that every field of *job* that is required has found something in a call.

    Raises:
        Unread: ``required``.
    """
    for holder, one in job.rows:
        if one.required and not counts[job.sets[holder].name][one.label]:
            raise Unread("required", f"nothing to mask at {one.label}")
