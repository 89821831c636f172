"""A body of any format counted and masked: taken apart, each part asked about, put together again, and proven."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from residency.core.mask import engine
from residency.core.mask.batch import Batch, batch, joined, parted
from residency.core.mask.engine import Edited
from residency.core.mask.formats.part import Part, Split, join, left
from residency.core.mask.job import Counts, Job
from residency.core.mask.members import Members
from residency.core.mask.session import Session
from residency.errors import Unread


def inspect(data: bytes, split: Split, job: Job) -> Counts:
    """How much each field of *job* finds in *data*, which *split* takes apart.

    Raises:
        Unread: It cannot be taken apart, or a part of it cannot be read exactly.
    """
    look = _Counting(job)
    _each(split(data), look)
    return look.counts


def mask(data: bytes, split: Split, job: Job, session: Session) -> Edited:
    """*data* with everything replaced that *job* finds; *data* itself where that is nothing.

    Raises:
        Unread: As in ``inspect`` and ``engine.mask_json``; ``drift`` if what was put together does not come apart as it
            was meant.
    """
    parts = split(data)
    session.beware(data)
    look = _Masking(job, session)
    new = _each(parts, look)
    if all(value == part.data for part, value in zip(parts, new, strict=True)):
        return Edited(data, look.counts)
    masked = join(data, parts, new)
    meant = [_said(part, value) for part, value in left(parts, new) if value]
    found = [_said(part, part.data) for part in split(masked) if part.data]
    if found != meant:
        raise Unread("drift", "a masked body that does not come apart as it was put together")
    return Edited(masked, look.counts)


def _said(part: Part, data: bytes) -> tuple[str, str | None, bytes]:
    return part.kind, part.name, data


class Look(Protocol):
    """What is done for a job with each document and text."""

    @property
    def job(self) -> Job: ...

    def document(self, data: bytes) -> bytes: ...
    def batch(self, array: bytes, job: Batch) -> bytes: ...
    def text(self, text: str, *, alone: bool) -> str: ...


def _each(parts: Sequence[Part], look: Look) -> list[bytes | None]:
    """What becomes of each part; ``None``: it goes."""
    new: list[bytes | None] = [part.data for part in parts]
    members = Members()
    documents: list[int] = []
    for number, part in enumerate(parts):
        if part.name is not None:
            members.add(number, part)
        elif part.kind == "json":
            documents.append(number)
        else:
            new[number] = look.text(part.data.decode(), alone=part.kind == "text").encode()
    if look.job.top.plan.relative and not members.is_one:
        raise Unread(
            "format",
            "fields that stand in several objects, and a path that compares or counts them",
        )
    for number, value in members.each(look.document).items():
        new[number] = value
    found = _documents([parts[number].data for number in documents], look)
    if len(found) != len(documents):
        raise Unread("drift", "documents that did not come apart as they were put together")
    for number, data in zip(documents, found, strict=True):
        new[number] = data
    return new


def _documents(documents: Sequence[bytes], look: Look) -> list[bytes]:
    """What becomes of each document: of all at once if that says the same."""
    array, job = joined(documents), batch(look.job)
    if array is not None and job is not None:
        # What is wrong with one of them is told by asking one by one.
        with suppress(Unread):
            return parted(look.batch(array, job))
    return [look.document(data) for data in documents]


@dataclass(slots=True)
class _Counting:
    job: Job
    counts: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.counts = self.job.counts()

    def document(self, data: bytes) -> bytes:
        add(self.counts, engine.inspect_json(data, self.job))
        return data

    def batch(self, array: bytes, job: Batch) -> bytes:
        add(self.counts, job.counts(engine.inspect_json(array, job.job)))
        return array

    def text(self, text: str, *, alone: bool) -> str:
        if alone:
            _check(self.job)
        add(self.counts, engine.inspect_text(text, self.job))
        return text


@dataclass(slots=True)
class _Masking:
    job: Job
    session: Session
    counts: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.counts = self.job.counts()

    def document(self, data: bytes) -> bytes:
        edited = engine.mask_json(data, self.job, self.session)
        add(self.counts, edited.counts)
        return edited.data

    def batch(self, array: bytes, job: Batch) -> bytes:
        edited = engine.mask_json(array, job.job, self.session)
        add(self.counts, job.counts(edited.counts))
        return edited.data

    def text(self, text: str, *, alone: bool) -> str:
        if alone:
            _check(self.job)
        masked, counts = engine.mask_text(text, self.job, self.session)
        add(self.counts, counts)
        return masked


def add(counts: Counts, more: Counts) -> None:
    """Add *more* to *counts*."""
    for name, labels in more.items():
        mine = counts[name]
        for label, many in labels.items():
            if many:
                mine[label] += many


def _check(job: Job) -> None:
    """A text has no members: only a set that detects in all strings knows how to look at it.

    Raises:
        Unread: ``format``.
    """
    knows = {holder for holder, one in job.rows if one.detect and not one.path and not one.place}
    if any(holder not in knows for holder, one in job.rows if not one.place):
        raise Unread("format", "a text, and a mask set that detects nothing in texts")
