"""``rules/destinations.yaml``: what the organisation knows about hosts that do not tell.

A pin speaks for hosts that the catalogue does not know, and where an entry of the catalogue leaves
the place to the customer's set-up (``pin: true``). Anywhere else it would contradict what the
provider documents, so it is a fault at load. It never mends a request that cannot be read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Annotated, Literal

import pydantic

from residency.core.document import Document, Path, fit
from residency.core.faults import Faults
from residency.core.host import canonical
from residency.core.places import Jurisdictions
from residency.core.region.cases import Answer, Binding, Case, join, say
from residency.core.region.declared import Context, DeclaredModel, cases
from residency.core.region.destination import Evidence
from residency.core.region.entry import Entry
from residency.core.region.matcher import Matcher
from residency.core.region.tables import Model, Table
from residency.errors import RegionError

type Port = Annotated[int, pydantic.Field(ge=1, le=65535)]
type Label = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]


class PinModel(DeclaredModel):
    host: str | None = None
    hosts: list[str] = pydantic.Field(default_factory=list)
    provider: Label | None = None
    service: Label | None = None
    ports: list[Port] = pydantic.Field(default_factory=lambda: [443], min_length=1)
    plaintext: bool = False
    private: bool = False
    owner: Annotated[str, pydantic.Field(min_length=1)]
    until: date | None = None
    why: Annotated[str, pydantic.Field(min_length=1)]

    @pydantic.model_validator(mode="after")
    def _host_or_hosts(self) -> "PinModel":
        if (self.host is None) == (not self.hosts):
            raise ValueError("give either host or hosts")
        return self


class PinsFile(Model):
    version: Literal["1"]
    destinations: list[PinModel] = pydantic.Field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """What is declared about a host, or ``*.suffix``.

    ``cases`` are in order, the last of them for every call. ``until`` is the last day that it
    counts. ``ports`` may be connected to; ``plaintext`` admits http; ``private`` admits addresses
    that are not global. ``path`` is where its host stands in the document.
    """

    id: str
    host: str
    provider: str
    service: str
    cases: tuple[Case, ...]
    ports: frozenset[int]
    plaintext: bool
    private: bool
    owner: str
    until: date | None
    why: str
    path: Path
    evidence: Evidence

    @property
    def answer(self) -> Answer:
        """All that it may say."""
        return join([case.answer for case in self.cases])

    def say(self, bindings: Sequence[Binding]) -> Answer:
        """What it says of a call whose positions are as in one of *bindings*."""
        return say(self.cases, bindings)

    def counts(self, today: date) -> bool:
        return self.until is None or today <= self.until


@dataclass(frozen=True, slots=True)
class Pins:
    """Pins by exact host and by suffix; the nearest one decides, even if it has expired."""

    exact: Mapping[str, Pin] = field(default_factory=dict)
    below: Mapping[str, Pin] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Pin]:
        return chain(self.exact.values(), self.below.values())

    def find(self, host: str, today: date) -> Pin | None:
        """The pin that speaks for *host*; an expired one is none, and no wider one steps in."""
        pin = self.nearest(host)
        return pin if pin is not None and pin.counts(today) else None

    def nearest(self, host: str) -> Pin | None:
        """The pin for *host*, whether or not it has expired."""
        return self.exact.get(host) or self.covering(host)

    def covering(self, name: str) -> Pin | None:
        """The nearest pin for all that is below a name above *name*."""
        pin = None
        if self.below:
            while pin is None and "." in name:
                name = name.partition(".")[2]
                pin = self.below.get(name)
        return pin


def parse(
    document: Document,
    tables: Mapping[str, Table],
    named: Jurisdictions,
    catalogue: Matcher,
    faults: Faults,
) -> Pins:
    """The pins of *document*, checked against *catalogue*."""
    file = fit(document, PinsFile, faults)
    exact: dict[str, Pin] = {}
    below: dict[str, Pin] = {}
    for i, model in enumerate(file.destinations if file else ()):
        path: Path = ("destinations", i)
        context = Context(document, tables.get(model.provider or "", Table()), named, faults)
        said = cases(context, model, path)
        for spelled, where in _hosts(model, path):
            host = _canonical(spelled, document, where, faults)
            if host is None:
                continue
            wild = host.startswith("*.")
            kept, key = (below, host[2:]) if wild else (exact, host)
            if key in kept:
                faults.add(document.fault(where, "is pinned a second time", "keep one"))
            entries = catalogue.below(key) if wild else [e for e, _ in catalogue.match(key)]
            _contradiction(entries, document, where, wild=wild, faults=faults)
            _positions(context, model, entries, path)
            kept[key] = _pin(model, host, said, where)
    return Pins(exact, below)


def _hosts(model: PinModel, path: Path) -> Sequence[tuple[str, Path]]:
    if model.host is not None:
        return [(model.host, (*path, "host"))]
    return [(host, (*path, "hosts", j)) for j, host in enumerate(model.hosts)]


def _canonical(spelled: str, document: Document, where: Path, faults: Faults) -> str | None:
    wild = "*." if spelled.startswith("*.") else ""
    try:
        host = canonical(spelled.removeprefix("*."))
    except RegionError as e:
        faults.add(
            document.fault(
                where, f"is no host: {e.detail}", "write name.example or *.name.example"
            )
        )
        return None
    if wild and "." not in host:
        faults.add(
            document.fault(where, "covers a whole top-level domain", "name at least two labels")
        )
        return None
    return wild + host


def _contradiction(
    entries: Sequence[Entry], document: Document, where: Path, *, wild: bool, faults: Faults
) -> None:
    silent = [e for e in entries if not e.pinnable]
    if silent and (wild or len(silent) == len(entries)):
        message = f"contradicts the catalogue: {silent[0].id} says where it runs"
        faults.add(
            document.fault(
                where, message, "remove it, or pin a host that the catalogue does not know"
            )
        )


def _positions(context: Context, model: PinModel, entries: Sequence[Entry], path: Path) -> None:
    """Faults of a pin that asks for what no entry reads, or leaves out what an entry needs."""
    known = {name for e in entries if e.pinnable for name in e.positions}
    for j, case in enumerate(model.where or ()):
        for name in case.when:
            if name not in known:
                message = "is no position of a catalogue entry that this pin speaks for"
                here: Path = (*path, "where", j, "when", name)
                context.fault(here, message, f"known: {', '.join(sorted(known)) or 'none'}")
    if model.bare and any(e.deploys for e in entries):
        kinds = ", ".join(context.table.deployments)
        message = "does not say the deployment type, without which a region is not where it runs"
        context.fault(path, message, f"add deployment: one of {kinds}")


def _pin(model: PinModel, host: str, said: tuple[Case, ...], where: Path) -> Pin:
    return Pin(
        id=f"pin:{host}",
        host=host,
        provider=model.provider or "private",
        service=model.service or host.removeprefix("*."),
        cases=said,
        ports=frozenset(model.ports),
        plaintext=model.plaintext,
        private=model.private,
        owner=model.owner,
        until=model.until,
        why=model.why,
        path=where,
        evidence=Evidence("pin", f"declared by {model.owner}", f"pin:{host}"),
    )
