"""What it costs to know a caller, and whether somebody else's trouble costs a known caller anything.

``costs``     verifying one token, without a proxy
``turns``     calls of known callers through a real gateway while their issuer does not answer, in turns with the
              same gateway and the same strangers while it does
``strangers`` fetches that tokens with as many different unknown keys cause
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from residency.core.identity import IssuerBook, KeySet, Verifier, verify
from residency.files import load
from scripts.benches import strangers
from scripts.benches.field import DISK, MEMORY, folder
from scripts.benches.micro import Effort, Figure, _timed, _today
from scripts.benches.turns import (
    ANSWERING,
    CONTROL,
    HANGING,
    Interval,
    Rounds,
    Turns,
    p99,
    ratio,
    turns,
)
from scripts.lab.gateway import Gateway
from scripts.lab.issuer import Issuer
from scripts.lab.rules import lab_rules

COOL_DOWN = 30.0

_MAPPED = """\
    groups: [{claim: groups}, {claim: scope, split: space, prefix: "scope:"}, {claim: roles, map: {"eu-*": eu-services}}]
    subjects: {"svc-*": eu-services, "spiffe://example.org/*": billing}
    require: {tid: "t-*"}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often and how long."""

    effort: Effort = field(default_factory=Effort)
    turns: Turns = field(default_factory=Turns)
    kids: int = 10_000


QUICK = Plan(
    effort=Effort(runs=2, seconds=0.02), turns=Turns(rounds=1, warmup=0.1, seconds=0.5), kids=200
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """``hanging`` is the ratio of p99, hanging to answering, ``control`` answering to itself, ``p99_ms`` its own.

    ``fetches`` are of ``kids`` unknown keys in ``seconds``; ``allowed`` is one for each cool-down begun.
    """

    costs: list[Figure]
    hanging: Interval
    control: Interval
    p99_ms: Interval
    rounds: Rounds
    kids: int
    fetches: int
    allowed: int
    seconds: float


def identity(plan: Plan, say: Callable[[str], None]) -> Found:
    """Run all of it; *say* is told what is being done."""
    with folder(DISK) as name:
        say("costs")
        costs = _costs(Path(name), plan.effort)
        with folder(MEMORY) as memory:
            found = turns(Path(memory), plan.turns, say)
        say(f"{plan.kids} unknown keys")
        fetches, seconds = _strangers(Path(name), plan.kids)
    return Found(
        costs=costs,
        hanging=Interval.of(found.rounds, ratio(HANGING, ANSWERING)),
        control=Interval.of(found.rounds, ratio(CONTROL, ANSWERING)),
        p99_ms=Interval.of(found.rounds, p99(ANSWERING)),
        rounds=found,
        kids=plan.kids,
        fetches=fetches,
        allowed=1 + int(seconds // COOL_DOWN),
        seconds=seconds,
    )


def _costs(place: Path, effort: Effort) -> list[Figure]:
    with Issuer() as issuer:
        more: dict[str, Any] = {"tid": "t-1", "scope": "openid call", "roles": ["eu-1", "us-1"]}
        token = issuer.token("svc-bench", ["eu-services"], **more)
        keys = {issuer.url: KeySet.parse(json.dumps(issuer.keys))}
        plain = _book(place / "plain", issuer, "")
        mapped = _book(place / "mapped", issuer, _MAPPED)
    now = time.time()
    verifier = Verifier(mapped, keys)
    work: dict[str, Callable[[], object]] = {
        "a token seen before": partial(verifier.verify, token, now=now),
        "a fresh token (RS256)": partial(verify, token, plain, keys, now=now),
        "a fresh token with maps and require": partial(verify, token, mapped, keys, now=now),
    }
    return [Figure(n, "us", _timed(call, effort)) for n, call in work.items()]


def _book(place: Path, issuer: Issuer, more: str) -> IssuerBook:
    rules = lab_rules(place, issuer.url)
    file = rules / "identity.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text((text.replace("    groups: groups\n", "") if more else text) + more, encoding="utf-8")  # fmt: skip
    return load(rules, today=_today()).identity


def _strangers(place: Path, kids: int) -> tuple[int, float]:
    """Fetches of the keys while so many unknown ones come, and the seconds that took."""
    with Issuer() as issuer:
        rules = lab_rules(place / "rules-strangers", issuer.url)
        with Gateway(rules, workdir=place / "strangers") as gateway:
            strangers.wait_for_keys(issuer)
            before, begun = issuer.asked.count("/jwks"), time.monotonic()
            strangers.each(gateway.port, issuer.url, kids)
            return issuer.asked.count("/jwks") - before, time.monotonic() - begun
