"""What feeds call their places stands for regions and countries that exist."""

import pytest

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.places import Places
from residency.core.region import feednames
from residency.core.region.cases import Answer
from residency.core.region.tables import Table

DE = Answer(Places(frozenset(["DE"])), ("germanywestcentral",))
TABLES = {"azure": Table({"region": {"germanywestcentral": DE}, "zone": {}, "code": {}})}
HEAD = "version: 1\nfeeds:\n  azure: {source: s, as_of: 2026-11, confidence: high, "


def names(text: str) -> tuple[feednames.FeedNames, Faults]:
    faults = Faults()
    document = read(HEAD + text + "}\n", "feeds.yaml", faults)
    return feednames.parse([document], TABLES, faults), faults


def test_a_name_stands_for_a_region_or_a_country() -> None:
    found, faults = names("regions: {germanywc: germanywestcentral}, countries: {PL: [waw-1]}")

    assert not faults
    assert found["azure"]["germanywc"] == DE
    assert found["azure"]["waw-1"] == Answer(Places(frozenset(["PL"])))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("regions: {x: nowhere}", "is no region"),
        ("regions: {germanywestcentral: germanywestcentral}", "own name"),
        ("countries: {UK: [x]}", "ISO 3166-1"),
        ("countries: {PL: [x], DE: [x]}", "stands elsewhere"),
        ("places: {}", "not a key"),
    ],
)
def test_a_name_that_stands_for_nothing_is_a_fault(text: str, fault: str) -> None:
    assert fault in str(names(text)[1].found[0])


def test_names_of_a_provider_that_nobody_knows_stand_for_nothing() -> None:
    faults = Faults()
    document = read(HEAD.replace("azure", "other") + "regions: {x: y}}\n", "feeds.yaml", faults)

    assert feednames.parse([document], TABLES, faults) == {}
    assert not faults
