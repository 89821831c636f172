"""Where the event loop's time goes for an allowed call.

cProfile slows small functions down most: its figures are for an order, not for sums.
"""

import pstats
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.benches import profiler
from scripts.benches.contest import GATEWAY
from scripts.benches.field import start
from scripts.benches.scenarios import Scenario
from scripts.lab.rules import ROOT


@dataclass(frozen=True, slots=True)
class Cost:
    """One function: microseconds a request, in itself and with all it calls, and how often it is called for one."""

    where: str
    own_us: float
    all_us: float
    calls: float


def costs(scenario: Scenario, *, seconds: float) -> list[Cost]:
    """Every function that ran, the dearest by itself first.

    Raises:
        GatewayFailed: It did not start.
        LoadFailed: A call was not answered 200.
    """
    script = str(Path(profiler.__file__))
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        file = Path(folder) / "profile"
        changes: dict[str, Any] = {
            "scripts": ("addons/chain.py", script),
            "extra_args": ("--set", f"residency_extra_scripts={script}"),
            "env": {profiler.VARIABLE: str(file)},
        }
        with start([GATEWAY], **changes) as proxies:
            proxies.run(GATEWAY, scenario, warmup=0.0, seconds=seconds)
            records = proxies.proxies[GATEWAY].ledger()
        calls = sum(r["kind"] == "decision" for r in records)
        return _costs(file, calls)


def _costs(file: Path, calls: int) -> list[Cost]:
    stats: dict[Any, Any] = pstats.Stats(str(file)).stats  # type: ignore[attr-defined]
    found = [
        Cost(_where(*place), own / calls * 1e6, total / calls * 1e6, count / calls)
        for place, (_, count, own, total, _) in stats.items()
    ]
    return sorted(found, key=lambda c: -c.own_us)


def _where(file: str, line: int, function: str) -> str:
    path = Path(file)
    for base in (ROOT, *(p for p in path.parents if p.name in {"site-packages", "lib"})):
        if path.is_relative_to(base):
            return f"{path.relative_to(base)}:{line} {function}"
    return function if file == "~" else f"{file}:{line} {function}"
