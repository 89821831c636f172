"""An address may add places or raise a conflict, and never takes a place away."""

import dataclasses

import pytest

from residency.core.places import ANYWHERE, UNKNOWN, Places
from residency.core.region.address import MAX_EVIDENCE, Said, weigh
from residency.core.region.destination import Destination, Evidence
from residency.core.region.feeds import Origin
from tests.atlases import shipped

FRANKFURT = Destination(
    provider="aws",
    function="aws:lambda:f",
    regions=("eu-central-1",),
    places=Places(frozenset({"DE"})),
    status="declared",
    evidence=(Evidence("host", "region eu-central-1", "aws-lambda"),),
)
PROFILE = dataclasses.replace(
    FRANKFURT,
    regions=("eu-central-1", "eu-west-1"),
    places=Places(frozenset({"DE", "IE"})),
)
VENDOR = dataclasses.replace(
    FRANKFURT, provider="openai", regions=(), places=Places(frozenset({"DE", "IE"}))
)
WORLD = dataclasses.replace(FRANKFURT, regions=(), places=ANYWHERE)


def said(*origins: Origin, address: str = "3.5.1.1", feed: str = "aws") -> Said:
    return Said(address, feed, origins, geo=feed == "mmdb")


def aws(region: str, zone: str = "") -> Said:
    return said(Origin("aws", region, zone))


def country(code: str) -> Said:
    return said(Origin(country=code), feed="mmdb")


def judged(destination: Destination, *what: Said) -> tuple[object, str]:
    found = weigh(destination, what, shipped())
    return found.places.to_plain(), found.status


def test_the_declared_region_is_verified() -> None:
    assert judged(FRANKFURT, aws("eu-central-1")) == (["DE"], "verified")


def test_the_ground_is_told() -> None:
    found = weigh(
        FRANKFURT, [aws("eu-central-1"), said(*aws("eu-central-1").origins, address="3.5.1.2")], shipped()
    )  # fmt: skip

    assert found.evidence[-1] == Evidence(
        "address", "3.5.1.1 and 1 more: aws eu-central-1", "feed:aws"
    )
    assert found.evidence[:1] == FRANKFURT.evidence


@pytest.mark.parametrize(
    "more",
    [
        said(address="3.5.1.2"),
        said(Origin("aws", anycast=True), address="3.5.1.2"),
        said(Origin("google", "europe-west3"), address="3.5.1.2", feed="google"),
    ],
    ids=["of which nothing is known", "anycast", "another cloud's"],
)
def test_one_address_that_is_not_confirmed_leaves_it_unverified(more: Said) -> None:
    assert judged(FRANKFURT, aws("eu-central-1"), more)[1] != "verified"


def test_one_region_of_several_countries_does_not_verify_them_all() -> None:
    assert judged(PROFILE, aws("eu-central-1")) == (["DE", "IE"], "declared")


@pytest.mark.parametrize("status", ["unknown", "conflict"])
def test_what_was_not_declared_is_never_verified(status: str) -> None:
    unclear = dataclasses.replace(FRANKFURT, status=status)  # type: ignore[arg-type]

    assert judged(unclear, aws("eu-central-1"))[1] == status


def test_another_region_by_the_providers_own_word_is_a_conflict() -> None:
    assert judged(FRANKFURT, aws("us-east-1")) == (["DE", "US"], "conflict")


def test_another_region_within_the_declared_places_is_none() -> None:
    assert judged(PROFILE, aws("eu-west-1")) == (["DE", "IE"], "declared")
    tokyo = dataclasses.replace(FRANKFURT, regions=("ap-northeast-1",), places=Places(frozenset({"JP"})))  # fmt: skip
    assert judged(tokyo, aws("ap-northeast-3")) == (["JP"], "declared")


def test_a_region_that_no_table_has_makes_the_place_unknown() -> None:
    assert judged(FRANKFURT, aws("xx-moon-1")) == ("unknown", "conflict")
    assert judged(VENDOR, aws("xx-moon-1")) == ("unknown", "unknown")
    assert judged(VENDOR, said(Origin("nobody", "eu-central-1"))) == ("unknown", "unknown")


def test_a_zone_in_another_country_joins() -> None:
    assert judged(FRANKFURT, aws("eu-central-1", "eu-central-1-waw-1")) == (
        ["DE", "PL"],
        "declared",
    )


