"""Everything that is known about places: jurisdictions, region tables, catalogue and pins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from residency.core.document import Document
from residency.core.faults import Faults
from residency.core.places import Jurisdictions
from residency.core.protocol.operations import GLOBS
from residency.core.region import feednames, pins, tables
from residency.core.region.compile import compile_all
from residency.core.region.entry import Entry
from residency.core.region.feednames import FeedNames
from residency.core.region.matcher import Matcher
from residency.core.region.pins import Pin, Pins
from residency.core.region.says import Saying
from residency.core.region.tables import Table


@dataclass(frozen=True, slots=True)
class Atlas:
    """``entries`` are the catalogue's in file order; ``matcher`` finds them by host.

    ``feed_names`` are what published address ranges call places, ``says`` where in their answers providers tell where a
    call ran, by entry.
    """

    jurisdictions: Jurisdictions
    tables: Mapping[str, Table]
    matcher: Matcher
    entries: tuple[Entry, ...]
    pins: Pins
    feed_names: FeedNames = field(default_factory=dict)
    says: Mapping[str, tuple[Saying, ...]] = field(default_factory=dict)

    def pin(self, host: str, today: date) -> Pin | None:
        """What the organisation declares about *host*, which is in canonical form."""
        return self.pins.find(host, today)

    def functions(self) -> tuple[str, ...]:
        """Globs of rules for every function that a call may be told to be, whatever its name.

        A pin for a host that the catalogue knows says where, and never what: what is called there has the catalogue's names.
        """
        known = set[str]().union(*(entry.names() for entry in self.entries))
        known |= {f"{entry.provider}:?:?" for entry in self.entries}
        pins = (p for p in self.pins if p.host.startswith("*.") or not self.matcher.match(p.host))
        known |= {f"{pin.provider}:{pin.service}:*" for pin in pins}
        known |= set(GLOBS)
        return tuple(sorted(known))


def parse(
    places: Sequence[Document],
    catalogue: Sequence[Document],
    destinations: Document | None,
    faults: Faults,
) -> Atlas | None:
    """The atlas, or ``None`` if anything was added to *faults*.

    *places* hold regions, jurisdictions and the names of feeds (told apart by their keys
    ``jurisdictions`` and ``feeds``), in any order.
    """
    before = len(faults.found)
    groups = [d for d in places if isinstance(d.value, dict) and "jurisdictions" in d.value]
    feeds = [d for d in places if isinstance(d.value, dict) and "feeds" in d.value]
    named = tables.jurisdictions(groups, faults)
    found = tables.tables([d for d in places if d not in groups + feeds], named, faults)
    feed_names = feednames.parse(feeds, found, faults)
    matcher, entries = compile_all(catalogue, found, named, faults)
    pinned = Pins()
    if destinations is not None:
        pinned = pins.parse(destinations, found, named, matcher, faults)
    if len(faults.found) > before:
        return None
    says = {entry.id: entry.says for entry in entries if entry.says}
    return Atlas(named, found, matcher, entries, pinned, feed_names, says)
