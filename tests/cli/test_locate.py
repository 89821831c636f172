"""``residency locate`` answers every URL and every line, and no line is lost."""

import io
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from residency.cli import located
from residency.cli.lines import batches
from residency.core.body import read_json
from residency.core.policy.cases import body_bytes
from residency.core.region.locate import NO_BODY, UNREADABLE
from residency.errors import Unread
from tests.cli.conftest import Run

LAMBDA = "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/f/invocations"
CLAUDE = "https://api.anthropic.com/v1/messages"
FIELDS = {"provider", "function", "regions", "places", "status", "evidence"}


def ask(run: Run, rules: Path, *lines: object) -> tuple[int, list[dict[str, Any]]]:
    spelled = [x if isinstance(x, bytes) else json.dumps(x).encode() for x in lines]
    found = run("locate", "--batch", "--rules", rules, given=b"".join(x + b"\n" for x in spelled))
    return found.exit_code, [json.loads(line) for line in found.stdout.splitlines()]


# One call


def test_a_call_is_located_for_people(run: Run, rules: Path) -> None:
    found = run("locate", LAMBDA, "--rules", rules)

    assert found.exit_code == 0
    assert "aws:lambda:f" in found.stdout
    assert "DE" in found.stdout.split()


def test_a_call_is_located_for_machines(run: Run, rules: Path) -> None:
    found = json.loads(run("locate", LAMBDA, "--rules", rules, "--format", "json").stdout)

    assert found.keys() == FIELDS
    assert (found["places"], found["status"]) == (["DE"], "declared")


def test_the_body_is_read_where_it_matters(run: Run, rules: Path) -> None:
    given_ = {"given": b'{"model": "claude-x", "inference_geo": "us"}'}
    found = run("locate", CLAUDE, "--rules", rules, "--body", "-", "--format", "json", **given_)

    assert json.loads(found.stdout)["places"] == ["US"]


def test_a_host_header_that_names_another_host_is_a_conflict(run: Run, rules: Path) -> None:
    header = ("--header", "Host: lambda.us-east-1.amazonaws.com")
    found = run("locate", LAMBDA, "--rules", rules, *header, "--format", "json")

    assert json.loads(found.stdout)["status"] == "conflict"


@pytest.mark.parametrize(
    "url",
    ["https://127.1/", "https://a@b@c.example/", "api.openai.com", "ftp://api.openai.com/", "", "https://%65u.example/",
     "https://eu.api.openai.com@evil.example/v1/files", "https://eu.api.openai.com.evil.example/v1/files",
     "https://evil.example\\@eu.api.openai.com/v1/files"],
)  # fmt: skip
def test_what_is_no_clear_url_is_unknown_and_no_error(run: Run, rules: Path, url: str) -> None:
    found = run("locate", url, "--rules", rules, "--format", "json")

    assert found.exit_code == 0
    answer = json.loads(found.stdout)
    assert (answer["places"], answer["status"]) == ("unknown", "unknown")
    assert answer["evidence"]


def test_a_url_without_scheme_is_told_how_to_begin(run: Run, rules: Path) -> None:
    found = run("locate", "api.openai.com", "--rules", rules)

    assert "it must begin with https:// or http:// and have no blanks" in found.stdout


@pytest.mark.parametrize(
    "arguments",
    [(), (LAMBDA, "--batch"), ("--batch", "--method", "GET"), (LAMBDA, "--header", "x")],
)
def test_bad_usage_is_told(run: Run, rules: Path, arguments: tuple[str, ...]) -> None:
    assert run("locate", *arguments, "--rules", rules).exit_code == 2


# A batch


def test_a_batch_is_answered_in_order(run: Run, rules: Path) -> None:
    lines = [
        {"url": LAMBDA, "method": "POST", "headers": {"X-A": "b"}, "body": {"x": 1}},
        {"url": CLAUDE, "body": {"inference_geo": "us"}},
        {"url": CLAUDE, "body": '{"inference_geo": "us"}'},
        {"url": CLAUDE, "body": '{"inference_geo": '},
        {"url": "https://x.example/", "headers": None, "body": None, "method": None},
    ]
    code, answers = ask(run, rules, *lines)

    assert code == 0
    assert [a.keys() for a in answers] == [FIELDS] * 5
    assert [a["places"] for a in answers] == [["DE"], ["US"], ["US"], "unknown", "unknown"]


