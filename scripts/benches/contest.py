"""In turns, round by round: A B, B A, A B, …, so that what the machine does meanwhile falls on all alike.

The answer is the median of the rounds' own ratios. Requests per second by themselves say something about the machine.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from scripts.benches.field import MEMORY, Field, Run, start
from scripts.benches.scenarios import SCENARIOS, Scenario
from scripts.benches.spread import Spread

STOCK, GATEWAY, IN_MEMORY = "stock", "gateway", "gateway, ledger in memory"
DIRECT = "direct"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long, in seconds, and how often."""

    rounds: int = 7
    warmup: float = 0.5
    seconds: float = 3.0


QUICK = Plan(rounds=1, warmup=0.1, seconds=0.3)


@dataclass(slots=True)
class Score:
    """All runs, by scenario and proxy, one a round."""

    far_side: str
    runs: dict[str, dict[str, list[Run]]] = field(default_factory=dict)
    again: list[Run] = field(default_factory=list)

    def rates(self, scenario: str, proxy: str) -> list[float]:
        return [r.measured.rate for r in self.runs[scenario][proxy]]

    def ratio(self, scenario: str, proxy: str, to: str = STOCK) -> Spread:
        """Requests per second of *proxy* for one of *to*, round by round."""
        pairs = zip(self.rates(scenario, proxy), self.rates(scenario, to), strict=True)
        return Spread.of(a / b for a, b in pairs)

    def noise(self) -> Spread:
        """Stock against itself, first and last in each round: what a ratio of 1 looks like here."""
        first = self.rates(SCENARIOS[0].name, STOCK)
        pairs = zip((r.measured.rate for r in self.again), first, strict=True)
        return Spread.of(a / b for a, b in pairs)


def contest(plan: Plan, say: Callable[[str], None]) -> Score:
    """Run all of it; *say* is told what is being done.

    Raises:
        GatewayFailed: A proxy did not start.
        LoadFailed: A call was not answered 200.
    """
    kinds = (STOCK, GATEWAY, *((IN_MEMORY,) if MEMORY.is_dir() else ()))
    say(f"starting {len(kinds)} proxies")
    with start(kinds) as proxies:
        score = Score(proxies.side.name)
        for number in range(plan.rounds):
            for scenario in SCENARIOS:
                _round(proxies, plan, score, scenario, list(kinds), number, say)
            score.again.append(_run(proxies, plan, STOCK, SCENARIOS[0]))
    return score


def _round(
    proxies: Field,
    plan: Plan,
    score: Score,
    scenario: Scenario,
    kinds: list[str],
    number: int,
    say: Callable[[str], None],
) -> None:
    turns = kinds if number % 2 == 0 else kinds[::-1]
    if scenario is SCENARIOS[0]:
        turns = [*turns, DIRECT]
    found = score.runs.setdefault(scenario.name, {})
    for proxy in turns:
        run = _run(proxies, plan, proxy, scenario)
        found.setdefault(proxy, []).append(run)
        say(f"round {number + 1}  {scenario.name:<5} {proxy:<26} {run.measured.rate:7.0f}/s")


def _run(proxies: Field, plan: Plan, proxy: str, scenario: Scenario) -> Run:
    through = None if proxy == DIRECT else proxy
    return proxies.run(through, scenario, warmup=plan.warmup, seconds=plan.seconds)
