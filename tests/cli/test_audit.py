"""``audit verify`` finds what was done to a ledger."""

import json
from pathlib import Path

import pytest

from residency.core.ledger import MAX_LINE, Chain
from tests.cli.conftest import Run, one_line

NOON = 1795345200.123456


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    chain = Chain()
    kinds = ["start", "decision", "decision", "outcome", "stop"]
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(b"".join(chain.seal(k, {"n": n}, time=NOON + n) for n, k in enumerate(kinds)))
    return file


def head(run: Run, ledger: Path) -> str:
    return str(json.loads(run("audit", "verify", ledger, "--format", "json").stdout)["head"])


def cut(file: Path, count: int) -> None:
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:count]))


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_altered_line_is_named(form: str, ledger: Path, run: Run) -> None:
    ledger.write_bytes(ledger.read_bytes().replace(b'"n":2', b'"n":3'))

    found = run("audit", "verify", ledger, "--format", form)

    assert found.exit_code == 1
    assert "line 3: was altered" in found.output
    if form == "json":
        assert json.loads(found.stdout)["intact"] is False
        assert json.loads(found.stdout)["line"] == 3
    else:
        assert str(ledger) in one_line(found)


def test_a_cut_tail_is_found_with_a_head_noted_earlier(ledger: Path, run: Run) -> None:
    noted = head(run, ledger)
    cut(ledger, 4)

    without = run("audit", "verify", ledger)
    found = run("audit", "verify", ledger, "--head", noted)

    assert without.exit_code == 0
    assert "--head" in without.stderr
    assert found.exit_code == 1
    assert "line 5: is not there" in found.stderr


def test_a_ledger_written_anew_is_found_with_a_head_noted_earlier(ledger: Path, run: Run) -> None:
    noted, chain = head(run, ledger), Chain()
    ledger.write_bytes(b"".join(chain.seal("start", {}, time=NOON) for _ in range(7)))

    assert run("audit", "verify", ledger, "--head", noted).exit_code == 1


def test_a_ledger_that_has_grown_still_has_its_head(ledger: Path, run: Run) -> None:
    whole = ledger.read_bytes()
    cut(ledger, 3)
    noted = head(run, ledger)
    ledger.write_bytes(whole)

    found = run("audit", "verify", ledger, "--head", noted)

    assert (found.exit_code, found.stderr) == (0, "")


def test_a_line_that_is_still_being_written_is_torn_and_says_what_to_do(
    ledger: Path, run: Run
) -> None:
    ledger.write_bytes(ledger.read_bytes()[:-20])

    found = run("audit", "verify", ledger)

    assert found.exit_code == 1
    assert "line 5: is torn" in one_line(found)
    assert "ask again" in found.stderr


def test_a_file_without_line_ends_is_not_read_whole(tmp_path: Path, run: Run) -> None:
    file = tmp_path / "endless"
    file.write_bytes(b"x" * (2 * MAX_LINE + 5))

    assert "line 1" in one_line(run("audit", "verify", file))


@pytest.mark.parametrize("spec", ["5", "5:abc", "-1:" + "0" * 64, "5:" + "G" * 64, ""])
def test_a_head_that_was_never_printed_is_bad_usage(spec: str, ledger: Path, run: Run) -> None:
    found = run("audit", "verify", ledger, "--head", spec)

    assert found.exit_code == 2
    assert "SEQ:HASH" in one_line(found)


def test_a_ledger_that_is_not_there_is_bad_usage(tmp_path: Path, run: Run) -> None:
    found = run("audit", "verify", tmp_path / "none")

    assert found.exit_code == 2
    assert str(tmp_path / "none") in one_line(found)


def test_an_intact_ledger_is_summed_up(ledger: Path, run: Run) -> None:
    told = json.loads(run("audit", "verify", ledger, "--format", "json").stdout)
    text = run("audit", "verify", ledger).stdout

    assert (told["intact"], told["count"]) == (True, 5)
    assert told["kinds"] == {"start": 1, "decision": 2, "outcome": 1, "stop": 1}
    assert told["first"] == "2026-11-22T11:00:00.123456Z"
    assert told["last"] == "2026-11-22T11:00:04.123456Z"
    assert f"head     {told['head']}\n" in text
    assert "5 (decision 2, outcome 1, start 1, stop 1)" in text


def test_an_empty_ledger_is_intact_and_has_nothing(tmp_path: Path, run: Run) -> None:
    (tmp_path / "empty").touch()
    told = json.loads(run("audit", "verify", tmp_path / "empty", "--format", "json").stdout)

    assert (told["count"], told["first"], told["head"]) == (0, None, "0:" + "0" * 64)


def test_a_ledger_may_come_through_a_pipe(ledger: Path, run: Run) -> None:
    assert run("audit", "verify", "-", given=ledger.read_bytes()).exit_code == 0
