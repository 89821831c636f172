"""Whether small calls wait while others' bodies of 8 MiB are masked: their p99, in turns with and without.

The clients, far sides and worker processes share the machine's processors with the gateway: ``busy`` shows what it
costs small calls that as much is computed at the same time by somebody else, without any gateway in it.
"""

import contextlib
import json
import multiprocessing
import os
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scripts.benches.farside import far_side
from scripts.benches.field import DISK, TOKEN_SECONDS
from scripts.benches.load import Load, Measured, _answer, _connection, measure
from scripts.benches.scenarios import SCENARIOS, customers
from scripts.benches.spread import Spread
from scripts.lab.ca import Authority
from scripts.lab.gateway import Gateway
from scripts.lab.issuer import Issuer
from scripts.lab.rules import lab_rules

HEAD = SCENARIOS[0]
MASK = next(s for s in SCENARIOS if s.name == "mask")
#: A little less than the gateway reads, since numbers grow.
SIZE = 7_900_000


@dataclass(frozen=True, slots=True)
class Plan:
    """Rounds in turns; ``pause`` is between two large bodies, in seconds."""

    rounds: int = 5
    warmup: float = 1.0
    seconds: float = 6.0
    pause: float = 0.2


QUICK = Plan(rounds=1, warmup=0.2, seconds=1.5)


@dataclass(frozen=True, slots=True)
class Found:
    """p99 of small calls in milliseconds, and the rounds' ratios to those without large bodies; ``bodies`` were masked."""

    alone_ms: Spread
    beside_ms: Spread
    busy_ms: Spread
    beside: Spread
    busy: Spread
    bodies: int


def large() -> bytes:
    """A call of about 8 MiB with customers, whose values are masked."""
    one = len(customers(1001)) - len(customers(1))
    return customers(SIZE * 1000 // one)


def bystanders(plan: Plan, say: Callable[[str], None]) -> Found:
    """Run all of it; *say* is told what is being done."""
    runs: dict[str, list[float]] = {"alone": [], "beside": [], "busy": []}
    bodies = 0
    with _gateway() as (small, big):
        for number in range(plan.rounds):
            turns = list(runs) if number % 2 == 0 else list(runs)[::-1]
            for kind in turns:
                counter = [0]
                with _around(kind, big, plan, counter):
                    found: Measured = measure(small(plan))
                bodies += counter[0]
                runs[kind].append(found.p99_ms)
                say(
                    f"round {number + 1}  {kind:<7} p99 {found.p99_ms:7.1f} ms  {counter[0]} bodies"
                )

    def ratio(kind: str) -> Spread:
        return Spread.of(a / b for a, b in zip(runs[kind], runs["alone"], strict=True))

    alone, beside, busy = (Spread.of(runs[k]) for k in ("alone", "beside", "busy"))
    return Found(alone, beside, busy, ratio("beside"), ratio("busy"), bodies)


@contextlib.contextmanager
def _gateway() -> Iterator[tuple[Callable[[Plan], Load], Load]]:
    with contextlib.ExitStack() as stack:
        where = DISK if DISK.is_dir() else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=where)))
        authority = Authority(folder / "ca")
        side = stack.enter_context(far_side(folder / "far", authority, [HEAD.host, MASK.host]))
        issuer = stack.enter_context(Issuer())
        tokens = {g: issuer.token("svc-bench", [g], lifetime=TOKEN_SECONDS) for g in (HEAD.group, MASK.group)}  # fmt: skip
        gateway = stack.enter_context(
            Gateway(
                lab_rules(folder / "rules", issuer.url), workdir=folder / "gateway", trust=authority.file,
                resolve=[f"{host}=127.0.0.1:{port}" for host, port in side.ports.items()],
            )
        )  # fmt: skip
        ca = str(gateway.ca_file)
        body = large()
        request = (
            f"POST {MASK.path} HTTP/1.1\r\nHost: {MASK.host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n{body.decode()}"
        )
        big = Load(
            port=gateway.port, token=tokens[MASK.group], host=MASK.host, ca=ca, request=request,
            warmup=0, seconds=0,
        )  # fmt: skip

        def small(plan: Plan) -> Load:
            return Load(
                port=gateway.port, token=tokens[HEAD.group], host=HEAD.host, ca=ca,
                request=HEAD.request, warmup=plan.warmup, seconds=plan.seconds,
            )  # fmt: skip

        yield small, big


@contextlib.contextmanager
def _around(kind: str, big: Load, plan: Plan, counter: list[int]) -> Iterator[None]:
    """What goes on beside the small calls."""
    if kind == "alone":
        yield
        return
    over = threading.Event()
    if kind == "beside":
        thread = threading.Thread(target=_masked, args=(big, plan, over, counter))
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
        return
    process = multiprocessing.get_context("spawn").Process(target=_busy, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join()


def _masked(big: Load, plan: Plan, over: threading.Event, counter: list[int]) -> None:
    context = ssl.create_default_context(cafile=big.ca)
    context.set_alpn_protocols(["http/1.1"])
    request = big.request.encode()
    while not over.wait(plan.pause):
        with _connection(big, context) as connection:
            connection.sendall(request)
            _answer(connection)
        counter[0] += 1


def _busy() -> None:
    os.nice(5)
    while True:
        json.loads(json.dumps(list(range(10_000))))
        time.sleep(0)


def text(found: Found) -> str:
    return "\n".join(
        [
            f"small calls' p99 alone                        {found.alone_ms.text('.1f')} ms",
            f"beside {found.bodies} bodies of 8 MiB that are masked       {found.beside_ms.text('.1f')} ms",
            f"beside a process that computes                {found.busy_ms.text('.1f')} ms",
            f"ratio, bodies that are masked: {found.beside.text()}",
            f"ratio, a process that computes: {found.busy.text()}",
        ]
    )


def plain(found: Found) -> dict[str, object]:
    names = ("alone_ms", "beside_ms", "busy_ms", "beside", "busy")
    return {"bodies": found.bodies, **{n: getattr(found, n).to_plain() for n in names}}
