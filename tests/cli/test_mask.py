"""``mask`` writes a body without its regulated values, or nothing."""

import json
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.conftest import Run, one_line

BODY = b'{ "email":"canary@example.com",\t"n": 1.00, "caf\xc3\xa9": "\\u00e9" }\n'
MASKED = BODY.replace(b"canary@example.com", b"***")


def mask(run: Run, rules: Path, body: bytes, *more: str, sets: str = "personal-data") -> Result:
    return run("mask", "--set", sets, "--rules", rules, *more, given=body)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"email": "canary"', "not-json"),
        (b'{"email": "canary", "email": "canary"}', "duplicate-key"),
        (b'{"email": "canary\xff"}', "charset"),
        (b'{"email": "canary", "n": NaN}', "number"),
        (b"\xef\xbb\xbf{}", "charset"),
    ],
)
def test_what_cannot_be_read_exactly_writes_nothing_and_says_why(
    body: bytes, reason: str, rules: Path, run: Run
) -> None:
    found = mask(run, rules, body)

    assert (found.exit_code, found.stdout_bytes) == (3, b"")
    assert reason in one_line(found)
    assert "canary" not in found.stderr


def test_an_unknown_set_is_never_an_empty_one(rules: Path, run: Run) -> None:
    found = mask(run, rules, BODY, "--set", "personal-dato")

    assert (found.exit_code, found.stdout_bytes) == (2, b"")
    assert "known: personal-data, health-data" in one_line(found)


def test_a_set_has_to_be_named(rules: Path, run: Run) -> None:
    assert run("mask", "--rules", rules, given=BODY).exit_code == 2


def test_all_but_the_masked_values_stays_byte_for_byte(rules: Path, run: Run) -> None:
    found = mask(run, rules, BODY)

    assert (found.exit_code, found.stdout_bytes, found.stderr) == (0, MASKED, "")


@pytest.mark.parametrize("body", [b"", b'{"a":1}', b"[1.0e5]\n"])
def test_nothing_to_mask_is_written_as_it_came(body: bytes, rules: Path, run: Run) -> None:
    found = mask(run, rules, body, "--report")

    assert (found.exit_code, found.stdout_bytes) == (0, body)
    assert "nothing to mask" in found.stderr


def test_the_report_has_paths_and_counts_and_no_value(rules: Path, run: Run) -> None:
    found = mask(run, rules, BODY, "--report")

    assert found.stdout_bytes == MASKED
    assert found.stderr == "personal-data  $..email (1)\n"


def test_the_report_for_machines_stays_off_standard_output(
    rules: Path, run: Run, tmp_path: Path
) -> None:
    file = tmp_path / "body.json"
    file.write_bytes(BODY)
    found = run("mask", "--set", "personal-data", "--rules", rules, "--report", "--format", "json", file)  # fmt: skip

    assert found.stdout_bytes == MASKED
    assert json.loads(found.stderr) == {"counts": {"personal-data": {"$..email": 1}}}


def tried(run: Run, body: bytes, *arguments: str) -> Result:
    return run("mask", *arguments, given=body)


def test_a_path_is_tried_out_without_rules(run: Run) -> None:
    found = tried(run, BODY, "--path", "$..email", "--with", "constant:***", "--report")

    assert (found.exit_code, found.stdout_bytes) == (0, MASKED)
    assert found.stderr == "paths  $..email (1)\n"


def test_each_path_has_its_own_method(run: Run) -> None:
    found = tried(
        run, BODY, "--path", "$.n", "--with", "remove", "--path", "$.email", "--with", "partial:3"
    )

    assert found.stdout_bytes == b'{ "email":"***************com",\t "caf\xc3\xa9": "\\u00e9" }\n'


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--path", "email", "--with", "constant"], "write $.email"),
        (["--path", "$.email", "--with", "hash"], "is no way to mask; write constant"),
        (["--path", "$.email"], "each --path needs one --with"),
        (["--with", "constant"], "each --path needs one --with"),
        (["--path", "$.a", "--with", "null", "--path", "$.a", "--with", "null"], "a second time"),
        (["--path", "$.a~", "--with", "null"], "a key has to stay a text"),
        (["--path", "$.a[0]", "--with", "remove"], "would take its place; write with: null"),
        (["--path", "$.a", "--with", "hmac"], "name its file with --key-file"),
        (["--set", "personal-data", "--path", "$.a", "--with", "null"], "either a --set, or a --path"),
        ([], "either a --set, or a --path"),
    ],
    ids=str,
)  # fmt: skip
def test_a_path_or_option_that_is_refused_is_told_with_what_works(
    arguments: list[str], said: str, run: Run
) -> None:
    found = tried(run, BODY, *arguments)

    assert (found.exit_code, found.stdout_bytes) == (2, b"")
    assert said in " ".join(found.stderr.split())
    assert "canary" not in found.stderr


def test_hmac_has_its_key_from_a_file(run: Run, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(b"k" * 32)
    once, again = (
        tried(run, BODY, "--path", "$.email", "--with", "hmac", "--key-file", str(key))
        for _ in "ab"
    )
    key.write_bytes(b"k" * 31)
    short = tried(run, BODY, "--path", "$.email", "--with", "hmac", "--key-file", str(key))

    assert once.stdout_bytes == again.stdout_bytes
    assert b'"email":"hmac:' in once.stdout_bytes
    assert (short.exit_code, short.stdout_bytes) == (2, b"")


def test_tokens_are_this_calls_own(run: Run) -> None:
    once, again = (
        tried(run, BODY, "--path", "$.email", "--with", "token").stdout_bytes for _ in "ab"
    )

    assert b'"<email:' in once
    assert once != again


@pytest.mark.parametrize(
    ("kind", "body", "code", "sent"),
    [
        ("text/plain", b"from canary@example.com\n", 0, b"from ***\n"),
        ("text/plain; charset=utf-8", BODY, 0, BODY.replace(b"canary@example.com", b"***")),
        ("text/plain", b"canary\xff", 3, b""),
        ("text/csv", b"canary@example.com", 3, b""),
        ("text/csv", BODY, 0, MASKED),
    ],
)
def test_a_body_is_read_as_its_type_says_unless_it_is_json(
    kind: str, body: bytes, code: int, sent: bytes, rules: Path, run: Run
) -> None:
    file = rules / "masks.yaml"
    text = file.read_text(encoding="utf-8").replace(
        "{path: $..email}", "{path: $..email}, {detect: [email]}"
    )
    file.write_text(text, encoding="utf-8")

    found = mask(run, rules, body, "--type", kind)

    assert (found.exit_code, found.stdout_bytes) == (code, sent)
    assert "canary" not in found.stderr
