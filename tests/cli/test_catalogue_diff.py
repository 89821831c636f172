"""``residency catalogue diff``: against the installed botocore, another copy, none, and one that is broken."""

import importlib.util
import json
import shutil
from pathlib import Path

import pytest

from tests.cli.conftest import Run, one_line

botocore = importlib.util.find_spec("botocore")
pytestmark = pytest.mark.skipif(botocore is None, reason="botocore is not installed")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The data without most services, so that it is read quickly."""
    assert botocore
    assert botocore.submodule_search_locations
    data = Path(botocore.submodule_search_locations[0]) / "data"
    to = tmp_path / "botocore" / "data"
    to.mkdir(parents=True)
    for name in ("partitions.json", "endpoints.json"):
        shutil.copy(data / name, to / name)
    shutil.copytree(data / "kms", to / "kms")
    return to


def test_the_catalogue_says_what_the_installed_botocore_says(run: Run) -> None:
    """When this fails after an update of botocore: look each change up, and add it to the catalogue."""
    result = run("catalogue", "diff")

    assert (result.exit_code, result.stdout.startswith("no difference to botocore ")) == (
        0,
        True,
    ), result.output


def test_a_new_region_is_told_and_ends_in_1(run: Run, copy: Path) -> None:
    partitions = json.loads((copy / "partitions.json").read_text(encoding="utf-8"))
    partitions["partitions"][0]["regions"]["eu-central-3"] = {"description": "Europe (Nowhere)"}
    (copy / "partitions.json").write_text(json.dumps(partitions), encoding="utf-8")

    result = run("catalogue", "diff", "--botocore", copy.parent, "--format", "json")
    found = json.loads(result.stdout)

    assert result.exit_code == 1
    assert {
        "what": "region",
        "kind": "added",
        "name": "eu-central-3",
        "was": "",
        "now": "aws: Europe (Nowhere)",
    } in found["differences"]
    assert found["version"] == "unknown"


def test_people_get_a_table(run: Run, copy: Path) -> None:
    result = run("catalogue", "diff", "--botocore", copy)

    assert result.exit_code == 1
    assert "gone" in result.stdout
    assert "aws-service" in result.stdout


def test_a_folder_that_is_no_botocore(run: Run, tmp_path: Path) -> None:
    result = run("catalogue", "diff", "--botocore", tmp_path)

    assert result.exit_code == 2
    assert "there is no data/partitions.json" in one_line(result)


@pytest.mark.parametrize("text", ["", "[", "{}", '{"partitions": [{}]}', "\ufeff{}"])
def test_data_that_is_broken(run: Run, copy: Path, text: str) -> None:
    (copy / "partitions.json").write_text(text, encoding="utf-8")

    result = run("catalogue", "diff", "--botocore", copy)

    assert result.exit_code == 2
    assert "cannot be read" in one_line(result)


def test_a_rule_set_that_is_broken(run: Run, copy: Path) -> None:
    next(copy.glob("kms/*/endpoint-rule-set-1.json.gz")).write_bytes(b"no gzip")

    result = run("catalogue", "diff", "--botocore", copy)

    assert result.exit_code == 2
    assert "cannot be read" in one_line(result)


def test_without_botocore_the_error_says_what_to_do(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)

    result = run("catalogue", "diff")

    assert result.exit_code == 2
    assert "botocore is not installed" in one_line(result)


def test_rules_without_an_aws_table(run: Run, rules: Path) -> None:
    (rules / "places").mkdir()
    (rules / "catalogue").mkdir()

    result = run("catalogue", "diff", "--rules", rules)

    assert result.exit_code == 2
    assert "places/aws.yaml" in one_line(result)
