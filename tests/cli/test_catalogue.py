"""``residency catalogue`` says what is known, how sure and how old."""

import datetime
import json
from pathlib import Path

import pytest

from residency.core.region.known import Fact
from tests.cli.conftest import Run


def test_without_a_command_it_lists(run: Run, rules: Path) -> None:
    assert (
        run("catalogue", "--rules", rules).stdout
        == run("catalogue", "list", "--rules", rules).stdout
    )


def test_every_provider_is_listed_with_its_oldest_fact(run: Run, rules: Path) -> None:
    found = run("catalogue", "--rules", rules, "--format", "json")

    assert found.exit_code == 0
    providers = {p["provider"]: p for p in json.loads(found.stdout)["providers"]}
    assert {"aws", "google", "openai", "anthropic"} <= providers.keys()
    assert providers["aws"]["regions"][0]["count"] > 30
    assert all(
        p["oldest"] and p["least_sure"] in ("low", "medium", "high") for p in providers.values()
    )


def test_every_entry_has_its_ground(run: Run, rules: Path) -> None:
    found = json.loads(run("catalogue", "openai", "--rules", rules, "--format", "json").stdout)

    (provider,) = found["providers"]
    assert provider["entries"]
    for entry in provider["entries"]:
        assert entry.keys() == {
            "id",
            "service",
            "hosts",
            "pin",
            "source",
            "as_of",
            "age_days",
            "confidence",
            "note",
        }
        assert entry["hosts"]
        assert entry["source"]


def test_a_provider_is_told_for_people(run: Run, rules: Path) -> None:
    found = run("catalogue", "openai", "--rules", rules)

    assert found.exit_code == 0
    assert "openai-chat" in found.stdout
    assert "{prefix}.api.openai.com" in found.stdout


def test_it_says_whether_a_pin_may_say_more(run: Run, rules: Path) -> None:
    found = run("catalogue", "azure", "--rules", rules, "--format", "json")
    pins = {e["id"]: e["pin"] for e in json.loads(found.stdout)["providers"][0]["entries"]}

    assert pins["azure-openai-chat"] == "deployment"
    assert "pin " not in run("catalogue", "deepseek", "--rules", rules).stdout
    stripe = run("catalogue", "stripe", "--rules", rules).stdout
    assert "pin         destinations.yaml may declare places where" in stripe


def test_an_unknown_provider_is_told_with_the_known_ones(run: Run, rules: Path) -> None:
    found = run("catalogue", "opnai", "--rules", rules)

    assert found.exit_code == 2
    assert "openai" in found.stderr


def test_a_fault_in_the_catalogue_is_told_with_its_place(run: Run, rules: Path) -> None:
    (rules / "catalogue").mkdir()
    (rules / "catalogue" / "x.yaml").write_text("version: 1\n", encoding="utf-8")
    found = run("catalogue", "--rules", rules)

    assert found.exit_code == 2
    assert "catalogue/x.yaml" in found.stderr


@pytest.mark.parametrize(("as_of", "days"), [("2026-11-01", 21), ("2026-11", 21), ("2026-13", 0)])
def test_the_age_of_a_fact_is_in_days(as_of: str, days: int) -> None:
    fact = Fact(id="x", source="s", as_of=as_of, confidence="high")

    assert fact.age(datetime.date(2026, 11, 22)) == days
