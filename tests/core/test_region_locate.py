"""Answers: provisional, evidence, fronting, pins and their faults."""

import datetime

import pytest

from residency.core.plain import Plain
from residency.core.region.destination import Destination
from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE
from tests.atlases import TODAY, ask, build, shipped

AGENT = "bedrock-agent-runtime.eu-west-1.amazonaws.com"
PIN = """
version: 1
destinations:
  - {{host: {host}, {where}, owner: a@example.com, why: test{more}}}
"""


def pinned(host: str, where: str = "places: [DE]", more: str = "") -> str:
    return PIN.format(host=host, where=where, more=more)


def test_before_the_body_the_answer_is_provisional_and_wide() -> None:
    answer = ask("api.anthropic.com/v1/messages", PENDING)

    assert (answer.provisional, str(answer.places)) == (True, "unknown")


def test_with_the_body_it_is_not_provisional() -> None:
    assert not ask("api.anthropic.com/v1/messages", NO_BODY).provisional
    assert not ask("api.anthropic.com/v1/messages", UNREADABLE).provisional
    assert not ask("lambda.eu-west-1.amazonaws.com/2015-03-31/functions/f/invocations").provisional


def test_a_model_not_yet_read_is_unknown_and_no_conflict() -> None:
    answer = ask("bedrock-mantle.eu-west-1.api.aws/v1/messages", PENDING)

    assert (answer.status, answer.provisional) == ("unknown", True)


@pytest.mark.parametrize("host", ["api.openai.com", "us.evil.example", "eu.api.openai.com@x", ""])
def test_a_foreign_host_header_is_a_conflict(host: str) -> None:
    answer = ask("eu.api.openai.com/v1/files", NO_BODY, headers=(("host", host),))

    assert (answer.status, answer.places.unknown) == ("conflict", True)


@pytest.mark.parametrize(
    "host", ["eu.api.openai.com", "EU.api.openai.com.", "eu.api.openai.com:443"]
)
def test_the_same_host_in_another_spelling_is_none(host: str) -> None:
    answer = ask("eu.api.openai.com/v1/files", NO_BODY, headers=(("host", host),))

    assert answer.status == "declared"


def test_a_second_host_header_cannot_hide_behind_the_first() -> None:
    headers = (("host", "eu.api.openai.com"), ("host", "us.example"))

    assert ask("eu.api.openai.com/v1/files", headers=headers).status == "conflict"


def test_evidence_holds_no_value_of_path_or_body() -> None:
    answers = [
        ask("api.openai.com/v1/chat/completions", {"model": "canary-1"}),
        ask("lambda.eu-west-1.amazonaws.com/2015-03-31/functions/canary-2/invocations"),
        ask("lambda.eu-west-1.amazonaws.com//canary-3"),
        ask("x.example/canary-4"),
    ]

    assert all(answer.evidence for answer in answers)
    assert "canary" not in repr([answer.evidence for answer in answers])


@pytest.mark.parametrize(
    "url",
    [
        "x.example/",
        "eu.api.openai.com/v1/files",
        "api.anthropic.com/v1/messages",
        "lambda.eu-west-1.amazonaws.com/",
    ],
)
def test_plain_values_make_the_same_answer_again(url: str) -> None:
    answer = ask(url)

    assert Destination.from_plain(answer.to_plain()) == answer


@pytest.mark.parametrize(
    "change",
    [{"provider": 1}, {"function": []}, {"regions": "x"}, {"regions": [1]}, {"places": "EU"}, {"status": "fine"},
     {"evidence": [{}]}, {"evidence": None}, {"entry": 3}, {"provisional": "no"}, {"more": 1}],
)  # fmt: skip
def test_odd_plain_values_are_refused(change: dict[str, Plain]) -> None:
    plain = Destination().to_plain() | change

    with pytest.raises(TypeError):
        Destination.from_plain(plain)


def test_the_example_pin_of_the_demo() -> None:
    answer = ask("functions.private.example.com/x", NO_BODY)
    pin = shipped().pin("functions.private.example.com", TODAY)

    assert (str(answer.places), answer.status) == ("DE", "declared")
    assert answer.function == "private:functions.private.example.com:?"
    assert pin
    assert (pin.ports, pin.private, pin.plaintext) == (frozenset({443, 8443}), True, False)


