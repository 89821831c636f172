"""``path`` names what ``mitmdump -s`` can load."""

import json
from pathlib import Path

import pytest

from residency.cli import path as module
from residency.cli.path import SCRIPTS
from tests.cli.conftest import Run


@pytest.mark.parametrize("name", SCRIPTS)
def test_every_script_is_there(name: str, run: Run) -> None:
    found = run("path", name)

    assert found.exit_code == 0
    file = Path(found.stdout.strip())
    assert file.is_absolute()
    assert "addons = " in file.read_text(encoding="utf-8")


def test_every_script_that_there_is_can_be_named() -> None:
    assert {p.stem for p in module.scripts().glob("*.py")} == set(SCRIPTS)


def test_without_a_name_it_is_their_folder(run: Run) -> None:
    assert (Path(run("path").stdout.strip()) / "chain.py").is_file()
    assert json.loads(run("path", "--format", "json").stdout)["path"] == str(module.scripts())


def test_in_a_wheel_they_are_inside_the_package(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "residency"
    (package / "scripts").mkdir(parents=True)
    monkeypatch.setattr(module, "__file__", str(package / "cli" / "path.py"))

    assert run("path").stdout.strip() == str(package / "scripts")
    assert run("path", "chain").exit_code == 2


def test_a_script_that_does_not_exist_is_bad_usage(run: Run) -> None:
    assert run("path", "../errors").exit_code == 2