@pytest.mark.parametrize(
    "bad",
    [b"", b"not json", b"\xff", b"[]", b"7", b'{"url": "a", "url": "b"}', b'{"url": "a", "body": {"x": 1, "x": 2}}',
     b'{"url": "a", "body": NaN}', b'{"url": ' + b"[" * 100_000, {}, {"url": ""}, {"url": None}, {"url": "a", "uri": "b"},
     {"url": "a", "headers": {"a": []}}, {"url": "a", "headers": "a"}],
    ids=lambda b: str(b)[:40],
)  # fmt: skip
def test_a_bad_line_is_an_error_in_its_place_with_its_mend(
    bad: object, run: Run, rules: Path
) -> None:
    code, answers = ask(run, rules, {"url": LAMBDA}, bad, {"url": LAMBDA})

    assert code == 2
    assert [a.keys() for a in answers] == [FIELDS, {"error"}, FIELDS]
    assert answers[1]["error"].keys() == {"line", "code", "message", "mend"}
    assert answers[1]["error"]["line"] == 2


def test_an_error_does_not_quote_the_line(run: Run, rules: Path) -> None:
    _, answers = ask(run, rules, {"url": LAMBDA, "headers": "canary-1", "body": "canary-2"})

    assert "canary" not in json.dumps(answers)


def test_the_last_line_needs_no_end(run: Run, rules: Path) -> None:
    found = run("locate", "--batch", "--rules", rules, given=json.dumps({"url": LAMBDA}))

    assert json.loads(found.stdout)["places"] == ["DE"]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=12).filter(lambda b: b"\n" not in b), max_size=5))
def test_as_many_lines_come_out_as_went_in(rules: Path, run: Run, lines: list[bytes]) -> None:
    _, answers = ask(run, rules, *lines)

    assert len(answers) == len(lines)


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)  # fmt: skip
surrogates = st.text(st.characters(categories=["Cs", "Lu"]), max_size=3)


@settings(deadline=None)
@given(
    values
    | surrogates
    | st.dictionaries(surrogates, surrogates)
    | values.map(json.dumps)
    | st.sampled_from(["", " ", "{", "\ufeff{}", '{"a":1,"a":2}', "[NaN]", '"\\ud800"', "[" * 80 + "]" * 80]),
    st.booleans(),
)  # fmt: skip
def test_a_body_is_read_exactly_as_a_gateway_reads_it(body: object, ascii_: bool) -> None:  # noqa: FBT001
    line = json.dumps({"url": "u", "body": body}, ensure_ascii=ascii_)
    try:
        line.encode()
    except UnicodeEncodeError:
        return
    raw = body_bytes(body)
    try:
        expected = read_json(raw, [], limit=1 << 20) if raw else NO_BODY
    except Unread:
        expected = UNREADABLE
    got = located._body(located._LINE.decode(line)["body"], line)

    assert (got() if callable(got) else got) == expected


# Lines


@pytest.mark.parametrize(
    ("given_", "found"),
    [
        ([b""], []),
        ([b"a\nb", b"c\n"], [b"a", b"bc"]),
        ([b"a"], [b"a"]),
        ([b"a\n\n"], [b"a", b""]),
        ([b"12345678", b"9\nx\n"], [None, b"x"]),
        ([b"123456789"], [None]),
        ([b"12345678\n"], [b"12345678"]),
    ],
)
def test_lines_come_whole_and_bounded(given_: list[bytes], found: list[bytes | None]) -> None:
    class Pipe(io.BytesIO):
        def read1(self, _size: int | None = -1, /) -> bytes:
            return given_.pop(0) if given_ else b""

    assert [line for batch in batches(Pipe(), longest=8) for line in batch] == found


def test_what_the_body_names_is_told_too(run: Run, rules: Path) -> None:
    body = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "search"}}

    code, answers = ask(run, rules, {"url": "https://x.example/mcp", "body": body}, {"url": "https://x.example/mcp", "body": json.dumps(body)})  # fmt: skip

    assert code == 0
    assert [a["operations"] for a in answers] == [["mcp:tools/call:search"]] * 2
