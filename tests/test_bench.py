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
