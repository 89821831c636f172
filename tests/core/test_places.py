"""Every possible place must be admitted; unknown is nowhere unless it is named."""

import pytest

from residency.core.places import ANYWHERE, ISO_3166, UNKNOWN, Area, Jurisdictions, Places
from residency.core.plain import Plain

EU = frozenset({"DE", "FR"})
NAMES = Jurisdictions({"EU": EU})
DE, US = Places(frozenset({"DE"})), Places(frozenset({"US"}))
EITHER = DE | US


def test_places_made_without_arguments_are_unknown() -> None:
    assert Places().unknown


@pytest.mark.parametrize(
    ("names", "places", "covered"),
    [
        (["EU"], UNKNOWN, False),
        (["anywhere"], UNKNOWN, False),
        (["EU"], ANYWHERE, False),
        (["EU", "unknown"], ANYWHERE, False),
        (["EU"], EITHER, False),
        (["unknown"], DE, False),
        ([], DE, False),
        ([], UNKNOWN, False),
        (["EU"], DE, True),
        (["EU", "US"], EITHER, True),
        (["anywhere"], ANYWHERE, True),
        (["anywhere"], EITHER, True),
        (["unknown"], UNKNOWN, True),
    ],
)
def test_an_area_covers_only_if_every_possible_place_is_inside(
    names: list[str], places: Places, *, covered: bool
) -> None:
    assert NAMES.area(names).covers(places) is covered


@pytest.mark.parametrize(
    ("names", "places", "touched"),
    [
        (["US"], UNKNOWN, True),
        (["US"], ANYWHERE, True),
        (["US"], EITHER, True),
        (["anywhere"], DE, True),
        (["US"], DE, False),
        (["unknown"], DE, False),
        ([], DE, False),
    ],
)
def test_an_area_is_missed_only_if_no_possible_place_is_inside(
    names: list[str], places: Places, *, touched: bool
) -> None:
    assert NAMES.area(names).touches(places) is touched


@pytest.mark.parametrize(
    ("inner", "outer", "within"),
    [
        (["DE"], ["EU"], True),
        (["EU"], ["anywhere"], True),
        (["EU"], ["DE"], False),
        (["anywhere"], ["EU"], False),
        (["DE", "unknown"], ["EU"], False),
        (["unknown"], ["anywhere"], False),
        (["unknown"], ["EU", "unknown"], True),
    ],
)
def test_an_area_within_another_admits_nothing_more(
    inner: list[str], outer: list[str], *, within: bool
) -> None:
    assert NAMES.area(inner).within(NAMES.area(outer)) is within


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [
        (UNKNOWN, DE, UNKNOWN),
        (ANYWHERE, UNKNOWN, UNKNOWN),
        (ANYWHERE, DE, ANYWHERE),
        (DE, US, Places(frozenset({"DE", "US"}))),
    ],
)
def test_either_of_two_is_never_narrower(first: Places, second: Places, both: Places) -> None:
    assert (first | second, second | first) == (both, both)


@pytest.mark.parametrize("places", [UNKNOWN, ANYWHERE, DE, EITHER])
def test_places_come_back_from_plain_values(places: Places) -> None:
    assert Places.from_plain(places.to_plain()) == places


@pytest.mark.parametrize("plain", [[], None, "DE", 1, ["DE", 1], {"DE": 1}, ""])
def test_what_are_no_places_is_refused(plain: Plain) -> None:
    with pytest.raises(TypeError):
        Places.from_plain(plain)


def test_places_are_written_in_order() -> None:
    assert (str(EITHER), str(UNKNOWN), str(ANYWHERE)) == ("DE US", "unknown", "anywhere")


@pytest.mark.parametrize("name", ["eu", "UK", "EL", "XX", "D", "DEU", "", "Anywhere", "de"])
def test_a_name_that_stands_for_nothing_is_refused(name: str) -> None:
    with pytest.raises(KeyError, match=repr(name)):
        NAMES.area(["EU", name])


def test_names_become_one_area() -> None:
    assert NAMES.area(["EU", "NO"]) == Area(EU | {"NO"})


def test_there_are_249_codes() -> None:
    assert len(ISO_3166) == 249
