"""What the addresses of a target say against where its call is thought to run.

An address tells where a front end stands, a load balancer or a CDN, and not where a call is processed. So it may add
places or raise a conflict, and never takes a place away:

* The provider's own feed names a region. One of the destination's confirms it; another one, outside its places, is a
  conflict, since provider and host name contradict each other. Either way the region's place is added.
* A range of another cloud than the destination's own: a conflict. Vendors live on clouds: for them its place is added.
* A range that is announced everywhere, by the provider or by what a vendor stands behind, is noted, and adds nothing.
* A region that no table knows, or a zone outside its region whose place is not known, makes the place unknown.
* A geolocation database speaks only where no provider's feed does. Its country is added.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from residency.core.places import ISO_3166, UNKNOWN, Places
from residency.core.region.atlas import Atlas
from residency.core.region.cases import Answer
from residency.core.region.destination import Destination, Evidence, Status
from residency.core.region.feeds import Origin

#: Providers whose own hosts never stand on another one's addresses.
CLOUDS = frozenset({"aws", "google", "azure", "oracle"})
#: How many grounds one answer keeps.
MAX_EVIDENCE = 16


@dataclass(frozen=True, slots=True)
class Said:
    """What the feed called ``feed`` says about ``address``; ``geo``: it is a geolocation database."""

    address: str
    feed: str
    origins: tuple[Origin, ...]
    geo: bool = False


@dataclass(frozen=True, slots=True)
class _Finding:
    says: str
    adds: Places | None = None
    conflict: bool = False
    confirms: bool = False


def weigh(destination: Destination, said: Sequence[Said], atlas: Atlas) -> Destination:
    """*destination*, as wide or wider, after what was *said* about every address that may be connected to.

    The status becomes ``verified`` where it was ``declared``, and for each address the provider's own feed names a
    region of the destination, and those regions' places are all that was declared.
    """
    heard = [s for s in said if s.origins]
    told = {s.address for s in heard if not s.geo}
    confirmed: dict[str, Places] = {}
    places, conflict = destination.places, False
    grounds: dict[tuple[str, str], list[str]] = {}
    for one in heard:
        for origin in one.origins:
            found = _find(destination, origin, atlas)
            grounds.setdefault((found.says, one.feed), []).append(one.address)
            if one.geo and one.address in told:
                continue
            conflict = conflict or found.conflict
            if found.adds is not None and not destination.places.anywhere:
                places |= found.adds
            if found.confirms and found.adds is not None:
                seen = confirmed.get(one.address, found.adds)
                confirmed[one.address] = seen | found.adds
    verified = _verified(destination, {s.address for s in said}, confirmed, places)
    return dataclasses.replace(
        destination,
        places=places,
        status=_status(destination, places, conflict=conflict, verified=verified),
        evidence=(*destination.evidence, *_evidence(grounds)),
    )


def _find(destination: Destination, origin: Origin, atlas: Atlas) -> _Finding:
    if origin.country:
        known = origin.country in ISO_3166
        adds = Places(frozenset([origin.country])) if known else UNKNOWN
        return _Finding(f"country {origin.country if known else '?'}", adds)
    foreign = origin.provider != destination.provider
    conflict = foreign and destination.provider in CLOUDS
    if origin.anycast:
        return _Finding(f"anycast of {origin.provider}", conflict=conflict)
    if not origin.region:
        return _Finding(f"{origin.provider}, no region given", conflict=conflict)
    meant = answer_of(origin, atlas)
    where = f"{origin.provider} {origin.zone or origin.region}"
    if foreign:
        return _Finding(where, meant.places, conflict=conflict)
    if origin.zone and origin.region in destination.regions:
        return _Finding(where, meant.places)
    return _own(destination, meant, where)


def _own(destination: Destination, meant: Answer, where: str) -> _Finding:
    """What the provider's own feed says: one of the destination's regions, or another."""
    places = meant.places
    if set(meant.regions) & set(destination.regions):
        return _Finding(where, places, confirms=not places.unknown)
    inside = not places.unknown and places.codes <= destination.places.codes
    contradicts = bool(destination.regions) and not inside and not destination.places.anywhere
    return _Finding(where, places, conflict=contradicts)


def answer_of(origin: Origin, atlas: Atlas) -> Answer:
    """What the region of *origin* means, or its zone where it has one; unknown if no table has it."""
    names = atlas.feed_names.get(origin.provider, {})
    if origin.zone:
        return names.get(origin.zone, Answer())
    table = atlas.tables.get(origin.provider)
    regions = table.kinds["region"] if table else {}
    return regions.get(origin.region) or names.get(origin.region, Answer())


def _verified(
    destination: Destination,
    addresses: set[str],
    confirmed: Mapping[str, Places],
    places: Places,
) -> bool:
    if not addresses or addresses != confirmed.keys() or places != destination.places:
        return False
    codes = frozenset().union(*(p.codes for p in confirmed.values()))
    return codes == destination.places.codes


def _status(destination: Destination, places: Places, *, conflict: bool, verified: bool) -> Status:
    if conflict or destination.status == "conflict":
        return "conflict"
    if places.unknown:
        return "unknown"
    return "verified" if verified and destination.status == "declared" else destination.status


def _evidence(grounds: Mapping[tuple[str, str], list[str]]) -> list[Evidence]:
    found = []
    for (says, feed), addresses in list(grounds.items())[:MAX_EVIDENCE]:
        more = f" and {len(addresses) - 1} more" if len(addresses) > 1 else ""
        found.append(Evidence("address", f"{addresses[0]}{more}: {says}", f"feed:{feed}"))
    return found
