"""``feeds import`` takes what it was given whole or not at all; ``feeds status`` fails where one is old or broken."""

import json
from pathlib import Path

import pytest

from residency import feeds as store
from tests.cli.conftest import Run, one_line
from tests.feeds import aws, google, mmdb


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RESIDENCY_FEEDS", raising=False)
    Path("ip-ranges.json").write_bytes(aws(("3.5.0.0/16", "eu-central-1"), ("3.6.0.0/16", "eu-west-1")))  # fmt: skip
    Path("cloud.json").write_bytes(google(("34.80.0.0/15", "asia-east1")))
    return tmp_path


def test_files_are_recognised_and_taken(here: Path, run: Run) -> None:
    found = run("feeds", "import", "ip-ranges.json", "cloud.json")

    assert found.exit_code == 0
    assert found.stdout.splitlines() == [
        "aws: 2 ranges; published 2026-11-20-10-00-00",
        "google: 1 ranges; published 2026-11-20T10:00:00",
    ]
    assert [f.name for f in store.load(here / "feeds").feeds] == ["aws", "google"]


def test_what_changes_is_shown(here: Path, run: Run) -> None:
    run("feeds", "import", "ip-ranges.json")
    Path("ip-ranges.json").write_bytes(aws(("3.5.0.0/16", "eu-central-1"), ("3.7.0.0/16", "eu-west-3"), ("3.8.0.0/16", "eu-west-3")))  # fmt: skip
    found = run("feeds", "import", "ip-ranges.json")

    assert found.stdout == (
        "aws: 3 ranges, 2 before; published 2026-11-20-10-00-00; new: eu-west-3; gone: eu-west-1\n"
    )


def test_a_dry_run_writes_nothing(here: Path, run: Run) -> None:
    found = run("feeds", "import", "ip-ranges.json", "--dry-run", "--format", "json")

    assert json.loads(found.stdout)["written"] is False
    assert json.loads(found.stdout)["feeds"]["aws"]["ranges"] == 2
    assert not (here / "feeds").exists()


def test_one_file_with_faults_keeps_them_all_out_and_every_fault_is_told(
    here: Path, run: Run
) -> None:
    Path("bad.json").write_bytes(aws(("3.5.0.1/16", "x"), ("y", "x")))
    found = run("feeds", "import", "ip-ranges.json", "bad.json", "none.json")

    assert found.exit_code == 2
    assert "bad.json: prefixes[0].ip_prefix: is no network" in found.stderr
    assert "bad.json: prefixes[1].ip_prefix" in found.stderr
    assert "none.json: cannot be read" in found.stderr
    assert not (here / "feeds").exists()


def test_two_files_of_one_kind_are_refused(here: Path, run: Run) -> None:
    Path("other.json").write_bytes(aws(("3.5.0.0/16", "x")))
    found = run("feeds", "import", "ip-ranges.json", "other.json")

    assert found.exit_code == 2
    assert "is aws, and so is ip-ranges.json" in found.stderr


def test_a_broken_former_feed_does_not_keep_the_new_one_out(here: Path, run: Run) -> None:
    run("feeds", "import", "ip-ranges.json")
    for path in (here / "feeds").glob("aws-*"):
        path.write_text("x")
    Path("ip-ranges.json").write_bytes(aws(("3.5.0.0/16", "eu-central-1")))

    assert run("feeds", "import", "ip-ranges.json").exit_code == 0
    assert run("feeds", "status").exit_code == 0


def test_a_file_that_is_almost_a_feed_says_what_it_lacks(here: Path, run: Run) -> None:
    Path("half.json").write_text('{"syncToken": "1", "createDate": "x", "prefixes": []}')

    assert "; aws's also has ipv6_prefixes)" in run("feeds", "import", "half.json").stderr


def test_the_help_has_an_address_on_a_line_of_its_own(run: Run) -> None:
    lines = [" ".join(x.split()) for x in run("feeds", "import", "--help").stdout.splitlines()]

    assert "AWS https://ip-ranges.amazonaws.com/ip-ranges.json" in lines


def test_import_needs_a_file(here: Path, run: Run) -> None:
    assert "FILES" in one_line(run("feeds", "import"))


def test_status_says_what_there_is(here: Path, run: Run) -> None:
    Path("x.mmdb").write_bytes(mmdb({"3.0.0.0/8": {"country": {"iso_code": "US"}}}))
    run("feeds", "import", "ip-ranges.json", "x.mmdb")
    found = run("feeds", "status", "--max-age", "1d")

    assert found.exit_code == 0
    assert [line.split()[:2] for line in found.stdout.splitlines()] == [
        ["FEED", "RANGES"], ["aws", "2"], ["mmdb", "8"],
    ]  # fmt: skip


def test_status_fails_where_one_is_too_old(here: Path, run: Run) -> None:
    run("feeds", "import", "ip-ranges.json")
    text = json.loads((here / "feeds/manifest.json").read_text())
    text["feeds"]["aws"]["imported"] = "2026-01-01T00:00:00Z"
    (here / "feeds/manifest.json").write_text(json.dumps(text))
    found = run("feeds", "status", "--max-age", "1d", "--format", "json")

    assert found.exit_code == 1
    assert json.loads(found.stdout)["feeds"][0]["too_old"] is True
    assert run("feeds", "status").exit_code == 0
    said = run("feeds", "status", "--max-age", "1d").stderr
    assert said.startswith("aws: was imported ")
    assert said.endswith("residency feeds import FILE; --max-age 1d)\n")


def test_status_fails_where_one_cannot_be_used(here: Path, run: Run) -> None:
    run("feeds", "import", "ip-ranges.json")
    for path in (here / "feeds").glob("aws-*"):
        path.unlink()
    found = run("feeds", "status")

    assert found.exit_code == 1
    assert "cannot be read" in found.stderr


def test_status_fails_where_there_is_none(here: Path, run: Run) -> None:
    assert run("feeds", "status").exit_code == 1


@pytest.mark.parametrize("age", ["30", "d", "x", "-1d"])
def test_an_age_is_a_duration(here: Path, run: Run, age: str) -> None:
    assert "--max-age" in one_line(run("feeds", "status", f"--max-age={age}"))


def test_the_help_lists_the_files_a_line_each(run: Run) -> None:
    found = run("feeds", "import", "--help")

    assert "\\b" not in found.stdout
    assert "  AWS         https://ip-ranges.amazonaws.com/ip-ranges.json\n" in found.stdout
