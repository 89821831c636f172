"""Measure the gateway: against stock mitmdump in turns (contest), part by part (core), or under a profiler (profile).

``identity`` is what it takes to know a caller, ``regions`` where a call may be processed, ``oracle`` how often that is
right, ``mask`` what it takes to mask a megabyte.
"""

import argparse
import dataclasses
import json
import signal
import sys
from collections.abc import Sequence

from residency.errors import ResidencyError
from scripts.benches import (
    bystanders,
    contest,
    identity,
    masking,
    micro,
    oracle,
    output,
    profiling,
    regions,
    shipped,
    sse,
)
from scripts.benches.load import LoadFailed
from scripts.benches.scenarios import SCENARIOS
from scripts.lab.gateway import GatewayFailed

TOP = 40


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    # Ends the way Ctrl-C does: whatever was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        print(_BENCHES[options.bench](options), flush=True)
    except KeyboardInterrupt:
        return 130
    except (GatewayFailed, LoadFailed, ResidencyError, RuntimeError) as e:
        print(f"bench: {e}", file=sys.stderr)
        return 1
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("bench", nargs="?", choices=sorted(_BENCHES), default="contest")
    parser.add_argument("--json", action="store_true", help="one JSON object, for machines")
    parser.add_argument("--quick", action="store_true", help="one short round: proves nothing")
    parser.add_argument(
        "--rounds",
        type=int,
        help="of the contest (without it: 7), identity (15), regions (9) or mask (41)",
    )
    parser.add_argument("--scenario", choices=[s.name for s in SCENARIOS], default="head",
                        help="of the profile (without it: head)")  # fmt: skip
    options = parser.parse_args(arguments)
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds: at least 1")
    return options


def _contest(options: argparse.Namespace) -> str:
    plan = contest.QUICK if options.quick else contest.Plan()
    if options.rounds:
        plan = dataclasses.replace(plan, rounds=options.rounds)
    score = contest.contest(plan, _say)
    if options.json:
        return json.dumps(output.contest_json(score, plan))
    return output.contest_text(score, plan)


def _core(options: argparse.Namespace) -> str:
    found = micro.figures(micro.QUICK if options.quick else micro.Effort())
    return json.dumps(output.figures_json(found)) if options.json else output.figures_text(found)


def _profile(options: argparse.Namespace) -> str:
    scenario = next(s for s in SCENARIOS if s.name == options.scenario)
    found = profiling.costs(scenario, seconds=1.0 if options.quick else 5.0)[:TOP]
    return json.dumps(output.costs_json(found)) if options.json else output.costs_text(found)


def _identity(options: argparse.Namespace) -> str:
    plan = identity.QUICK if options.quick else identity.Plan()
    if options.rounds:
        rounds = dataclasses.replace(plan.turns, rounds=options.rounds)
        plan = dataclasses.replace(plan, turns=rounds)
    found = identity.identity(plan, _say)
    if options.json:
        return json.dumps(output.identity_json(found))
    return output.identity_text(found)


def _regions(options: argparse.Namespace) -> str:
    plan = regions.QUICK if options.quick else regions.Plan()
    if options.rounds:
        plan = dataclasses.replace(plan, rounds=options.rounds)
    found = regions.regions(plan)
    return json.dumps(output.regions_json(found)) if options.json else output.regions_text(found)


def _oracle(options: argparse.Namespace) -> str:
    found = oracle.oracle()
    return json.dumps(oracle.to_plain(found)) if options.json else oracle.text(found)


def _mask(options: argparse.Namespace) -> str:
    effort = masking.QUICK if options.quick else masking.Effort()
    if options.rounds:
        effort = dataclasses.replace(effort, rounds=options.rounds)
    found = masking.masking(effort)
    costs = shipped.costs(effort.rounds)
    if options.json:
        return json.dumps(masking.plain(found) | {"shipped": shipped.plain(costs)})
    return f"{masking.text(found)}\n\n{shipped.text(costs)}"


def _sse(options: argparse.Namespace) -> str:
    plan = sse.QUICK if options.quick else sse.Plan()
    if options.rounds:
        plan = dataclasses.replace(plan, rounds=options.rounds)
    found = sse.sse(plan, _say)
    return json.dumps(sse.plain(found)) if options.json else sse.text(found)


def _bystanders(options: argparse.Namespace) -> str:
    plan = bystanders.QUICK if options.quick else bystanders.Plan()
    if options.rounds:
        plan = dataclasses.replace(plan, rounds=options.rounds)
    found = bystanders.bystanders(plan, _say)
    return json.dumps(bystanders.plain(found)) if options.json else bystanders.text(found)


def _say(text: str) -> None:
    """Progress, out of the way of the result."""
    print(text, file=sys.stderr, flush=True)


_BENCHES = {
    "bystanders": _bystanders,
    "contest": _contest,
    "core": _core,
    "identity": _identity,
    "mask": _mask,
    "oracle": _oracle,
    "profile": _profile,
    "regions": _regions,
    "sse": _sse,
}

if __name__ == "__main__":
    sys.exit(main())
