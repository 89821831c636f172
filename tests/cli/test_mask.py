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
