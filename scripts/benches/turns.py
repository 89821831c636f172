"""What a known caller's call takes while the caller's own issuer hangs, and while it answers.

One gateway trusts a few issuers. A turn is a few seconds of paced calls of a known caller of one of them, with strangers
beside it who name that issuer: tokens with unknown keys, and clients with wrong secrets. In turn the issuer hangs, answers,
and answers once more as control. A turn outlasts the gateway's patience with an issuer, so that whoever waited for one is
refused within it; and no issuer's turn comes again before its cool-down is over, so that each turn has its fetch.

Others on the same machine would be most of the p99. So rounds in which they keep more than ``BUSY`` processors busy are made
again, as often as there is patience for, and those in which they took least count: what they take is known without a look
at any latency.

The ledger is in memory where there is such a place: how long a disk takes is no part of the question. The samples of all
turns of a kind are one pool. Latency counts from when a call was due, so that a gateway that stands still
is counted for every call that it kept from being sent.
"""

import contextlib
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from pathlib import Path
from typing import Self

from scripts.benches import strangers
from scripts.benches.farside import far_side
from scripts.benches.field import TOKEN_SECONDS
from scripts.benches.load import Load, measure
from scripts.benches.moods import Moody
from scripts.benches.others import Others
from scripts.benches.scenarios import SCENARIOS
from scripts.lab.ca import Authority
from scripts.lab.gateway import Gateway
from scripts.lab.issuer import AUDIENCE, Issuer
from scripts.lab.rules import lab_rules

HEAD = SCENARIOS[0]
HANGING, ANSWERING, CONTROL = KINDS = ("hanging", "answering", "control")
DRAWS = 1000
#: Processors that others may keep busy, on average, and how many rounds are made at most for one that counts.
BUSY, PATIENCE = 0.1, 2
#: One for each turn in the gateway's cool-down of 30 seconds, and one to spare.
ISSUERS = 6

_BLOCK = """\
  - issuer: {url}
    audience: {audience}
    keys: {{discovery: true}}
    groups: groups
    client_credentials: {{clients: "{prefix}-*", endpoint: "{url}/token"}}
"""

#: The samples of each kind in one round, in milliseconds.
type Round = dict[str, list[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """How many, how long (seconds), how many calls a second on each of how many connections, and how many strangers."""

    rounds: int = 15
    warmup: float = 0.5
    seconds: float = 6.0
    connections: int = 4
    rate: float = 25.0
    pace: float = 20.0


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure of the pool, and between what it lies in 95 of 100 draws of as many rounds."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, rounds: Sequence[Round], ask: Callable[[Sequence[Round]], float]) -> Self:
        """*ask* of the rounds, and the percentile bootstrap over them (Efron 1979): rounds are alike, calls in one not."""
        draw = random.Random(1)  # noqa: S311 - the same draws each time
        found = sorted(ask(draw.choices(rounds, k=len(rounds))) for _ in range(DRAWS))
        return cls(ask(rounds), found[DRAWS // 40], found[-DRAWS // 40])

    def to_plain(self) -> dict[str, float]:
        return {n: float(f"{getattr(self, n):.4g}") for n in ("value", "low", "high")}

    def text(self) -> str:
        return f"{self.value:.2f}  ({self.low:.2f} to {self.high:.2f})"


def p99(kind: str) -> Callable[[Sequence[Round]], float]:
    """The 99th percentile of the pool of *kind*, in milliseconds."""

    def ask(rounds: Sequence[Round]) -> float:
        pool = sorted(chain.from_iterable(r[kind] for r in rounds))
        return pool[len(pool) * 99 // 100]

    return ask


def ratio(kind: str, to: str) -> Callable[[Sequence[Round]], float]:
    """The p99 of one kind's pool to that of the other."""
    return lambda rounds: p99(kind)(rounds) / p99(to)(rounds)


@dataclass(frozen=True, slots=True)
class Rounds:
    """The rounds that count, how many were made, and the processors that others kept busy in the busiest that counts."""

    rounds: list[Round]
    made: int
    busy: float


def turns(folder: Path, plan: Turns, say: Callable[[str], None]) -> Rounds:
    """Every round's samples. The three kinds come in another order in each round."""
    rounds: list[tuple[float, Round]] = []
    with _turn(folder, plan) as turn:
        turn(-1, CONTROL)  # what is done once is done here
        for number in range(plan.rounds * PATIENCE):
            quiet = sum(busy <= BUSY for busy, _ in rounds)
            if quiet == plan.rounds:
                break
            say(f"round {quiet + 1} of {plan.rounds}")
            order = [KINDS[(number + i) % 3] for i in range(3)]
            others = Others()
            found = {kind: turn(3 * number + i, kind) for i, kind in enumerate(order)}
            rounds.append((others.cores(), found))
    kept = sorted(rounds, key=itemgetter(0))[: plan.rounds]
    return Rounds([found for _, found in kept], len(rounds), kept[-1][0])


@contextmanager
def _turn(folder: Path, plan: Turns) -> Iterator[Callable[[int, str], list[float]]]:
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        authority = Authority(folder / "ca")
        side = enter(far_side(folder / "far", authority, [HEAD.host]))
        issuers = [enter(Moody()) for _ in range(ISSUERS)]
        gateway = enter(
            Gateway(
                _rules(folder / "rules-turns", enter(Issuer()), issuers),
                workdir=folder / "turns",
                trust=authority.file,
                resolve=[f"{HEAD.host}=127.0.0.1:{side.ports[HEAD.host]}"],
            )
        )

        strangers.wait_for_keys(*issuers)

        def run(number: int, kind: str) -> list[float]:
            issuer = issuers[number % ISSUERS]
            load = Load(
                port=gateway.port, token=issuer.token("svc-bench", [HEAD.group], lifetime=TOKEN_SECONDS),
                host=HEAD.host, ca=str(gateway.ca_file), request=HEAD.request, warmup=plan.warmup,
                seconds=plan.seconds, connections=plan.connections, rate=plan.rate,
            )  # fmt: skip
            mood = issuer.hanging() if kind == HANGING else contextlib.nullcontext()
            people = strangers.Strangers(issuer.url, _prefix(number % ISSUERS), f"turn-{number}")
            with mood, people.beside(gateway.port, plan.pace):
                return measure(load).samples_ms

        yield run


def _rules(folder: Path, main: Issuer, issuers: Sequence[Moody]) -> Path:
    rules = lab_rules(folder, main.url)
    with (rules / "identity.yaml").open("a", encoding="utf-8") as file:
        for index, issuer in enumerate(issuers):
            block = _BLOCK.format(url=issuer.url, audience=AUDIENCE, prefix=_prefix(index))
            file.write(block)
    return rules


def _prefix(index: int) -> str:
    return f"team{index}"
