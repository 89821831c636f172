"""What it costs to know a caller, and whether somebody else's trouble costs a known caller anything.

``costs``     verifying one token, without a proxy
``hanging``   calls of known callers through a real gateway while another issuer does not answer, in turns with the
              same gateway and the same strangers' tokens while it does
``strangers`` fetches that tokens with as many different unknown keys cause
"""

import contextlib
import json
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from residency.core.identity import IssuerBook, KeySet, Verifier, verify
from residency.files import load
from scripts.benches import strangers
from scripts.benches.farside import far_side
from scripts.benches.field import DISK, TOKEN_SECONDS
from scripts.benches.load import Load, measure
from scripts.benches.micro import Effort, Figure, _timed, _today
from scripts.benches.scenarios import SCENARIOS
from scripts.benches.spread import Spread
from scripts.lab.ca import Authority
from scripts.lab.gateway import Gateway
from scripts.lab.issuer import Issuer
from scripts.lab.rules import lab_rules

COOL_DOWN = 30.0
HEAD = SCENARIOS[0]

_MAPPED = """\
    groups: [{claim: groups}, {claim: scope, split: space, prefix: "scope:"}, {claim: roles, map: {"eu-*": eu-services}}]
    subjects: {"svc-*": eu-services, "spiffe://example.org/*": billing}
    require: {tid: "t-*"}
"""
_OTHER = """\
  - issuer: {name}
    audience: residency-gateway
    keys: {{url: "{name}/jwks"}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often and how long; ``pace`` is strangers' calls a second beside the known callers'."""

    effort: Effort = field(default_factory=Effort)
    rounds: int = 5
    warmup: float = 0.5
    seconds: float = 4.0
    pace: float = 20.0
    kids: int = 10_000


QUICK = Plan(effort=Effort(runs=2, seconds=0.02), rounds=1, warmup=0.1, seconds=0.5, kids=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """``hanging`` are the rounds' ratios of p99, hanging to answering, ``again`` answering to itself, ``p99_ms`` its own.

    ``fetches`` are of ``kids`` unknown keys in ``seconds``; ``allowed`` is one for each cool-down begun.
    """

    costs: list[Figure]
    hanging: Spread
    again: Spread
    p99_ms: Spread
    kids: int
    fetches: int
    allowed: int
    seconds: float


def identity(plan: Plan, say: Callable[[str], None]) -> Found:
    """Run all of it; *say* is told what is being done."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=DISK if DISK.is_dir() else None) as name:
        say("costs")
        costs = _costs(Path(name), plan.effort)
        hanging, again, p99 = _hanging(Path(name), plan, say)
        say(f"{plan.kids} unknown keys")
        fetches, seconds = _strangers(Path(name), plan.kids)
    return Found(
        costs=costs,
        hanging=hanging,
        again=again,
        p99_ms=p99,
        kids=plan.kids,
        fetches=fetches,
        allowed=1 + int(seconds // COOL_DOWN),
        seconds=seconds,
    )


def _costs(folder: Path, effort: Effort) -> list[Figure]:
    with Issuer() as issuer:
        more: dict[str, Any] = {"tid": "t-1", "scope": "openid call", "roles": ["eu-1", "us-1"]}
        token = issuer.token("svc-bench", ["eu-services"], **more)
        keys = {issuer.url: KeySet.parse(json.dumps(issuer._document("/jwks")))}
        plain = _book(folder / "plain", issuer, "")
        mapped = _book(folder / "mapped", issuer, _MAPPED)
    now = time.time()
    verifier = Verifier(mapped, keys)
    work: dict[str, Callable[[], object]] = {
        "a token seen before": partial(verifier.verify, token, now=now),
        "a fresh token (RS256)": partial(verify, token, plain, keys, now=now),
        "a fresh token with maps and require": partial(verify, token, mapped, keys, now=now),
    }
    return [Figure(n, "us", _timed(call, effort)) for n, call in work.items()]


def _book(folder: Path, issuer: Issuer, more: str) -> IssuerBook:
    rules = lab_rules(folder, issuer.url)
    file = rules / "identity.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text((text.replace("    groups: groups\n", "") if more else text) + more, encoding="utf-8")  # fmt: skip
    return load(rules, today=_today()).identity


def _hanging(
    folder: Path, plan: Plan, say: Callable[[str], None]
) -> tuple[Spread, Spread, Spread]:
    ratios, again, p99 = [], [], []
    with _pair(folder, plan) as run:
        for number in range(plan.rounds):
            say(f"round {number + 1} of {plan.rounds}")
            order = ("answering", "hanging") if number % 2 else ("hanging", "answering")
            found = {kind: run(kind) for kind in order}
            ratios.append(found["hanging"] / found["answering"])
            again.append(run("answering") / found["answering"])
            p99.append(found["answering"])
    return Spread.of(ratios), Spread.of(again), Spread.of(p99)


@contextmanager
def _pair(folder: Path, plan: Plan) -> Iterator[Callable[[str], float]]:
    """Two gateways that trust one more issuer, one that answers or one that hangs: the p99 through either."""
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        authority = Authority(folder / "ca")
        side = enter(far_side(folder / "far", authority, [HEAD.host]))
        issuer, answering = enter(Issuer()), enter(Issuer())
        silent = enter(socket.create_server(("127.0.0.1", 0), backlog=4096))
        token = issuer.token("svc-bench", [HEAD.group], lifetime=TOKEN_SECONDS)
        others = {
            "answering": answering.url,
            "hanging": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        resolve = [f"{HEAD.host}=127.0.0.1:{side.ports[HEAD.host]}"]
        common: dict[str, Any] = {
            "confdir": folder / "confdir",
            "trust": authority.file,
            "resolve": resolve,
        }
        gateways = {
            kind: enter(Gateway(_rules(folder / f"rules-{kind}", issuer, name), workdir=folder / kind, **common))
            for kind, name in others.items()
        }  # fmt: skip

        def run(kind: str) -> float:
            gateway = gateways[kind]
            load = Load(
                port=gateway.port, token=token, host=HEAD.host, ca=str(gateway.ca_file),
                request=HEAD.request, warmup=plan.warmup, seconds=plan.seconds,
            )  # fmt: skip
            with strangers.beside(gateway.port, others[kind], plan.pace):
                return measure(load).p99_ms

        yield run


def _rules(folder: Path, issuer: Issuer, other: str) -> Path:
    rules = lab_rules(folder, issuer.url)
    with (rules / "identity.yaml").open("a", encoding="utf-8") as file:
        file.write(_OTHER.format(name=other))
    return rules


def _strangers(folder: Path, kids: int) -> tuple[int, float]:
    """Fetches of the keys while so many unknown ones come, and the seconds that took."""
    with Issuer() as issuer:
        rules = lab_rules(folder / "rules-strangers", issuer.url)
        with Gateway(rules, workdir=folder / "strangers") as gateway:
            _wait_for(lambda: "/jwks" in issuer.asked)
            before, begun = issuer.asked.count("/jwks"), time.monotonic()
            strangers.each(gateway.port, issuer.url, kids)
            return issuer.asked.count("/jwks") - before, time.monotonic() - begun


def _wait_for(ask: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not ask() and time.monotonic() < end:
        time.sleep(0.02)
