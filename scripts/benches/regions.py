"""What it costs to know where a call may be processed, and that ten thousand pins add nothing to it."""

import datetime
import io
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from residency.cli import located
from residency.core.call import Head
from residency.core.document import read
from residency.core.faults import Faults
from residency.core.judge import head_from_url
from residency.core.region.atlas import Atlas, parse
from residency.core.region.locate import PENDING, locate
from residency.files import shipped_rules, sources
from scripts.benches.spread import Spread

PINS = 10_000
#: More hosts than are remembered, so that each is looked up anew.
STRANGERS = 6_000
_LAMBDA = "https://lambda.{}.amazonaws.com/2015-03-31/functions/score-customer/invocations"
_BEDROCK = "https://bedrock-runtime.{}.amazonaws.com/model/{}.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"
_VERTEX = "https://{0}-aiplatform.googleapis.com/v1/projects/p/locations/{0}/publishers/google/models/gemini-3:generateContent"
_CHAT = {
    "model": "gpt-5",
    "messages": [{"role": "user", "content": "What is a residency gateway?"}],
}
_CLAUDE = {"model": "claude-sonnet-4-6", "inference_geo": "us", "messages": _CHAT["messages"]}
_TEXT = {"messages": [{"role": "user", "content": [{"text": "What is a residency gateway?"}]}]}

#: Known, unknown and pinned hosts, with the body that the call would have.
CALLS: tuple[tuple[str, object], ...] = (
    *((_LAMBDA.format(r), {"customer": 4711}) for r in ("eu-central-1", "eu-west-1", "us-east-1")),
    *((_BEDROCK.format(r, p), _TEXT) for r, p in (("eu-west-2", "eu"), ("us-east-1", "global"))),
    ("https://bedrock-mantle.eu-west-1.api.aws/v1/chat/completions", _CHAT),
    ("https://reports.s3.eu-west-1.amazonaws.com/2026/11/22.csv", None),
    ("https://s3.eu-central-1.amazonaws.com/reports/2026/11/22.csv", None),
    ("https://sqs.eu-west-3.amazonaws.com/123456789012/orders", {"MessageBody": "x"}),
    ("https://api.openai.com/v1/chat/completions", _CHAT),
    ("https://eu.api.openai.com/v1/chat/completions", _CHAT),
    ("https://us.api.openai.com/v1/responses", {"model": "gpt-5", "input": "x"}),
    ("https://api.anthropic.com/v1/messages", _CLAUDE),
    (_VERTEX.format("europe-west3"), {"contents": [{"parts": [{"text": "x"}]}]}),
    ("https://api.mistral.ai/v1/chat/completions", _CHAT),
    ("https://my-resource.openai.azure.com/openai/deployments/chat/chat/completions", _CHAT),
    ("https://api.eu.mailgun.net/v3/example.com/messages", None),
    ("https://http-intake.logs.datadoghq.eu/api/v2/logs", [{"message": "x"}]),
    ("https://functions.private.example.com/score", {"customer": 4711}),
    ("https://crm.unknown.example/contacts?page=1", None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """``rounds`` in turns, ``times`` calls of each kind in one, and a batch of ``lines``."""

    rounds: int = 9
    times: int = 300
    lines: int = 20_000


QUICK = Plan(rounds=2, times=10, lines=500)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Microseconds a call, the median of all kinds; ratios of the rounds' own; lines a second of processor time."""

    head: Spread
    slowest: Spread
    body: Spread
    strangers: Spread
    pinned: Spread
    again: Spread
    batch: Spread
    entries: int
    pins: int


def regions(plan: Plan) -> Found:
    """Measure, in turns: with the shipped pins, with ``PINS`` more, and with the shipped ones again."""
    few, many = atlas_of(0), atlas_of(PINS)
    day = datetime.datetime.now(datetime.UTC).date()
    heads = [(head_from_url("POST", url), body) for url, body in CALLS]
    strangers = [
        head_from_url("GET", f"https://host-{n}.example.org/a/b") for n in range(STRANGERS)
    ]
    lines = batch(plan.lines)
    rounds: list[dict[str, float]] = []
    for n in range(plan.rounds):
        turn: dict[str, float] = {}
        sides = {"few": few, "many": many, "again": few}
        for name in sides if n % 2 == 0 else reversed(sides):
            costs = [_cost(sides[name], head, PENDING, day, plan.times) for head, _ in heads]
            turn |= {name: statistics.median(costs), f"{name}, slowest": max(costs)}
        bodies = [_cost(few, head, body, day, plan.times) for head, body in heads if body]
        turn["body"] = statistics.median(bodies)
        turn["strangers"] = _each(few, strangers, day)
        turn["batch"] = _rate(few, lines, plan.lines)
        rounds.append(turn)
    return Found(
        head=Spread.of(t["few"] for t in rounds),
        slowest=Spread.of(t["few, slowest"] for t in rounds),
        body=Spread.of(t["body"] for t in rounds),
        strangers=Spread.of(t["strangers"] for t in rounds),
        pinned=Spread.of(t["many"] / t["few"] for t in rounds),
        again=Spread.of(t["again"] / t["few"] for t in rounds),
        batch=Spread.of(t["batch"] for t in rounds),
        entries=len(few.entries),
        pins=sum(1 for _ in many.pins),
    )


def atlas_of(more: int) -> Atlas:
    """The shipped atlas with *more* pins: most of one host, some of all below a name.

    Raises:
        ConfigurationError: The shipped files cannot be used.
    """
    faults, texts = Faults(), sources(shipped_rules())
    texts["destinations.yaml"] += "".join(
        f'  - {{host: "{"*." if n % 10 == 0 else ""}tenant-{n}.pinned.example", places: [DE], owner: o, why: w}}\n'
        for n in range(more)
    )
    documents = {name: read(text, name, faults) for name, text in texts.items()}
    places, catalogue = (
        [d for n, d in sorted(documents.items()) if n.startswith(f"{folder}/")]
        for folder in ("places", "catalogue")
    )
    found = parse(places, catalogue, documents["destinations.yaml"], faults)
    faults.check()
    if found is None:
        raise TypeError("no atlas and no fault")
    return found


def batch(count: int) -> bytes:
    """*count* lines of ``CALLS``, each with a path of its own and the headers of an SDK."""
    headers = {"content-type": "application/json", "user-agent": "bench", "authorization": "x"}
    calls = [CALLS[n % len(CALLS)] for n in range(count)]
    lines = [
        {"url": f"{url}?n={n}", "method": "POST", "headers": headers, "body": body}
        for n, (url, body) in enumerate(calls)
    ]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def _cost(atlas: Atlas, head: Head, body: object, day: datetime.date, times: int) -> float:
    begun = time.process_time_ns()
    for _ in range(times):
        locate(atlas, head, body, today=day)
    return (time.process_time_ns() - begun) / times / 1000


def _each(atlas: Atlas, heads: Sequence[Head], day: datetime.date) -> float:
    begun = time.process_time_ns()
    for head in heads:
        locate(atlas, head, PENDING, today=day)
    return (time.process_time_ns() - begun) / len(heads) / 1000


def _rate(atlas: Atlas, lines: bytes, count: int) -> float:
    begun = time.process_time()
    located.answer_all(atlas, io.BytesIO(lines), io.BytesIO())
    return count / (time.process_time() - begun)
