"""Where one call may be processed.

The host picks the catalogue's entries, the path one of them, and its cases the places. Whatever is
not known, not read or in conflict makes the answer wider, never narrower.
"""

import functools
from datetime import date

from residency.core.call import Head
from residency.core.host import REMEMBERED, canonical
from residency.core.protocol.operations import operations
from residency.core.region.atlas import Atlas
from residency.core.region.cases import PENDING, UNREADABLE, Answer, Reading
from residency.core.region.destination import Destination, Evidence, Status
from residency.core.region.entry import Entry
from residency.core.region.pins import Pin
from residency.core.region.reading import NO_BODY, segments
from residency.errors import RegionError

_FRONTED = Answer(conflict="the Host header names another host than the request")
_NOWHERE = (Evidence("host", "is in no catalogue and no pin", "request"),)
_NOTHING_READ: tuple[dict[str, Reading], ...] = ({},)
_UNCLEAR = Evidence("path", "cannot be read in only one way", "request")

type _Candidates = list[tuple[Entry, dict[str, str]]]


def locate(atlas: Atlas, head: Head, body: object = PENDING, *, today: date) -> Destination:
    """Where the call of *head* may be processed, and what it calls. Never raises.

    Args:
        atlas: What is known.
        head: The request; its host in canonical form, as every other form is unknown.
        body: The parsed JSON value; ``PENDING`` before it is read, ``NO_BODY`` if it is empty,
            ``UNREADABLE`` if it is anything else.
        today: For pins that expire.
    """
    pin = atlas.pins.find(head.host, today)
    found = atlas.matcher.match(head.host)
    told = operations(body, head.query)
    if not found:
        if pin is None:
            return Destination(evidence=_NOWHERE, operations=told)
        return _pinned(pin, head, told)
    path = segments(head.path)
    if path is None:
        return _unclear(found, head, body, told)
    for entry, known in found:
        taken = entry.take(path)
        if taken is not None:
            bindings = entry.bindings(head, body, {**known, **taken} if taken else known)
            pending = entry.pending(body)
            return _declared(entry, bindings, head, pin, told, pending=pending)
    return Destination(
        provider=found[0][0].provider,
        function=f"{found[0][0].provider}:?:?",
        evidence=(Evidence("path", "no entry of the catalogue is about it", found[0][0].id),),
        operations=told,
    )


def _declared(
    entry: Entry,
    bindings: list[dict[str, Reading]],
    head: Head,
    pin: Pin | None,
    told: tuple[str, ...] | None,
    *,
    pending: bool,
) -> Destination:
    answer = _FRONTED if _fronted(head) else entry.say(bindings)
    evidence = entry.evidence
    if "region" in bindings[0]:
        evidence = (*evidence, _in_region(bindings[0]["region"], entry.id))
    if answer.pin and pin is not None:
        answer, evidence = pin.say(bindings), (*evidence, pin.evidence)
    if answer.conflict:
        evidence = (*evidence, Evidence("host", answer.conflict, entry.id))
    elif answer.places.unknown and answer.note:
        evidence = (*evidence, Evidence("catalogue", answer.note, entry.id))
    return Destination(
        provider=entry.provider,
        function=entry.call(bindings),
        regions=answer.regions,
        places=answer.places,
        status=_status(answer),
        evidence=evidence,
        entry=entry.id,
        provisional=pending,
        operations=told,
    )


@functools.lru_cache(maxsize=REMEMBERED)
def _in_region(region: Reading, entry: str) -> Evidence:
    return Evidence("host", f"region {region}", entry)


def _unclear(
    found: _Candidates, head: Head, body: object, told: tuple[str, ...] | None
) -> Destination:
    """Any of the host's entries may be meant: what they all say, or unknown."""
    answers = [Answer()] if all(entry.paths for entry, _ in found) else []
    for entry, known in found:
        unread = dict.fromkeys(entry.path_names, UNREADABLE)
        answers.append(entry.say(entry.bindings(head, body, {**known, **unread})))
    answer = answers[0] if all(a == answers[0] for a in answers) else Answer()
    if _fronted(head):
        answer = _FRONTED
    provider = found[0][0].provider
    return Destination(
        provider=provider,
        function=f"{provider}:?:?",
        regions=answer.regions,
        places=answer.places,
        status=_status(answer),
        evidence=(_UNCLEAR,),
        provisional=any(entry.pending(body) for entry, _ in found),
        operations=told,
    )


def _pinned(pin: Pin, head: Head, told: tuple[str, ...] | None) -> Destination:
    answer = _FRONTED if _fronted(head) else pin.say(_NOTHING_READ)
    return Destination(
        provider=pin.provider,
        function=f"{pin.provider}:{pin.service}:?",
        regions=answer.regions,
        places=answer.places,
        status=_status(answer),
        evidence=(pin.evidence,),
        entry=pin.id,
        operations=told,
    )


def _status(answer: Answer) -> Status:
    if answer.conflict:
        return "conflict"
    return "unknown" if answer.places.unknown else "declared"


def _fronted(head: Head) -> bool:
    """Whether a Host header names anything but the request's own host."""
    for name, value in head.headers:
        if name == "host" and value != head.host:
            text, colon, port = value.rpartition(":")
            if not (colon and port.isdecimal() and "]" not in port):
                text = value
            try:
                if canonical(text) != head.host:
                    return True
            except RegionError:
                return True
    return False


__all__ = ["NO_BODY", "PENDING", "UNREADABLE", "locate"]
