"""Pins that have run out, have no effect, or are used by nobody."""

import datetime
from typing import Any

import pytest

from residency.core.document import Document, read
from residency.core.faults import Faults
from residency.core.plain import Plain
from residency.core.region import lint
from residency.core.region.atlas import Atlas
from residency.errors import Fault
from tests.atlases import TODAY, ask, build


def loaded(*pins: str) -> tuple[Atlas, Document]:
    lines = "".join(f"  - {{{pin}, owner: a@example.com, why: test}}\n" for pin in pins)
    text = f"version: 1\ndestinations:\n{lines}"
    atlas, faults = build(text)
    assert atlas, faults.found
    return atlas, read(text, "destinations.yaml", Faults())


def places(faults: list[Fault]) -> list[tuple[int, str]]:
    assert all(f.source == "destinations.yaml" and f.column and f.mend for f in faults)
    return [(f.line, f.message) for f in faults]


def test_a_pin_that_has_run_out_is_told_with_its_place() -> None:
    atlas, document = loaded(
        "host: a.example, places: [DE], until: 2026-11-21",
        "host: b.example, places: [DE], until: 2026-11-22",
        'hosts: [c.example, "*.c.example"], places: [DE], until: 2026-01-01',
    )

    assert places(lint.expired(atlas.pins, document, TODAY)) == [
        (3, "a.example: the pin ended on 2026-11-21"),
        (5, "c.example: the pin ended on 2026-01-01"),
        (5, "*.c.example: the pin ended on 2026-01-01"),
    ]


def test_a_pin_that_says_what_a_wider_one_says_is_told() -> None:
    atlas, document = loaded(
        'host: "*.example.com", places: [DE]',
        "host: a.example.com, places: [DE]",
        'host: "*.b.example.com", places: [DE]',
        "host: c.example.com, places: [FR]",
        "host: d.example.com, places: [DE], ports: [8443]",
        "host: e.example.com, places: [DE], until: 2027-01-01",
        "host: f.example.com, places: [DE], service: f",
    )

    assert places(lint.idle(atlas.pins, document, atlas.matcher)) == [
        (4, "a.example.com: *.example.com says the same"),
        (5, "*.b.example.com: *.example.com says the same"),
    ]


ALWAYS = """
version: 1
provider: openai
source: s
as_of: 2026-11-22
confidence: high
entries:
  - {id: first, service: s, hosts: [a.example], where: [{places: [US]}], source: s}
  - {id: second, service: s, hosts: [a.example], where: [{places: unknown, pin: true}], source: s}
"""


def test_a_pin_behind_an_entry_that_always_answers_is_told() -> None:
    text = "version: 1\ndestinations:\n  - {host: a.example, places: [DE], owner: o, why: w}\n"
    atlas, faults = build(text, ALWAYS)
    assert atlas, faults.found
    document = read(text, "destinations.yaml", Faults())

    assert places(lint.idle(atlas.pins, document, atlas.matcher)) == [
        (3, "a.example: the catalogue always answers, by its entry first")
    ]


def decision(host: str, atlas: Atlas, today: datetime.date = TODAY) -> dict[str, Plain]:
    to: Any = ask(f"{host}/", atlas=atlas, today=today).to_plain()
    return {"destination": to, "call": {"host": host}}


def test_a_pin_that_no_call_used_is_told() -> None:
    atlas, document = loaded(
        "host: a.example, places: [DE]",
        "host: b.example, places: [DE]",
        'host: "*.c.example", places: [DE]',
    )
    used = lint.used_by(atlas.pins, [decision("a.example", atlas), decision("x.c.example", atlas)])

    assert places(lint.unused(atlas.pins, document, used)) == [
        (4, "b.example: no call in the ledger used the pin")
    ]


def test_a_pin_is_used_where_it_opened_a_port_though_another_says_the_place() -> None:
    atlas, _ = loaded("host: api.anthropic.com, places: [US], ports: [443, 8443]")
    call: dict[str, Plain] = {"destination": None, "call": {"host": "api.anthropic.com"}}

    assert lint.used_by(atlas.pins, [call]) == {"pin:api.anthropic.com"}


@pytest.mark.parametrize(
    "fields",
    [{}, {"destination": None, "call": None}, {"destination": {"evidence": "x"}}, {"destination": {"evidence": [1]}},
     {"call": {"host": 1}}],
)  # fmt: skip
def test_odd_records_use_no_pin(fields: dict[str, Plain]) -> None:
    atlas, _ = loaded("host: a.example, places: [DE]")

    assert lint.used_by(atlas.pins, [fields]) == frozenset()
