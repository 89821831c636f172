"""What AWS publishes and the catalogue does not say, or says otherwise, and the other way round."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from residency.core.region.atlas import Atlas
from residency.core.region.entry import Entry
from residency.core.region.published import Published
from residency.core.region.tables import RegionsFile

type Kind = Literal["added", "gone", "changed"]


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One difference: ``was`` is what the catalogue says, ``now`` what is published."""

    what: Literal["partition", "suffix", "region", "host", "service"]
    kind: Kind
    name: str
    was: str = ""
    now: str = ""


def differences(table: RegionsFile, atlas: Atlas, published: Published) -> list[Change]:
    """Every difference between what is *published* and the shipped *table* and *atlas*."""
    return sorted(
        {*_partitions(table, published), *_regions(table, published), *_hosts(atlas, published)}
    )


def _partitions(table: RegionsFile, published: Published) -> Iterator[Change]:
    for name in table.partitions.keys() - published.partitions.keys():
        yield Change("partition", "gone", name)
    for name, now in published.partitions.items():
        if name not in table.partitions:
            yield Change("partition", "added", name, now=" ".join(sorted(now.suffixes)))
            continue
        was = set(table.partitions[name].suffixes)
        yield from (Change("suffix", "gone", s, was=name) for s in was - now.suffixes)
        yield from (Change("suffix", "added", s, now=name) for s in now.suffixes - was)


def _regions(table: RegionsFile, published: Published) -> Iterator[Change]:
    now = {
        code: (name, words)
        for name, partition in published.partitions.items()
        for code, words in partition.regions.items()
    }
    for code in table.regions.keys() - now.keys():
        yield Change("region", "gone", code, was=table.regions[code].partition or "")
    for code, (partition, words) in now.items():
        if (row := table.regions.get(code)) is None:
            yield Change("region", "added", code, now=f"{partition}: {words}")
            continue
        if row.partition != partition:
            yield Change("region", "changed", code, was=row.partition or "", now=partition)
        if row.described != words:
            yield Change("region", "changed", code, was=row.described, now=words)


def _hosts(atlas: Atlas, published: Published) -> Iterator[Change]:
    seen: set[tuple[str, str]] = set()
    for template in published.hosts:
        known = False
        for host in _instances(template, published):
            for entry, positions in atlas.matcher.match(host):
                if _knows(entry, positions):
                    known = True
                    seen.add((entry.id, positions.get(entry.service.position, "")))
        if not known:
            yield Change("host", "added", template)
    for entry in atlas.entries:
        # Entries that are less sure name services from other sources, too.
        if entry.provider == "aws" and entry.confidence == "high":
            for service in entry.services - {name for id_, name in seen if id_ == entry.id}:
                yield Change("service", "gone", service, was=entry.id)


def _instances(template: str, published: Published) -> Iterator[str]:
    """*template* with each suffix, and the first region of its partition."""
    for partition in published.partitions.values():
        region = min(partition.regions, default="")
        for suffix in sorted(partition.suffixes):
            host = template.replace("{region}", region).replace("{suffix}", suffix)
            yield host
            if "{" not in template:
                return


def _knows(entry: Entry, positions: Mapping[str, str]) -> bool:
    """Whether it is about this service by name, or about one only."""
    if not entry.services:
        return True
    case = next((c for c in entry.cases if c.applies(positions) is not False), None)
    return case is not None and any(c.position == entry.service.position for c in case.when)
