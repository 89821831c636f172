"""A batch answers every line, in order, and loses none."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cli.conftest import Run
from tests.cli.test_explain import CHAT, KEYS, LAMBDA, OPENAI

GOOD: dict[str, Any] = {"url": LAMBDA, "groups": ["eu-services"]}


def ask(run: Run, rules: Path, *lines: object) -> tuple[int, list[dict[str, Any]]]:
    spelled = [x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines]
    found = run("explain", "--batch", "--rules", rules, given=b"".join(x + b"\n" for x in spelled))
    return found.exit_code, [json.loads(line) for line in found.stdout.splitlines()]


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"not json",
        b"\xff",
        b"[]",
        b'{"url": "https://x.test/", "url": "https://y.test/"}',
        {},
        {"url": ""},
        {"url": 1},
        {"url": "https://x.test/", "group": ["eu-services"]},
        {"url": "https://x.test/", "groups": "eu-services"},
        {"url": "https://x.test/", "headers": {"a": 1}},
        {"url": "https://x.test/", "headers": {"a": "\ud800"}},
        {"url": "https://x.test/", "method": "TRACE"},
        {"url": "https://x.test/", "headers": {"a": "b\r\nHost: c"}},
        {"url": "gopher://x.test/"},
    ],
    ids=str,
)
def test_a_bad_line_is_an_error_in_its_place_and_no_other_line_is_lost(
    bad: object, rules: Path, run: Run
) -> None:
    code, answers = ask(run, rules, GOOD, bad, GOOD)

    assert code == 2
    assert [a.keys() for a in answers] == [KEYS, {"error"}, KEYS]
    assert answers[1]["error"].keys() == {"line", "code", "message", "mend"}
    assert answers[1]["error"]["line"] == 2


def test_a_line_may_be_a_handshake(rules: Path, run: Run) -> None:
    _, (plain, opening) = ask(run, rules, GOOD, GOOD | {"websocket": True})

    assert (plain["action"], plain["code"]) == ("allow", None)
    assert (opening["action"], opening["code"]) == ("block", "upgrade-refused")


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=12).filter(lambda b: b"\n" not in b), max_size=5))
def test_as_many_lines_come_out_as_went_in(rules: Path, run: Run, lines: list[bytes]) -> None:
    _, answers = ask(run, rules, *lines)

    assert len(answers) == len(lines)


def test_an_error_does_not_quote_the_line(rules: Path, run: Run) -> None:
    _, answers = ask(run, rules, {"url": LAMBDA, "body": "x", "canary": 1, "groups": "canary-2"})

    assert "canary-2" not in json.dumps(answers)


def test_good_lines_exit_well_in_their_order(rules: Path, run: Run) -> None:
    code, answers = ask(
        run,
        rules,
        GOOD,
        {"url": OPENAI, "groups": ["eu-services"], "body": {"diagnosis": "x"}},
        {"url": OPENAI, "groups": ["analytics"], "body": CHAT, "headers": {"X-A": "b"}},
    )

    assert code == 0
    assert [a["rule"] for a in answers] == ["eea", "no-health", "masked"]


def test_a_body_as_text_is_sent_as_it_is_and_a_value_as_json(rules: Path, run: Run) -> None:
    base = {"url": OPENAI, "groups": ["analytics"]}
    _, (text, value) = ask(run, rules, base | {"body": '{"a": '}, base | {"body": '{"a": 1}'})

    assert text["carrying"]["reason"] == "not-json"
    assert value["carrying"]["state"] == "read"


def test_nothing_in_nothing_out(rules: Path, run: Run) -> None:
    assert ask(run, rules) == (0, [])
