"""``rules/places/feeds.yaml``: what published address ranges call their places, where a region's table does not say it.

Azure's service tags shorten some regions' names. AWS's network border groups name Local and Wavelength Zones, some of
them in another country than their region.
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import pydantic

from residency.core.document import Document, Path, fit
from residency.core.faults import Faults
from residency.core.places import Places
from residency.core.region.cases import Answer
from residency.core.region.tables import AsOf, Confidence, Model, Table, spread

type FeedNames = Mapping[str, Mapping[str, Answer]]


class NamesModel(Model):
    """A provider's names, by the region that they mean or by the country that they are in."""

    source: str
    as_of: AsOf
    confidence: Confidence
    regions: dict[str, str] = pydantic.Field(default_factory=dict)
    countries: dict[str, list[str]] = pydantic.Field(default_factory=dict)


class NamesFile(Model):
    version: Literal["1"]
    feeds: dict[str, NamesModel]


def parse(documents: Sequence[Document], tables: Mapping[str, Table], faults: Faults) -> FeedNames:
    """Provider → name → what it means. Names of a provider without a table stand for nothing."""
    found: dict[str, dict[str, Answer]] = {}
    for document in documents:
        file = fit(document, NamesFile, faults)
        for provider, model in file.feeds.items() if file else ():
            path: Path = ("feeds", provider)
            if provider in found:
                faults.add(document.fault(path, "has names already", "keep one"))
            if provider in tables:
                found[provider] = _names(model, document, path, tables[provider], faults)
    return found


def _names(
    model: NamesModel, document: Document, path: Path, table: Table, faults: Faults
) -> dict[str, Answer]:
    names: dict[str, Answer] = {}
    for name, region in model.regions.items():
        where: Path = (*path, "regions", name)
        if name in table.kinds["region"]:
            faults.add(document.fault(where, "is a region's own name", "remove it"))
        if region in table.kinds["region"]:
            names[name] = table.kinds["region"][region]
        else:
            faults.add(document.fault(where, "is no region of this provider"))
    for country, zones in model.countries.items():
        where = (*path, "countries", country)
        spread([country], document, where, faults)
        for zone in zones:
            if zone in names:
                faults.add(document.fault(where, "has a name that stands elsewhere", "keep one"))
            names[zone] = Answer(Places(frozenset([country])))
    return names
