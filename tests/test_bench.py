"""The benchmark runs; what it measures is no test."""

import json
import subprocess

import pytest

from scripts.benches.turns import ANSWERING, CONTROL, HANGING, Interval, p99, ratio
from scripts.lab.rules import ROOT


@pytest.mark.slow
def test_a_quick_look_prints_one_object_with_a_ratio_for_every_scenario() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "bench", "--quick", "--json"],
        capture_output=True, text=True, timeout=600, check=True,
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
        capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout)

    assert all(cost["median"] > 0 for cost in result["costs_us"].values())
    assert result["unknown_keys"]["fetches"] <= result["unknown_keys"]["allowed"]
    assert all(
        result[f"p99_{kind}_to_answering"]["value"] > 0 for kind in ("hanging", "answering")
    )


def test_a_p99_is_of_the_pool_and_its_interval_of_whole_rounds() -> None:
    """One round that is slow as a whole widens the interval, as its thousand calls by themselves would not."""
    calm = {kind: [1.0] * 1000 for kind in (HANGING, ANSWERING, CONTROL)}
    slow = calm | {HANGING: [1.0] * 900 + [3.0] * 100}

    found = Interval.of([calm] * 9 + [slow], ratio(HANGING, ANSWERING))

    assert p99(HANGING)([calm] * 9 + [slow]) == 3.0
    assert (found.value, found.low, found.high) == (3.0, 1.0, 3.0)
    assert Interval.of([calm, slow], ratio(CONTROL, ANSWERING)) == Interval(1.0, 1.0, 1.0)


@pytest.mark.slow
def test_the_cost_of_locating_a_call_is_measured_with_and_without_ten_thousand_pins() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "bench", "regions", "--quick", "--json"],
        capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout)

    assert all(cost["median"] > 0 for cost in result["locate_us"].values())
    assert result["pins"] > 10_000
    assert result["batch_per_second"]["median"] > 0


@pytest.mark.slow
def test_masking_is_measured_beside_a_round_trip_and_jsonpath_ng() -> None:
    done = subprocess.run(
        [ROOT / "scripts" / "bench", "mask", "--quick", "--json"],
        capture_output=True, text=True, timeout=600, check=True,
    )  # fmt: skip
    result = json.loads(done.stdout)

    assert result["hits"] == 8001
    assert result["ratio"]["jsonpath-ng"]["median"] > 10
    assert result["ratio"]["mask 50 paths"]["median"] < result["ratio"]["exact walk"]["median"] / 5
    assert all(cost["us"]["median"] > 0 for cost in result["shipped"].values())
    assert len(result["shipped"]) == 3
