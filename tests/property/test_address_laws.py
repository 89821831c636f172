"""Laws: no address takes a place away or clears a conflict, whatever feeds say of it."""

from hypothesis import given
from hypothesis import strategies as st

from residency.core.places import ANYWHERE, UNKNOWN, Places
from residency.core.region.address import Said, weigh
from residency.core.region.destination import Destination
from residency.core.region.feeds import Origin
from tests.atlases import shipped

REGIONS = ["", "eu-central-1", "us-east-1", "europe-west3", "germanywc", "westeurope", "nowhere-1"]
places = st.sampled_from([UNKNOWN, ANYWHERE]) | st.builds(
    Places, st.frozensets(st.sampled_from(["DE", "US", "NL", "PL"]), min_size=1)
)
origins = st.builds(
    Origin,
    st.sampled_from(["aws", "google", "azure", "oracle", "cloudflare", ""]),
    st.sampled_from(REGIONS),
    st.sampled_from(["", "eu-central-1-waw-1", "odd-zone-1"]),
    st.sampled_from(["", "", "", "DE", "US", "XX"]),
    st.booleans(),
)
saids = st.lists(
    st.builds(
        Said,
        st.sampled_from(["3.5.1.1", "3.5.1.2", "2606:4700::1"]),
        st.sampled_from(["aws", "google", "mmdb"]),
        st.lists(origins, max_size=3).map(tuple),
        st.booleans(),
    ),
    max_size=6,
)
destinations = st.builds(
    Destination,
    provider=st.sampled_from([None, "aws", "google", "azure", "openai", "private"]),
    regions=st.lists(st.sampled_from(REGIONS[1:]), max_size=2).map(tuple),
    places=places,
    status=st.sampled_from(["declared", "unknown", "conflict"]),
)


@given(destinations, saids)
def test_every_place_that_was_possible_still_is(before: Destination, said: list[Said]) -> None:
    after = weigh(before, said, shipped())

    assert (before.places | after.places) == after.places
    if before.places.anywhere:
        assert after.places.anywhere


@given(destinations, saids)
def test_a_conflict_is_never_cleared_and_only_what_was_declared_is_verified(
    before: Destination, said: list[Said]
) -> None:
    after = weigh(before, said, shipped())

    if before.status == "conflict":
        assert after.status == "conflict"
    if after.status == "verified":
        assert (before.status, after.places) == ("declared", before.places)
    if before.status == "unknown":
        assert after.status in ("unknown", "conflict")


@given(destinations, saids, saids)
def test_more_that_is_said_of_other_addresses_never_makes_it_narrower(
    before: Destination, said: list[Said], more: list[Said]
) -> None:
    others = [Said(f"{s.address}0", s.feed, s.origins, s.geo) for s in more]
    less, whole = (weigh(before, s, shipped()) for s in (said, said + others))

    assert (less.places | whole.places) == whole.places
    assert less.status != "conflict" or whole.status == "conflict"


@given(destinations, saids)
def test_what_is_called_stays_what_it_was(before: Destination, said: list[Said]) -> None:
    after = weigh(before, said, shipped())

    assert (after.provider, after.function, after.regions, after.entry) == (
        before.provider, before.function, before.regions, before.entry,
    )  # fmt: skip
    assert after.evidence[: len(before.evidence)] == before.evidence
    assert Destination.from_plain(after.to_plain()) == after
