"""Fields in a call's head: in query, headers, cookies and segments of the path.

Names are compared exactly once percent-encoding is undone (once), or in any case if the set says so; header names
without regard to case. Every value of a
name that comes more than once is found. A value keeps its spelling where it stays the same; all else stays as it is.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from residency.core.call import Headers
from residency.core.mask import engine
from residency.core.mask.find import Search
from residency.core.mask.formats import percent
from residency.core.mask.job import Counts, Job
from residency.core.mask.names import Names
from residency.core.mask.session import Session
from residency.core.mask.spots import Spot, in_cookie, in_path, in_query
from residency.errors import Unread

#: RFC 9110, section 5.5: none of these in a field value.
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of a head in which fields can be. ``path`` and ``query`` as sent, header values as latin-1."""

    path: str = field(default="", repr=False)
    query: str = field(default="", repr=False)
    headers: Headers = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Edited:
    """A head as it may be sent, and what was found. ``headers`` has new values by number; ``None``: that one goes."""

    path: str = field(repr=False)
    query: str = field(repr=False)
    headers: dict[int, str | None] = field(repr=False)
    counts: Counts


def inspect(head: Target, job: Job) -> Counts:
    """How much each field of *job* that looks at a head finds in *head*.

    Raises:
        Unread: ``format`` or ``charset`` for what readers may differ about, where such a field looks.
    """
    found = [0] * len(job.fields)
    for _, spot in _spots(head, job):
        for number in spot.fields:
            found[number] += _count(spot.text, number, job)
    return job.counts(found)


def mask(head: Target, job: Job, session: Session) -> Edited:
    """*head* with all replaced that the fields of *job* find.

    Raises:
        Unread: As in ``inspect``; ``key`` if a method lacks its key; ``drift`` if the new head does not read as meant.
    """
    counts = inspect(head, job)
    spots = list(_spots(head, job))
    new = [_masked(spot, job, session) for _, spot in spots]
    path, query, headers = head.path, head.query, dict[int, str]()
    # From behind, so that extents stay true.
    for (where, spot), value in sorted(
        zip(spots, new, strict=True), key=lambda pair: pair[0][1].start, reverse=True
    ):
        if where == "path":
            path = _spliced(path, spot, value)
        elif where == "query":
            query = _spliced(query, spot, value)
        elif isinstance(where, int):
            line = headers.get(where, head.headers[where][1])
            headers[where] = _spliced(line, spot, value, header=True)
    # A header that has nothing left goes.
    kept = {n: v or None for n, v in headers.items() if v != head.headers[n][1]}
    edited = Edited(path, query, kept, counts)
    _check(edited, head, job, [value for value in new if value is not None])
    return edited


def _check(edited: Edited, head: Target, job: Job, meant: Sequence[str]) -> None:
    """See that the new head reads as it was meant.

    Raises:
        Unread: ``drift``.
    """
    lines = ((n, edited.headers.get(k, v)) for k, (n, v) in enumerate(head.headers))
    kept = tuple((n, v) for n, v in lines if v is not None)
    again = Target(edited.path, edited.query, kept)
    if [spot.text for _, spot in _spots(again, job)] != list(meant):
        raise Unread("drift", "a masked head that does not read as it was meant")


def _spots(head: Target, job: Job) -> Iterator[tuple[str | int, Spot]]:
    """Everything that a field names in *head*, with the place that it is in: the path, the query or a header's number."""
    names = {"query": Names(), "header": Names(), "cookie": Names()}
    templates: list[tuple[str, str, int]] = []
    for number in job.places:
        holder, one = job.rows[number]
        place = one.place
        if place and place.where == "segment":
            templates.append((place.template, place.name, number))
        elif place:
            name = place.name.replace("_", "-") if place.where == "header" else place.name
            names[place.where].add(name, number, any_case=job.sets[holder].any_case)
    if templates:
        yield from (("path", spot) for spot in in_path(head.path, templates))
    if names["query"]:
        yield from (("query", spot) for spot in in_query(head.query, names["query"]))
    for at, (name, value) in enumerate(head.headers):
        # Whoever reads headers from CGI's variables (WSGI, PHP) cannot tell the two apart (RFC 3875, section 4.1.18).
        low = name.lower().replace("_", "-")
        if numbers := names["header"].get(low):
            yield at, Spot(0, len(value), _text(value), tuple(numbers), (0, len(value)))
        elif low == "cookie" and names["cookie"]:
            yield from ((at, spot) for spot in in_cookie(value, names["cookie"]))


def _text(value: str) -> str:
    """A header's value: UTF-8 where it is that, or else latin-1."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _count(text: str, number: int, job: Job) -> int:
    if not job.fields[number].detect:
        return 1
    search = Search(job)
    search.value(text, number)
    return search.counts[number]


def _masked(spot: Spot, job: Job, session: Session) -> str | None:
    """The new value of *spot*: by the strictest method that takes it as a whole, or by all that take parts."""
    fields = sorted(spot.fields, key=lambda n: (job.fields[n].method.rank, job.fields[n].kind))
    whole = next((n for n in fields if not job.fields[n].detect), None)
    if whole is not None:
        if job.fields[whole].method.kind == "remove":
            return None
        return engine.mask_value(spot.text, whole, job, session)[0]
    text = spot.text
    for number in fields:
        text, _ = engine.mask_value(text, number, job, session)
    return text


def _spliced(line: str, spot: Spot, value: str | None, *, header: bool = False) -> str:
    if value is None:
        start, end = spot.outer
        return line[:start] + line[end:]
    if value == spot.text:
        return line
    if spot.plus is None:
        new = value.encode().decode("latin-1")
        if header and _CONTROLS.search(new):
            raise Unread("format", "a header cannot hold what masks it")
    else:
        raw = line[spot.start : spot.end].encode("latin-1")
        new = percent.respell(raw, value, plus=spot.plus, safe=spot.safe).decode("latin-1")
    return line[: spot.start] + new + line[spot.end :]
