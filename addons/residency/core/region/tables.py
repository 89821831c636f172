"""``rules/places/*.yaml``: a provider's regions, and the jurisdictions that rules name.

A region code means something in its provider's table only, and fits only the partition whose
suffix the host has. ``zones`` are a provider's names for several countries at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Literal

import pydantic

from residency.core.document import Document, Path, fit
from residency.core.faults import Faults
from residency.core.places import ANYWHERE, ISO_3166, UNKNOWN, Jurisdictions, Places
from residency.core.region.cases import Answer, join

type Confidence = Literal["high", "medium", "low"]
type AsOf = Annotated[str, pydantic.StringConstraints(pattern=r"^\d{4}-\d{2}(-\d{2})?$")]
type Spread = Literal["anywhere", "unknown"] | list[str]


class Model(pydantic.BaseModel):
    """The base of every file format of this package: no unknown key, no change after reading."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)


class GroupModel(Model):
    members: list[str]
    source: str
    as_of: AsOf
    confidence: Confidence
    note: str = ""
    conditional: dict[str, str] = pydantic.Field(default_factory=dict)


class GroupsFile(Model):
    version: Literal["1"]
    jurisdictions: dict[str, GroupModel]


class RegionModel(Model):
    """``code`` is a second spelling that the provider uses in some hosts (Cloud Run).

    ``described`` is the provider's own words for the region, to see that they have changed.

    ``zone`` is the zone in which deployments of resources of this region may run.
    """

    country: str
    name: str
    partition: str | None = None
    code: str | None = None
    described: str = ""
    zone: str | None = None
    confidence: Confidence = "high"
    note: str = ""


class ZoneModel(Model):
    places: Spread | None = None
    jurisdiction: str | None = None
    confidence: Confidence
    note: str = ""

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> "ZoneModel":
        if (self.places is None) == (self.jurisdiction is None):
            raise ValueError("give either places or jurisdiction")
        return self


class PartitionModel(Model):
    suffixes: list[str]


class DeploymentModel(Model):
    """``runs`` lists ``{region}`` (the resource's own), ``{zone}`` (that region's) and codes."""

    runs: Annotated[list[str], pydantic.Field(min_length=1)]
    confidence: Confidence
    note: str = ""


class RegionsFile(Model):
    version: Literal["1"]
    provider: str
    source: str
    as_of: AsOf
    confidence: Confidence
    partitions: dict[str, PartitionModel] = pydantic.Field(default_factory=dict)
    regions: dict[str, RegionModel]
    zones: dict[str, ZoneModel] = pydantic.Field(default_factory=dict)
    deployments: dict[str, DeploymentModel] = pydantic.Field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """One provider's codes by kind, ``region``, ``zone`` and ``code``, each with what it means.

    ``deployments``: deployment type → region of the resource → where it runs. A region that cannot
    have one of that type is left out.
    """

    kinds: Mapping[str, Mapping[str, Answer]] = field(
        default_factory=lambda: {"region": {}, "zone": {}, "code": {}}
    )
    partitions: Mapping[str, frozenset[str]] = field(default_factory=dict)
    suffixes: Mapping[str, frozenset[str]] = field(default_factory=dict)
    deployments: Mapping[str, Mapping[str, Answer]] = field(default_factory=dict)

    def codes(self, kind: str, partitions: frozenset[str] | None = None) -> Mapping[str, Answer]:
        """The codes of *kind*; regions only of *partitions*, if any are named."""
        table = self.kinds[kind]
        if partitions is None or kind != "region":
            return table
        return {c: a for c, a in table.items() if any(c in self.partitions[p] for p in partitions)}

    def means(self, position: str) -> Mapping[str, Answer]:
        """What the values of *position* stand for: its own kind's, or any region or zone."""
        return self.kinds.get(position) or {**self.kinds["zone"], **self.kinds["region"]}


def spread(value: Spread, document: Document, path: Path, faults: Faults) -> Places:
    """The places that a file spells as a list of countries, ``anywhere`` or ``unknown``."""
    if isinstance(value, str):
        return ANYWHERE if value == "anywhere" else UNKNOWN
    for i, country in enumerate(value):
        if country not in ISO_3166:
            faults.add(
                document.fault(
                    (*path, i), "is no ISO 3166-1 alpha-2 code", "GB, not UK; GR, not EL"
                )
            )
    if not value:
        faults.add(document.fault(path, "is empty", "name countries, anywhere or unknown"))
    return Places(frozenset(value))


