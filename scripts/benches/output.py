"""Results for people, as tables, and for machines, as one object."""

import os
import platform
from collections.abc import Sequence
from typing import Any

from scripts.benches import regions
from scripts.benches.contest import DIRECT, GATEWAY, IN_MEMORY, STOCK, Plan, Score
from scripts.benches.field import DISK, Run
from scripts.benches.identity import Found
from scripts.benches.micro import Figure
from scripts.benches.profiling import Cost
from scripts.benches.scenarios import SCENARIOS
from scripts.benches.spread import Spread

NOTE = """\
The ratio is the gateway's requests per second for one of stock mitmdump -q, each round by itself: median (least to most).
Eight connections, HTTPS through CONNECT, HTTP/1.1, keep-alive. Both get the far side's address the same way, by an
override of the loop's name resolution (stock by a script of the bench; map_remote would cost it time on every call).
The gateway writes two records a call, and waits for the disk with the first. Rates by themselves say something about
the machine only. Processor time a call counts what other work on the machine takes away least."""


def machine() -> dict[str, Any]:
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
    }


def contest_json(score: Score, plan: Plan) -> dict[str, Any]:
    return {
        "bench": "contest",
        "machine": machine(),
        "rounds": plan.rounds,
        "seconds": plan.seconds,
        "far_side": score.far_side,
        "scenarios": {s.name: _scenario(score, s.name) | {"what": s.what} for s in SCENARIOS},
        "noise": score.noise().to_plain(),
        "direct_to_stock": score.ratio(SCENARIOS[0].name, DIRECT).to_plain(),
    }


def _scenario(score: Score, name: str) -> dict[str, Any]:
    runs = score.runs[name]
    cpu = cpu_ratio(score, name)
    memory = score.ratio(name, IN_MEMORY, GATEWAY).to_plain() if IN_MEMORY in runs else None
    return {
        "ratio": score.ratio(name, GATEWAY).to_plain(),
        "cpu_ratio": cpu.to_plain() if cpu else None,
        "memory_to_disk": memory,
        "runs": {proxy: [_run(r) for r in found] for proxy, found in runs.items()},
    }


def _run(run: Run) -> dict[str, float | None]:
    m = run.measured
    return {
        "rate": round(m.rate, 1),
        "median_ms": round(m.median_ms, 2),
        "p99_ms": round(m.p99_ms, 2),
        "client_busy": round(m.client_busy, 2),
        "cpu_ms": round(run.cpu_ms, 3) if run.cpu_ms is not None else None,
    }


def cpu_ratio(score: Score, name: str) -> Spread | None:
    """The gateway's processor time for a call, for one unit of stock's; ``None`` where the system does not tell."""
    pairs = zip(score.runs[name][GATEWAY], score.runs[name][STOCK], strict=True)
    ratios = [g.cpu_ms / s.cpu_ms for g, s in pairs if g.cpu_ms and s.cpu_ms]
    return Spread.of(ratios) if ratios else None


def contest_text(score: Score, plan: Plan) -> str:
    head = SCENARIOS[0].name
    lines = [
        f"{plan.rounds} rounds of {plan.seconds:g} s, far side: {score.far_side}, load average {machine()['load']}",
        "",
        f"{'gateway to stock':<52}{'requests/s':<26}{'processor time a call':<26}",
    ]
    for s in SCENARIOS:
        cpu = cpu_ratio(score, s.name)
        lines.append(
            f"  {f'{s.name}: {s.what}':<50}{score.ratio(s.name, GATEWAY).text():<26}"
            f"{cpu.text() if cpu else 'not to be told here':<26}"
        )
    lines.append(f"  {'stock to stock: what 1 looks like here':<50}{score.noise().text()}")
    if IN_MEMORY in score.runs[head]:
        lines += ["", f"without the disk's part: ledger in memory to ledger in {DISK}"]
        lines += [
            f"  {s.name:<50}{score.ratio(s.name, IN_MEMORY, GATEWAY).text()}" for s in SCENARIOS
        ]
    busy = max(r.measured.client_busy for r in score.runs[head][STOCK])
    lines += [
        "",
        f"the client is no bottleneck: straight to the far side it makes {score.ratio(head, DIRECT).text('.0f')} times",
        f"stock's requests/s, and beside stock it keeps {busy:.0%} of one core busy",
        "",
        NOTE,
    ]
    return "\n".join(lines)


def figures_json(figures: Sequence[Figure]) -> dict[str, Any]:
    found = {f.name: {"unit": f.unit, **f.spread.to_plain()} for f in figures}
    return {"bench": "core", "machine": machine(), "figures": found}


