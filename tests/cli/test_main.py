"""An error is a line that names the place and the mend, never a stack trace."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from residency.cli import check, output
from residency.cli.main import main
from tests.cli.conftest import Run, one_line

COMMANDS = [
    (), ("explain",), ("locate",), ("catalogue",), ("catalogue", "list"), ("check",), ("whoami",), ("mask",), ("audit",), ("audit", "verify"), ("audit", "replay"),
    ("held",), ("approve",), ("deny",), ("path",), ("feeds", "import"), ("feeds", "status"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_every_command_has_help_that_names_its_exit_codes(
    command: tuple[str, ...], run: Run
) -> None:
    found = run(*command, "--help")

    assert found.exit_code == 0
    assert "xit code" in found.stdout or command == ("audit",)


def test_every_command_is_tested_above() -> None:
    known = {command[0] for command in COMMANDS if command}

    assert isinstance(main, click.Group)
    assert set(main.commands) == known


@pytest.mark.parametrize(
    "error", [ValueError("canary"), RecursionError("canary"), KeyError("canary")], ids=repr
)
def test_a_fault_of_our_own_shows_its_place_and_no_value(
    error: Exception, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> object:
        raise error

    monkeypatch.setattr(check, "_examine", fail)
    found = run("check")

    assert found.exit_code == 70
    assert "test_main.py:" in one_line(found)
    assert "canary" not in found.output


@pytest.mark.parametrize(
    "arguments", [("bogus",), ("explain", "--bogus"), ("approve", "ab"), ("audit", "verify")]
)
def test_bad_usage_is_one_line(arguments: tuple[str, ...], run: Run) -> None:
    found = run(*arguments)

    assert (found.exit_code, found.stdout) == (2, "")
    one_line(found)


def test_rules_that_cannot_be_used_are_told_fault_by_fault(rules: Path, run: Run) -> None:
    (rules / "masks.yaml").unlink()
    (rules / "identity.yaml").write_text("version: 3\n", encoding="utf-8")

    found = run("explain", "https://x.test/", "--rules", rules)

    assert found.exit_code == 2
    assert f"{rules}/identity.yaml:1:" in found.stderr
    assert f"{rules}/masks.yaml: is missing" in found.stderr
    assert "Traceback" not in found.stderr


def test_a_group_without_a_command_shows_its_help(run: Run) -> None:
    assert "verify" in run("audit").output


def test_help_is_quick_because_nothing_heavy_is_imported() -> None:
    probe = "import sys, residency.cli.main; print(sorted({'pydantic', 'yaml', 'jwt', 'tornado', 'mitmproxy', 'urllib.request', 'asyncio'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)  # fmt: skip

    assert done.stdout.strip() == "[]"


def test_the_command_is_installed() -> None:
    command = Path(sys.executable).with_name("residency")
    done = subprocess.run([command, "--version"], capture_output=True, text=True, check=True)

    assert done.stdout.startswith("residency, version ")


@pytest.mark.parametrize(("no_color", "coloured"), [("", True), ("1", False)])
def test_colours_are_for_terminals_that_want_them(
    *, no_color: str, coloured: bool, rules: Path, run: Run
) -> None:
    found = run("check", rules, color=True, env={"NO_COLOR": no_color})
    piped = run("check", rules)

    assert ("\x1b[" in found.stdout) is coloured
    assert "\x1b" not in piped.output


def test_no_others_text_steers_a_terminal() -> None:
    assert output.safe("a\x1b[31m\u202eb\n\x9b") == r"a\x1b[31m\u202eb\n\x9b"
    assert output.safe("Zoë → ☃") == "Zoë → ☃"
