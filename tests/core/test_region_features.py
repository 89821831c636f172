"""What an entry can say: the members' names of an object, another's table."""

import pytest

from residency.core.region.cases import ABSENT, PENDING, UNREADABLE
from residency.core.region.reading import select, steps
from tests.atlases import ask, build

PINS = "version: 1\ndestinations: []\n"
ENTRY = """
version: 1
provider: example
source: s
as_of: 2026-11-22
confidence: high
entries:
  - id: one
    service: s
    source: s
"""


def entry(text: str) -> str:
    return ENTRY + "".join(f"    {line}\n" for line in text.splitlines())


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"tools": [{"googleSearch": {}}, {"urlContext": {}, "retrieval": 1}]}, ("googleSearch", "urlContext", "retrieval")),
        ({"tools": [{}]}, (ABSENT,)),
        ({"tools": []}, (ABSENT,)),
        ({}, (ABSENT,)),
        ({"tools": [None]}, (ABSENT,)),
        ({"tools": ["googleSearch"]}, (UNREADABLE,)),
        ({"tools": {"googleSearch": {}}}, (UNREADABLE,)),
        (PENDING, (PENDING,)),
        (UNREADABLE, (UNREADABLE,)),
    ],
)  # fmt: skip
def test_the_names_of_an_objects_members(body: object, found: tuple[object, ...]) -> None:
    assert select(body, steps("$.tools[*]"), "keys") == found


def test_the_regions_of_an_entry_may_be_another_providers() -> None:
    atlas, faults = build(
        PINS,
        entry('hosts: ["{region}.a.test"]\ntable: google\nwhere: [{regions: ["{region}"]}]'),
    )

    assert atlas, faults.found
    assert str(ask("europe-west3.a.test/", atlas=atlas).places) == "DE"
    assert ask("eu-west-1.a.test/", atlas=atlas).provider is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hosts: [a.test]\ntable: gogle\nwhere: [{places: anywhere}]", "no provider of rules/places"),
        ("hosts: [a.test]\nread: {m: {header: a, take: keys}}\nwhere: [{places: anywhere}]", "keys goes with body only"),
    ],
)  # fmt: skip
def test_a_feature_misused_is_refused_with_its_place(text: str, says: str) -> None:
    atlas, faults = build(PINS, entry(text))

    assert atlas is None
    (fault,) = faults.found
    assert says in str(fault)
    assert fault.line > 0


SEVERAL = """
version: 1
source: s
as_of: 2026-11-22
confidence: high
entries:
  - {id: one, provider: first, service: s, hosts: [a.test], where: [{places: [DE]}], source: s}
  - {id: two, PROVIDERservice: s, hosts: [b.test], where: [{places: [FR]}], source: s}
"""


def test_a_file_may_hold_entries_of_several_providers() -> None:
    atlas, faults = build(PINS, SEVERAL.replace("PROVIDER", "provider: second, "))
    faults.check()

    providers = [ask(f"{host}.test/x", ABSENT, atlas=atlas).provider for host in "ab"]
    assert providers == ["first", "second"]


def test_an_entry_of_no_provider_is_a_fault() -> None:
    _, faults = build(PINS, SEVERAL.replace("PROVIDER", ""))

    assert [f.message for f in faults.found] == ["has no provider, and the file none for all"]
