"""What each part of a decision costs by itself, without a proxy: in microseconds, and records a second for the ledger."""

import asyncio
import datetime
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from residency.core.body import Content, inspect_body, mask_body
from residency.core.configuration import Configuration
from residency.core.identity import KeySet, Verifier, verify
from residency.core.judge import head_from_url
from residency.core.plain import Plain
from residency.core.policy.decide import Carrying, Inputs, decide
from residency.core.region.locate import NO_BODY, locate
from residency.files import load
from residency.proxy.ledger import LedgerWriter
from scripts.benches.chain import certificate_work
from scripts.benches.field import DISK
from scripts.benches.scenarios import CHAT, customers
from scripts.benches.spread import Spread
from scripts.lab.issuer import Issuer
from scripts.lab.rules import lab_rules

URL = "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/score-customer/invocations"
SETS = ("personal-data", "payment-data")
LIMIT = 64 * 1024 * 1024
LARGE = 6400


@dataclass(frozen=True, slots=True)
class Effort:
    """``runs`` of at least ``seconds`` each, and as many appends to the ledger at once."""

    runs: int = 7
    seconds: float = 0.2
    appends: int = 400


QUICK = Effort(runs=2, seconds=0.02, appends=50)


@dataclass(frozen=True, slots=True)
class Figure:
    """One line: ``unit`` is ``us`` for a call, or ``/s``."""

    name: str
    unit: str
    spread: Spread


def figures(effort: Effort) -> list[Figure]:
    """Every figure, in the order in which a call meets the parts."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=DISK if DISK.is_dir() else None) as name:
        folder = Path(name)
        with Issuer() as issuer:
            rules = lab_rules(folder / "rules", issuer.url)
            token = issuer.token("svc-bench", ["eu-services"])
            keys = KeySet.parse(json.dumps(issuer._document("/jwks")))
        configuration = load(rules, today=_today())
        work = {
            **_identity(configuration, issuer.url, token, keys),
            **_judging(configuration, token, keys, issuer.url),
            **_bodies(configuration),
        }
        timed = [Figure(n, "us", _timed(call, effort)) for n, call in work.items()]
        return [*timed, *_ledger(folder, effort)]


def _identity(
    configuration: Configuration, url: str, token: str, keys: KeySet
) -> dict[str, Callable[[], object]]:
    now, known = time.time(), {url: keys}
    verifier = Verifier(configuration.identity, known)
    return {
        "verify a new token (RS256)": partial(
            verify, token, configuration.identity, known, now=now
        ),
        "verify a token seen before": partial(verifier.verify, token, now=now),
        **certificate_work(now),
    }


def _judging(
    configuration: Configuration, token: str, keys: KeySet, url: str
) -> dict[str, Callable[[], object]]:
    today = _today()
    caller = verify(token, configuration.identity, {url: keys}, now=time.time())
    head = head_from_url("POST", URL)
    destination = locate(configuration.atlas, head, NO_BODY, today=today)
    inputs = Inputs(
        caller=caller, method="POST", destination=destination, carrying=Carrying(state="read")
    )
    return {
        "locate a Lambda call": lambda: locate(configuration.atlas, head, NO_BODY, today=today),
        "decide": partial(decide, configuration.policy, inputs, today),
    }


def _bodies(configuration: Configuration) -> dict[str, Callable[[], object]]:
    sets, small, large = configuration.sets, customers(11), customers(LARGE)
    names = configuration.policy.sets_asked_for
    return {
        f"inspect {len(CHAT)} B, clean": partial(
            inspect_body, Content(CHAT), sets, names, limit=LIMIT
        ),
        f"mask {len(small) / 1000:.1f} kB": partial(
            mask_body, Content(small), sets, SETS, limit=LIMIT
        ),
        f"mask {len(large) / 1e6:.1f} MB": partial(
            mask_body, Content(large), sets, SETS, limit=LIMIT
        ),
    }


def _timed(call: Callable[[], object], effort: Effort) -> Spread:
    """Microseconds a call: each run is as many calls as fill its time."""
    call()
    times, begun = 0, time.perf_counter()
    while time.perf_counter() - begun < effort.seconds or not times:
        call()
        times += 1
    return Spread.of(_run(call, times) for _ in range(effort.runs))


def _run(call: Callable[[], object], times: int) -> float:
    begun = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - begun) / times * 1e6


def _ledger(folder: Path, effort: Effort) -> list[Figure]:
    one = Spread.of(
        asyncio.run(_appends(folder / f"one-{n}", effort.appends, 1)) for n in range(effort.runs)
    )
    many = Spread.of(
        asyncio.run(_appends(folder / f"many-{n}", effort.appends, 64)) for n in range(effort.runs)
    )
    return [
        Figure("ledger, one append after another", "/s", one),
        Figure("ledger, 64 callers at once", "/s", many),
    ]


async def _appends(path: Path, count: int, callers: int) -> float:
    """Records a second, each confirmed by the disk before its caller goes on."""
    writer = LedgerWriter(path)
    try:
        begun = time.perf_counter()
        each = max(1, count // callers) if callers == 1 else count // 8
        await asyncio.gather(*(_appender(writer, each) for _ in range(callers)))
        return each * callers / (time.perf_counter() - begun)
    finally:
        writer.close()


async def _appender(writer: LedgerWriter, count: int) -> None:
    for _ in range(count):
        await writer.append("decision", _RECORD)


#: As long as an allowed call's record is.
_RECORD: dict[str, Plain] = {
    "decision": "0" * 32, "permitted": True, "action": "allow", "rule": "eea-is-home", "policy": "0" * 64,
    "caller": {"issuer": "https://login.example.com/realms/main", "subject": "svc", "groups": ["eu-services"]},
    "call": {"method": "POST", "scheme": "https", "host": "lambda.eu-central-1.amazonaws.com", "port": 443},
    "destination": {"evidence": [{"file": "catalogue/aws.yaml", "says": "x" * 40}] * 3, "places": ["DE"]},
}  # fmt: skip


def _today() -> datetime.date:
    return datetime.datetime.now(datetime.UTC).date()