@pytest.mark.parametrize(
    ("host", "covered"),
    [
        ("a.corp.example", True),
        ("b.a.corp.example", True),
        ("corp.example", False),
        ("xcorp.example", False),
        ("a.corp.example.evil.example", False),
    ],
)
def test_a_suffix_pin_covers_what_is_below_it(host: str, *, covered: bool) -> None:
    atlas, faults = build(pinned('"*.corp.example"'))

    assert atlas, faults.found
    assert (ask(f"{host}/", atlas=atlas).status == "declared") is covered


def test_an_expired_pin_counts_no_more_and_no_wider_one_steps_in() -> None:
    atlas, _ = build(
        pinned("a.corp.example", more=", until: 2026-06-30")
        + '  - {host: "*.corp.example", places: [DE], owner: a@example.com, why: test}\n'
    )
    last = datetime.date(2026, 6, 30)

    assert ask("a.corp.example/", atlas=atlas, today=last).status == "declared"
    assert ask("a.corp.example/", atlas=atlas).status == "unknown"
    assert atlas
    assert atlas.pin("a.corp.example", TODAY) is None


def test_a_pin_says_what_the_catalogue_leaves_open() -> None:
    atlas, _ = build(pinned(AGENT, "provider: aws, regions: [eu-west-1, eu-central-1]"))

    answer = ask(f"{AGENT}/agents/a", NO_BODY, atlas=atlas)

    assert (str(answer.places), answer.regions) == ("DE IE", ("eu-central-1", "eu-west-1"))
    assert answer.function == "aws:bedrock-agent:?"


def test_a_pin_mends_neither_an_unknown_profile_nor_an_unclear_path() -> None:
    host = "bedrock-runtime.eu-west-1.amazonaws.com"
    atlas, _ = build(pinned(host))
    arn = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile%2Fabc"

    assert str(ask(f"{host}/model/{arn}/converse", NO_BODY, atlas=atlas).places) == "DE"
    assert ask(f"{host}/model/xx.anthropic.claude/converse", NO_BODY, atlas=atlas).places.unknown
    assert ask(f"{host}/model/%2567lobal.x/converse", NO_BODY, atlas=atlas).places.unknown
    assert str(ask(f"{host}/model/global.x/converse", NO_BODY, atlas=atlas).places) == "anywhere"


@pytest.mark.parametrize(
    ("destinations", "says"),
    [
        (pinned("api.openai.com"), "contradicts the catalogue"),
        (pinned("lambda.eu-west-1.amazonaws.com"), "contradicts the catalogue"),
        (pinned('"*.openai.com"'), "contradicts the catalogue"),
        (pinned('"*.com"'), "top-level"),
        (pinned("127.1"), "is no host"),
        (pinned("a.example", "places: [UK]"), "ISO 3166"),
        (pinned("a.example", "places: []"), "is empty"),
        (pinned("a.example", "jurisdiction: EUU"), "jurisdictions.yaml"),
        (pinned("a.example", "regions: [eu-west-1]"), "is no region of"),
        (pinned("a.example", "provider: google, regions: [eu-west-1]"), "is no region of"),
        (pinned("a.example", "provider: aws, regions: [eu-centrl-1]"), "known: eu-central-1, "),
        (pinned("a.example", "places: [DE], jurisdiction: EU"), "give one of"),
        (pinned("a.example", more=", ports: [0]"), "greater than"),
        (pinned("a.example", more=", ports: []"), "at least 1"),
        (pinned("a.example", more=", until: soon"), "date"),
        (pinned("a.example", more=", hosts: [b.example]"), "give either"),
        (pinned("a.example", more=", colour: red"), "is not a key"),
        (
            pinned("a.example")
            + "  - {host: A.example., places: [DE], owner: a@example.com, why: x}\n",
            "second time",
        ),
    ],
)
def test_a_bad_pin_is_refused_with_its_place(destinations: str, says: str) -> None:
    atlas, faults = build(destinations)

    assert atlas is None
    (fault,) = faults.found
    assert says in str(fault)
    assert fault.line > 0
