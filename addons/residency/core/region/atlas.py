"""Everything that is known about places: jurisdictions, region tables, catalogue and pins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from residency.core.document import Document
from residency.core.faults import Faults
from residency.core.places import Jurisdictions
from residency.core.region import pins, tables
from residency.core.region.compile import compile_all
from residency.core.region.entry import Entry
from residency.core.region.matcher import Matcher
from residency.core.region.pins import Pin, Pins
from residency.core.region.tables import Table


@dataclass(frozen=True, slots=True)
class Atlas:
    """``entries`` are the catalogue's in file order; ``matcher`` finds them by host."""

    jurisdictions: Jurisdictions
    tables: Mapping[str, Table]
    matcher: Matcher
    entries: tuple[Entry, ...]
    pins: Pins

    def pin(self, host: str, today: date) -> Pin | None:
        """What the organisation declares about *host*, which is in canonical form."""
        return self.pins.find(host, today)

    def functions(self) -> tuple[str, ...]:
        """Globs of rules for every function that a call may be told to be, whatever its name."""
        known = {entry.names() for entry in self.entries}
        known |= {f"{entry.provider}:?:?" for entry in self.entries}
        known |= {f"{pin.provider}:{pin.service}:*" for pin in self.pins}
        return tuple(sorted(known))


def parse(
    places: Sequence[Document],
    catalogue: Sequence[Document],
    destinations: Document | None,
    faults: Faults,
) -> Atlas | None:
    """The atlas, or ``None`` if anything was added to *faults*.

    *places* hold regions and jurisdictions (told apart by their ``jurisdictions`` key), in any
    order.
    """
    before = len(faults.found)
    groups = [d for d in places if isinstance(d.value, dict) and "jurisdictions" in d.value]
    named = tables.jurisdictions(groups, faults)
    found = tables.tables([d for d in places if d not in groups], named, faults)
    matcher, entries = compile_all(catalogue, found, named, faults)
    pinned = Pins()
    if destinations is not None:
        pinned = pins.parse(destinations, found, named, matcher, faults)
    if len(faults.found) > before:
        return None
    return Atlas(named, found, matcher, entries, pinned)
