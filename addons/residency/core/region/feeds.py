"""Address ranges that providers publish, each with its region: read, checked, and asked by address.

A feed says what its publisher writes and no more: a region in the publisher's own code, its zone where that is not the
region's own, or that the range is announced everywhere. What the codes mean stands in ``rules/places``.
"""

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field

from residency.core.address import IP

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, order=True)
class Origin:
    """What a feed says about one range.

    ``region`` is the provider's code; empty where the feed gives none. ``zone`` is a part of the region that may lie
    elsewhere. ``country`` is what a geolocation database says in a region's place; its ``provider`` is empty.
    """

    provider: str = ""
    region: str = ""
    zone: str = ""
    country: str = ""
    anycast: bool = False


@dataclass(frozen=True, slots=True)
class Ranges:
    """Ranges by address; the longest prefix speaks, and equal ones together.

    ``starts`` and ``labels`` per IP version: from each start on, the label counts.
    """

    name: str
    kind: str
    published: str
    count: int
    starts: dict[int, list[int]] = field(repr=False)
    labels: dict[int, list[tuple[Origin, ...]]] = field(repr=False)

    def find(self, ip: IP) -> tuple[Origin, ...]:
        at = bisect_right(self.starts[ip.version], int(ip)) - 1
        return self.labels[ip.version][at] if at >= 0 else ()

    def regions(self) -> frozenset[str]:
        """Every region or zone that occurs."""
        said = {o for labels in self.labels.values() for label in labels for o in label}
        return frozenset(o.zone or o.region for o in said) - {""}


def lay(ranges: Iterable[tuple[Network, Origin]]) -> tuple[
    int, dict[int, list[int]], dict[int, list[tuple[Origin, ...]]]
]:  # fmt: skip
    """Networks, which lie in each other or apart, as adjoining stretches: how many, their starts and labels."""
    joined: dict[tuple[int, int, int], set[Origin]] = {}
    for network, origin in ranges:
        first, size = int(network.network_address), network.num_addresses
        joined.setdefault((network.version, first, -(first + size - 1)), set()).add(origin)
    starts: dict[int, list[int]] = {4: [], 6: []}
    labels: dict[int, list[tuple[Origin, ...]]] = {4: [], 6: []}
    around: dict[int, list[tuple[int, tuple[Origin, ...]]]] = {4: [], 6: []}

    def mark(version: int, at: int, label: tuple[Origin, ...]) -> None:
        if starts[version] and starts[version][-1] == at:
            labels[version][-1] = label
        else:
            starts[version].append(at)
            labels[version].append(label)

    def close(version: int, before: int | None) -> None:
        outer = around[version]
        while outer and (before is None or outer[-1][0] < before):
            last, _ = outer.pop()
            mark(version, last + 1, outer[-1][1] if outer else ())

    for (version, first, last), origins in sorted(joined.items(), key=lambda item: item[0]):
        close(version, first)
        label = tuple(sorted(origins))
        mark(version, first, label)
        around[version].append((-last, label))
    for version in (4, 6):
        close(version, None)
    return len(joined), starts, labels
