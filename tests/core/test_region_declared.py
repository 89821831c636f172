"""Deployment types: where they run follows from the region, and nothing unread makes it narrower."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.places import Places
from residency.core.region.cases import PENDING, UNREADABLE, join, say
from residency.core.region.declared import Context, DeclaredModel, PinCaseModel, cases
from residency.core.region.tables import tables
from tests.atlases import shipped

AZURE = shipped().tables["azure"]
TABLE = """
version: 1
provider: example
source: s
as_of: 2026-11-22
confidence: high
regions:
  here: {{country: DE, name: a, zone: {zone}}}
  there: {{country: US, name: b}}
zones:
  both: {{places: [DE, FR], confidence: high}}
  world: {{places: anywhere, confidence: high}}
deployments:
  Own: {{runs: ["{{region}}"], confidence: high}}
  Near: {{runs: ["{{zone}}"], confidence: high}}
  Wide: {{runs: ["{{region}}", {last}], confidence: high}}
"""
regions = st.sampled_from(sorted(AZURE.codes("region")))
kinds = st.sampled_from(sorted(AZURE.deployments))


def said(model: DeclaredModel) -> tuple[Faults, Places, Places]:
    """The faults, what a deployment called ``a`` gets, and what one that is not told gets."""
    faults = Faults()
    document = read("a: b\n", "a.yaml", faults)
    context = Context(document, AZURE, shipped().jurisdictions, faults)
    found = cases(context, model, ("a",))
    unread = [{"deployment": PENDING}, {"deployment": UNREADABLE}]
    return faults, say(found, [{"deployment": "a"}]).places, say(found, unread).places


@given(regions)
def test_a_wider_type_never_runs_in_fewer_places(region: str) -> None:
    standard = AZURE.deployments["Standard"][region].places
    wide = AZURE.deployments["GlobalStandard"][region].places
    zoned = AZURE.deployments["DataZoneStandard"].get(region)

    assert wide.anywhere
    assert zoned is None or zoned.places.anywhere or standard.codes <= zoned.places.codes


@given(regions, kinds, regions, kinds)
def test_a_deployment_that_is_not_told_is_never_narrower(
    one: str, kind: str, two: str, other: str
) -> None:
    model = DeclaredModel(
        regions=[one],
        where=[
            PinCaseModel(when={"deployment": ["a"]}, deployment=kind),
            PinCaseModel(when={"deployment": ["b"]}, regions=[two], deployment=other),
        ],
    )
    faults, told, untold = said(model)

    assert untold.unknown
    assert bool(faults.found) or not told.unknown


@given(regions, kinds)
def test_what_has_no_type_there_is_refused_and_never_guessed(region: str, kind: str) -> None:
    faults, told, _ = said(DeclaredModel(regions=[region], deployment=kind))

    if region in AZURE.deployments[kind]:
        assert told == AZURE.deployments[kind][region].places
    else:
        assert told.unknown
        assert len(faults.found) == 1


def test_any_provider_may_have_deployment_types() -> None:
    faults = Faults()
    text = TABLE.format(zone="both", last="world")
    table = tables([read(text, "t.yaml", faults)], shipped().jurisdictions, faults)["example"]
    faults.check()

    assert str(table.deployments["Own"]["there"].places) == "US"
    assert str(table.deployments["Near"]["here"].places) == "DE FR"
    assert table.deployments["Near"].keys() == {"here"}
    assert table.deployments["Wide"]["here"].places.anywhere
    assert join([table.deployments["Own"][r] for r in ("here", "there")]).regions == (
        "here",
        "there",
    )


@pytest.mark.parametrize(
    ("zone", "last", "says"),
    [("nowhere", "world", "is not in zones"), ("both", "mars", "is none of {region}")],
)
def test_a_bad_table_of_types_is_refused_with_its_place(zone: str, last: str, says: str) -> None:
    faults = Faults()
    text = TABLE.format(zone=zone, last=last)
    tables([read(text, "t.yaml", faults)], shipped().jurisdictions, faults)

    (fault,) = faults.found
    assert says in str(fault)
    assert fault.line > 0