def jurisdictions(documents: Sequence[Document], faults: Faults) -> Jurisdictions:
    """Every named set of places in *documents*."""
    members: dict[str, frozenset[str]] = {}
    for document in documents:
        file = fit(document, GroupsFile, faults)
        for name, group in file.jurisdictions.items() if file else ():
            path: Path = ("jurisdictions", name)
            if name in members or name in ISO_3166 or name in ("anywhere", "unknown"):
                faults.add(
                    document.fault(path, "names something else already", "choose another name")
                )
            spread(group.members, document, (*path, "members"), faults)
            members[name] = frozenset(group.members)
    return Jurisdictions(members)


def tables(
    documents: Sequence[Document], named: Jurisdictions, faults: Faults
) -> dict[str, Table]:
    """Every provider's table in *documents*."""
    found: dict[str, Table] = {}
    for document in documents:
        file = fit(document, RegionsFile, faults)
        if file is None:
            continue
        if file.provider in found:
            faults.add(document.fault(("provider",), "has a table already", "keep one"))
        found[file.provider] = _table(file, document, named, faults)
    return found


def _table(file: RegionsFile, document: Document, named: Jurisdictions, faults: Faults) -> Table:
    partitions: dict[str, set[str]] = {name: set() for name in file.partitions}
    regions: dict[str, Answer] = {}
    codes: dict[str, Answer] = {}
    for code, row in file.regions.items():
        spread([row.country], document, ("regions", code, "country"), faults)
        regions[code] = Answer(Places(frozenset([row.country])), (code,))
        if row.code:
            if row.code in codes:
                faults.add(
                    document.fault(("regions", code, "code"), "is another region's", "keep one")
                )
            codes[row.code] = regions[code]
        if row.partition in partitions:
            partitions[row.partition].add(code)
        elif row.partition:
            faults.add(document.fault(("regions", code, "partition"), "is not in partitions"))
    suffixes: dict[str, frozenset[str]] = {}
    for name, partition in file.partitions.items():
        for suffix in partition.suffixes:
            suffixes[suffix] = suffixes.get(suffix, frozenset()) | {name}
    zones = {
        code: Answer(_zone(zone, document, ("zones", code), named, faults), (code,))
        for code, zone in file.zones.items()
    }
    return Table(
        {"region": regions, "zone": zones, "code": codes},
        {name: frozenset(codes) for name, codes in partitions.items()},
        suffixes,
        _deployments(file, document, {**zones, **regions}, faults),
    )


def _deployments(
    file: RegionsFile, document: Document, codes: Mapping[str, Answer], faults: Faults
) -> dict[str, dict[str, Answer]]:
    for code, row in file.regions.items():
        if row.zone is not None and row.zone not in file.zones:
            faults.add(document.fault(("regions", code, "zone"), "is not in zones"))
    found: dict[str, dict[str, Answer]] = {}
    for kind, model in file.deployments.items():
        for i, text in enumerate(model.runs):
            if text not in codes and text not in ("{region}", "{zone}"):
                path: Path = ("deployments", kind, "runs", i)
                faults.add(document.fault(path, "is none of {region}, {zone} and a code"))
        found[kind] = {}
        for code, row in file.regions.items():
            own = {"{region}": code, "{zone}": row.zone or ""}
            runs = [codes.get(own.get(text, text)) for text in model.runs]
            if None not in runs:
                found[kind][code] = join([answer for answer in runs if answer])
    return found


def _zone(
    zone: ZoneModel, document: Document, path: Path, named: Jurisdictions, faults: Faults
) -> Places:
    if zone.jurisdiction is None:
        return spread(zone.places or [], document, (*path, "places"), faults)
    if zone.jurisdiction not in named.members:
        faults.add(
            document.fault((*path, "jurisdiction"), "is not in rules/places/jurisdictions.yaml")
        )
    return Places(named.members.get(zone.jurisdiction, frozenset()))
