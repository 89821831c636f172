"""What the catalogue knows, how sure it is and how old: its files once more, for people who review them."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from residency.core.document import Document, fit
from residency.core.faults import Faults
from residency.core.region.catalogue import CatalogueFile, EntryModel
from residency.core.region.tables import Confidence, RegionsFile

_SURE: tuple[Confidence, ...] = ("low", "medium", "high")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One entry, or a provider's table of regions: where it was read, when (``YYYY-MM`` or ``YYYY-MM-DD``), how sure.

    A table has ``hosts`` of none, and its number of ``regions``. ``pin`` is what destinations.yaml may say where an entry
    leaves a place open: ``places``, ``deployment`` (a type of the provider's, with regions), or nothing.
    """

    id: str
    service: str = ""
    hosts: tuple[str, ...] = ()
    regions: int = 0
    source: str
    as_of: str
    confidence: Confidence
    note: str = ""
    pin: str = ""

    def age(self, today: datetime.date) -> int:
        """Days since ``as_of``; a month counts from its first day."""
        text = self.as_of if self.as_of.count("-") > 1 else f"{self.as_of}-01"
        try:
            return (today - datetime.date.fromisoformat(text)).days
        except ValueError:
            return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """All that is known of one provider."""

    name: str
    entries: tuple[Fact, ...]
    tables: tuple[Fact, ...]

    @property
    def facts(self) -> tuple[Fact, ...]:
        return self.entries + self.tables

    @property
    def oldest(self) -> str:
        return min(f.as_of for f in self.facts)

    @property
    def least_sure(self) -> Confidence:
        return min((f.confidence for f in self.facts), key=_SURE.index)


def providers(
    catalogue: Sequence[Document], places: Sequence[Document], faults: Faults
) -> list[Provider]:
    """Every provider that has entries or regions, by name."""
    entries: dict[str, list[Fact]] = {}
    tables: dict[str, list[Fact]] = {}
    for document in catalogue:
        if file := fit(document, CatalogueFile, faults):
            for entry in file.entries:
                whose = entry.provider or file.provider or "?"
                entries.setdefault(whose, []).append(_fact(file, entry))
    for document in places:
        if not isinstance(document.value, dict) or "regions" not in document.value:
            continue  # jurisdictions, and names of feeds
        if table := fit(document, RegionsFile, faults):
            tables.setdefault(table.provider, []).append(_table(table, document))
    return [
        Provider(name=n, entries=tuple(entries.get(n, ())), tables=tuple(tables.get(n, ())))
        for n in sorted(entries.keys() | tables.keys())
        if entries.get(n) or tables.get(n)
    ]


def _fact(file: CatalogueFile, entry: EntryModel) -> Fact:
    return Fact(
        id=entry.id,
        service=entry.service,
        hosts=tuple(entry.hosts),
        source=entry.source,
        as_of=entry.as_of or file.as_of,
        confidence=entry.confidence or file.confidence,
        note=entry.note,
        pin=_pin(file, entry),
    )


def _pin(file: CatalogueFile, entry: EntryModel) -> str:
    where = [entry.where] if isinstance(entry.where, str) else entry.where
    cases = [c for w in where for c in (file.cases.get(w, []) if isinstance(w, str) else [w])]
    if any(case.pin == "deployment" for case in cases):
        return "deployment"
    return "places" if any(case.pin for case in cases) else ""


def _table(table: RegionsFile, document: Document) -> Fact:
    unsure = [code for code, row in table.regions.items() if row.confidence != "high"]
    return Fact(
        id=document.source,
        regions=len(table.regions),
        source=table.source,
        as_of=table.as_of,
        confidence=table.confidence,
        note=f"less sure of {', '.join(unsure)}" if unsure else "",
    )
