"""A document with what was found replaced, and the proof that nothing else was, and nothing is left."""

import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from residency.core.mask import removal
from residency.core.mask.find import Cut, Found, Text
from residency.core.mask.job import Action, Job
from residency.core.mask.plan import Hit, extent
from residency.core.mask.session import Session
from residency.core.mask.strings import Change, changed, rewritten
from residency.errors import Unread


@dataclass(slots=True)
class Done:
    """What masking has put where in a document: values as a whole by their start, and parts of strings by the string's."""

    wholes: dict[int, tuple[bytes, tuple[int, ...]]] = field(default_factory=dict, repr=False)
    texts: dict[int, "_Part"] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Part:
    """What masking has put into one string: into the JSON that it holds, and where into the prose."""

    inner: Done = field(default_factory=Done)
    ranges: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, slots=True)
class _Edit:
    """In bytes. ``part`` tells where in the new string what was replaced stands; without it all is new.

    ``paths`` are the numbers of those that selected it.
    """

    start: int
    end: int
    text: bytes = field(repr=False)
    paths: tuple[int, ...] = ()
    part: _Part | None = None


def apply(found: Found, job: Job, session: Session) -> tuple[bytes, Done]:
    """The document of *found*, masked.

    Raises:
        Unread: ``key``, if a method lacks its key.
    """
    edits = sorted(_edits(found, job, session), key=lambda edit: edit.start)
    return _spliced(found.data, edits)


def check(found: Found, done: Done) -> None:
    """See that all that *found*, made of a masked document, has is what masking has put there.

    Raises:
        Unread: ``drift``.
    """
    shifting = found.layer.shifting
    for hit, _ in found.wholes:
        new, paths = done.wholes.get(hit.start, (b"", ()))
        if new != found.data[hit.start : hit.end] or (paths != hit.paths and not shifting):
            raise Unread("drift", "a value is selected that was not replaced")
    if not shifting and len(found.wholes) != len(done.wholes):
        raise Unread("drift", "a value that was replaced is not selected again")
    for text in found.texts:
        put = done.wholes.get(text.start)
        if put and put[0] == found.data[text.start : text.end]:
            continue
        part = done.texts.get(text.start) or _Part()
        if text.inner:
            check(text.inner, part.inner)
        check_cuts(text.cuts, part.ranges)


def check_cuts(cuts: Sequence[Cut], ranges: Sequence[tuple[int, int]]) -> None:
    """See that each of *cuts*, made of a masked text, stands inside what masking has put there.

    Raises:
        Unread: ``drift``.
    """
    starts = [start for start, _ in ranges]
    for cut in cuts:
        number = bisect_right(starts, cut.start) - 1
        if number < 0 or ranges[number][1] < cut.end:
            raise Unread("drift", "masking made a text in which more is detected")


def changes(text: str, cuts: Sequence[Cut], job: Job, session: Session) -> list[Change]:
    """What becomes of *cuts*."""
    return [
        Change(
            cut.start,
            cut.end,
            job.fields[cut.field].method.rewrite(text[cut.start : cut.end], session, cut.kind),
        )
        for cut in cuts
    ]


def _edits(found: Found, job: Job, session: Session) -> Iterator[_Edit]:
    data, gone = found.data, []
    kept: list[tuple[Hit, Action]] = []
    for hit, action in found.wholes:
        field = None if action.whole is None else job.fields[action.whole]
        if field and field.method.kind == "remove" and not removal.is_root(data, hit.start):
            gone.append(extent(data, hit))
        else:
            kept.append((hit, action))
    yield from (_Edit(start, end, b"") for start, end in removal.cuts(data, gone))
    starts = [start for start, _ in gone]
    for hit, action in kept:
        if not _inside(hit.start, gone, starts):
            whole = _whole(data[hit.start : hit.end], hit, action, job, session)
            yield _Edit(hit.start, hit.end, whole, hit.paths)
    for text in found.texts:
        if not _inside(text.start, gone, starts):
            yield _part(text, found, job, session)


def _inside(at: int, gone: Sequence[tuple[int, int]], starts: Sequence[int]) -> bool:
    number = bisect_right(starts, at) - 1
    return number >= 0 and at < gone[number][1]


def _whole(lexeme: bytes, hit: Hit, action: Action, job: Job, session: Session) -> bytes:
    if action.text is not None:
        return action.text
    field = job.fields[action.whole or 0]
    if hit.kind == "key":
        return json.dumps(field.method.rewrite(json.loads(lexeme), session, field.kind)).encode()
    return field.method.replace(lexeme.decode(), session, field.kind).encode()


def _part(text: Text, found: Found, job: Job, session: Session) -> _Edit:
    lexeme = found.data[text.start : text.end]
    made: list[Change] = []
    done = Done()
    if text.inner:
        edits = sorted(_edits(text.inner, job, session), key=lambda edit: edit.start)
        _, done = _spliced(text.inner.data, edits)
        made = _characters(text.inner.data, edits)
    inner = len(made)
    made += changes(text.text, text.cuts, job, session)
    ranges = changed(text.text, made)[1][inner:]
    return _Edit(text.start, text.end, rewritten(lexeme, made), part=_Part(done, ranges))


def _characters(data: bytes, edits: Sequence[_Edit]) -> list[Change]:
    """*edits*, which are in bytes of *data*, in characters."""
    made: list[Change] = []
    at = count = 0
    for edit in edits:
        start = count + len(data[at : edit.start].decode())
        count = start + len(data[edit.start : edit.end].decode())
        at = edit.end
        made.append(Change(start, count, edit.text.decode()))
    return made


def _spliced(data: bytes, edits: Sequence[_Edit]) -> tuple[bytes, Done]:
    done = Done()
    parts: list[bytes] = []
    at = length = 0
    for edit in edits:
        parts += data[at : edit.start], edit.text
        start = length + edit.start - at
        length = start + len(edit.text)
        at = edit.end
        if edit.part is not None:
            done.texts[start] = edit.part
        elif edit.text:
            done.wholes[start] = edit.text, edit.paths
    return b"".join([*parts, data[at:]]), done
