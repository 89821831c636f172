"""The benchmark runs; what it measures is no test."""

import json
import subprocess

import pytest

from scripts.lab.rules import ROOT


@pytest.mark.slow
def test_a_quick_look_prints_one_object_with_a_ratio_for_every_scenario() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "bench", "--quick", "--json"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout)

    assert {s: r["ratio"]["median"] > 0 for s, r in result["scenarios"].items()} == {
        "head": True,
        "body": True,
        "mask": True,
    }


@pytest.mark.slow
def test_knowing_a_caller_is_measured_and_strangers_cause_no_more_fetches_than_allowed() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "bench", "identity", "--quick", "--json"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout)

    assert all(cost["median"] > 0 for cost in result["costs_us"].values())
    assert result["unknown_keys"]["fetches"] <= result["unknown_keys"]["allowed"]


@pytest.mark.slow
def test_masking_is_measured_beside_a_round_trip_and_jsonpath_ng() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "bench", "mask", "--quick", "--json"],
        capture_output=True, text=True, timeout=120, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout)

    assert result["hits"] == 8001
    assert result["ratio"]["jsonpath-ng"]["median"] > 10
    assert result["ratio"]["mask 50 paths"]["median"] < result["ratio"]["exact walk"]["median"] / 5
