"""Pins that are not what they seem: run out, without effect, or used by nobody.

What contradicts the catalogue, and a second pin for one host, are faults at load (``pins``).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from residency.core.document import Document
from residency.core.plain import Plain
from residency.core.region.matcher import Matcher
from residency.core.region.pins import Pin, Pins
from residency.errors import Fault


def expired(pins: Pins, document: Document, today: date) -> list[Fault]:
    """Pins that have run out: they count no more, and no wider pin steps in.

    No reason to refuse a start, but one for ``residency check`` to fail, as a basis that has run out.
    """
    return [
        document.fault(
            pin.path, f"{pin.host}: the pin ended on {pin.until}", "renew it, or remove it"
        )
        for pin in pins
        if not pin.counts(today)
    ]


def idle(pins: Pins, document: Document, catalogue: Matcher) -> list[Fault]:
    """Pins without effect: a wider one says the same, or an entry of the catalogue always answers before them."""
    found = []
    for pin in pins:
        wider = _wider(pins, pin)
        if wider is not None and _same(wider, pin):
            message, mend = f"{pin.host}: {wider.host} says the same", "remove one of them"
            found.append(document.fault(pin.path, message, mend))
        if not pin.host.startswith("*.") and (entry := _before(catalogue, pin.host)):
            message = f"{pin.host}: the catalogue always answers, by its entry {entry}"
            found.append(document.fault(pin.path, message, "remove it"))
    return found


def unused(pins: Pins, document: Document, used: frozenset[str]) -> list[Fault]:
    """Pins whose id is not among *used* (``used_by``)."""
    return [
        document.fault(
            pin.path,
            f"{pin.host}: no call in the ledger used the pin",
            "remove it if nobody needs it",
        )
        for pin in pins
        if pin.id not in used
    ]


def used_by(pins: Pins, decisions: Iterable[Mapping[str, Plain]]) -> frozenset[str]:
    """The ids of the pins that ledger records of the kind ``decision`` were made with."""
    return frozenset(id_ for fields in decisions for id_ in _used(pins, fields))


def _used(pins: Pins, fields: Mapping[str, Plain]) -> Iterator[str]:
    to, call = fields.get("destination"), fields.get("call")
    evidence = to.get("evidence") if isinstance(to, Mapping) else None
    for ground in evidence if isinstance(evidence, list) else ():
        if isinstance(ground, Mapping) and ground.get("kind") == "pin":
            yield str(ground.get("source"))
    host = call.get("host") if isinstance(call, Mapping) else None
    # A pin may be there for its ports or addresses, whoever says the place.
    pin = pins.nearest(host) if isinstance(host, str) else None
    if pin is not None and (pin.plaintext or pin.private or pin.ports != {443}):
        yield pin.id


def _wider(pins: Pins, pin: Pin) -> Pin | None:
    return pins.covering(pin.host.removeprefix("*."))


def _same(one: Pin, other: Pin) -> bool:
    return _effect(one) == _effect(other)


def _effect(pin: Pin) -> tuple[object, ...]:
    service = pin.service if pin.service != pin.host.removeprefix("*.") else ""
    return (pin.provider, service, pin.cases, pin.ports, pin.plaintext, pin.private, pin.until)


def _before(catalogue: Matcher, host: str) -> str | None:
    """The entry that answers for every path of *host* before any that leaves something to a pin."""
    for entry, _ in catalogue.match(host):
        if entry.pinnable:
            return None
        if not entry.paths:
            return entry.id
    return None