def test_a_zone_that_nobody_has_told_us_makes_the_place_unknown() -> None:
    assert judged(FRANKFURT, aws("eu-central-1", "eu-central-1-pilot-9")) == ("unknown", "unknown")


def test_a_zone_does_not_verify_its_region() -> None:
    assert judged(FRANKFURT, aws("eu-central-1", "eu-central-1-ham-1")) == (["DE"], "declared")


def test_azures_short_names_are_its_regions() -> None:
    place = Places(frozenset({"DE"}))
    there = dataclasses.replace(
        FRANKFURT, provider="azure", regions=("germanywestcentral",), places=place
    )

    assert judged(there, said(Origin("azure", "germanywc"), feed="azure-public")) == (["DE"], "verified")  # fmt: skip


@pytest.mark.parametrize("provider", ["google", "azure"])
def test_a_range_of_another_cloud_is_a_conflict(provider: str) -> None:
    region = {"google": "europe-west3", "azure": "germanywestcentral"}[provider]

    assert judged(FRANKFURT, said(Origin(provider, region), feed=provider)) == (["DE"], "conflict")


def test_vendors_live_on_clouds_whose_place_joins() -> None:
    assert judged(VENDOR, aws("eu-central-1")) == (["DE", "IE"], "declared")
    assert judged(VENDOR, aws("us-east-1")) == (["DE", "IE", "US"], "declared")


@pytest.mark.parametrize(
    "origin",
    [Origin("aws", anycast=True), Origin("aws")],
    ids=["everywhere", "without a region"],
)
def test_what_is_announced_everywhere_is_noted_and_adds_nothing(origin: Origin) -> None:
    found = weigh(FRANKFURT, [said(origin)], shipped())

    assert (found.places, found.status) == (FRANKFURT.places, "declared")
    assert len(found.evidence) == len(FRANKFURT.evidence) + 1


def test_a_geolocation_adds_its_country_and_is_no_conflict() -> None:
    assert judged(FRANKFURT, country("US")) == (["DE", "US"], "declared")
    assert judged(FRANKFURT, country("DE")) == (["DE"], "declared")


@pytest.mark.parametrize("code", ["EU", "XK", "de", "GBR"])
def test_a_country_that_is_none_makes_the_place_unknown(code: str) -> None:
    assert judged(FRANKFURT, country(code)) == ("unknown", "unknown")


@pytest.mark.parametrize("first", [aws("eu-central-1"), said(Origin("cloudflare", anycast=True), feed="cloudflare-v4")])  # fmt: skip
def test_a_geolocation_is_only_noted_where_a_providers_feed_speaks(first: Said) -> None:
    found = weigh(FRANKFURT, [country("US"), first], shipped())

    assert found.places == FRANKFURT.places
    assert "3.5.1.1: country US" in [e.says for e in found.evidence]


@pytest.mark.parametrize("what", [aws("us-east-1"), country("US"), aws("xx-moon-1")])
def test_nothing_is_added_to_anywhere(what: Said) -> None:
    assert judged(WORLD, what)[0] == "anywhere"


@pytest.mark.parametrize("what", [aws("eu-central-1"), country("DE")])
def test_an_address_never_makes_a_place_known(what: Said) -> None:
    assert judged(Destination(), what) == ("unknown", "unknown")
    assert judged(dataclasses.replace(FRANKFURT, places=UNKNOWN), what)[0] == "unknown"


def test_silence_changes_nothing() -> None:
    assert weigh(FRANKFURT, [said()], shipped()) == FRANKFURT
    assert weigh(FRANKFURT, [], shipped()) == FRANKFURT


def test_what_is_kept_of_the_evidence_is_bounded() -> None:
    many = [said(Origin("aws", f"r-{i}")) for i in range(100)]

    assert len(weigh(FRANKFURT, many, shipped()).evidence) == 1 + MAX_EVIDENCE


@pytest.mark.parametrize(
    "origin", [Origin("cloudflare", anycast=True), Origin("google"), Origin("azure", anycast=True)]
)
def test_another_clouds_range_without_a_region_is_a_conflict_too(origin: Origin) -> None:
    assert judged(FRANKFURT, said(origin)) == (["DE"], "conflict")
    assert judged(VENDOR, said(origin)) == (["DE", "IE"], "declared")