def figures_text(figures: Sequence[Figure]) -> str:
    lines = [f"{'':<36}{'median':>12}{'least':>12}{'most':>12}"]
    for f in figures:
        s, unit = f.spread, "µs" if f.unit == "us" else f.unit
        lines.append(f"{f.name:<36}{s.median:>12,.1f}{s.min:>12,.1f}{s.max:>12,.1f} {unit}")
    return "\n".join(lines)


def costs_json(costs: Sequence[Cost]) -> dict[str, Any]:
    found = [
        {"where": c.where, "own_us": round(c.own_us, 1), "all_us": round(c.all_us, 1), "calls": round(c.calls, 2)}
        for c in costs
    ]  # fmt: skip
    return {"bench": "profile", "machine": machine(), "costs": found}


def costs_text(costs: Sequence[Cost]) -> str:
    lines = [f"{'µs itself':>10} {'µs in all':>10} {'times':>7}  for one call (slowed down by the profiler)"]  # fmt: skip
    lines += [f"{c.own_us:>10.1f} {c.all_us:>10.1f} {c.calls:>7.2f}  {c.where}" for c in costs]
    return "\n".join(lines)


def identity_text(found: Found) -> str:
    lines = [f"{'knowing a caller':<40}{'median':>10}{'least':>10}{'most':>10}"]
    for f in found.costs:
        s = f.spread
        lines.append(f"  {f.name:<38}{s.median:>10.1f}{s.min:>10.1f}{s.max:>10.1f} µs")
    return "\n".join(
        [
            *lines,
            "",
            "p99 of known callers' calls, strangers of the same issuer beside them (in 95 of 100 draws of the rounds)",
            f"  their issuer hanging to it answering      {found.hanging.text()}",
            f"  answering to answering: what 1 looks like {found.control.text()}",
            f"  answering, in milliseconds                {found.p99_ms.text()}",
            f"  {_quiet(found)}",
            "",
            f"{found.kids} unknown keys in {found.seconds:.1f} s: {found.fetches} fetches, {found.allowed} allowed",
        ]
    )


def _quiet(found: Found) -> str:
    rounds = found.rounds
    return (
        f"{len(rounds.rounds)} rounds, the quietest of {rounds.made}: others kept at most {rounds.busy:.2f} "
        "of the machine's processors busy"
    )


def identity_json(found: Found) -> dict[str, Any]:
    unknown = {"kids": found.kids, "fetches": found.fetches, "allowed": found.allowed}
    return {
        "bench": "identity",
        "machine": machine(),
        "costs_us": {f.name: f.spread.to_plain() for f in found.costs},
        "p99_hanging_to_answering": found.hanging.to_plain(),
        "p99_answering_to_answering": found.control.to_plain(),
        "p99_answering_ms": found.p99_ms.to_plain(),
        "rounds": {
            "counted": len(found.rounds.rounds),
            "made": found.rounds.made,
            "others_busy": round(found.rounds.busy, 2),
        },
        "unknown_keys": {**unknown, "seconds": round(found.seconds, 1)},
    }


def regions_text(found: regions.Found) -> str:
    rows = [
        ("by its head, the median of the kinds of calls", found.head, "µs"),
        ("by its head, the slowest kind", found.slowest, "µs"),
        ("with its body, the median of the kinds", found.body, "µs"),
        ("a host never seen before, and unknown", found.strangers, "µs"),
        ("residency locate --batch, lines a second", found.batch, "/s"),
    ]
    lines = [f"{'locate a call':<48}{'median':>10}{'least':>10}{'most':>10}"]
    lines += [
        f"  {what:<46}{s.median:>10,.1f}{s.min:>10,.1f}{s.max:>10,.1f} {unit}"
        for what, s, unit in rows
    ]
    return "\n".join(
        [
            *lines,
            "",
            f"{found.pins} pins to the shipped ones         {found.pinned.text()}",
            f"the shipped ones to themselves: what 1 is  {found.again.text()}",
            "",
            f"{found.entries} entries in the catalogue, {len(regions.CALLS)} kinds of calls, processor time of one core",
        ]
    )


def regions_json(found: regions.Found) -> dict[str, Any]:
    return {
        "bench": "regions",
        "machine": machine(),
        "locate_us": {
            "head": found.head.to_plain(),
            "slowest": found.slowest.to_plain(),
            "body": found.body.to_plain(),
            "stranger": found.strangers.to_plain(),
        },
        "pins_ratio": found.pinned.to_plain(),
        "again_ratio": found.again.to_plain(),
        "batch_per_second": found.batch.to_plain(),
        "entries": found.entries,
        "pins": found.pins,
    }
