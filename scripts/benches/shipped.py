"""What a shipped mask set costs on the bodies that it is made for: calls to models, and records."""

import json
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from residency.core import document
from residency.core.faults import Faults
from residency.core.mask import engine
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets, parse
from scripts.benches.spread import Spread

NAME = "personal-data"
_RULES = Path(__file__).parents[2] / "rules" / "masks.yaml"
#: What people say to models; one in five says something that is found.
_SAID = (
    "Could you look up the last invoice and tell me whether it has been paid yet? I need it before Friday, because "
    "the auditors come on Monday and want to see every open item of the last quarter.",
    "The order was shipped on the 3rd of November with parcel number 00340434161094042557. It weighs 12.4 kg.",
    "Here is what I found:\n\n- three open items, the oldest of them 42 days old\n- one credit note over 118.20 EUR\n"
    "- no reminder was sent so far\n\nShall I draft one? I would keep it short and friendly.",
    "Yes, please. Write it in German and keep the tone formal; «Sehr geehrte Damen und Herren» will do.",
    "My mail address is ada.lovelace@example.com and my number +49 30 901820, in case they ask.",
)  # fmt: skip
_TOOL = {
    "type": "object",
    "properties": {"customer": {"type": "string", "description": "Whose invoices"}, "email": {"type": "string"},
                   "status": {"type": "string", "enum": ["open", "paid", "all"]}, "limit": {"type": "integer"}},
    "required": ["customer"],
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Cost:
    """``micros`` of masking one body of so many bytes, and how many times an orjson round trip in turns that is."""

    size: int
    micros: Spread
    ratio: Spread


def costs(rounds: int) -> dict[str, Cost]:
    """By body."""
    return {name: _cost(body, rounds) for name, body in bodies().items()}


def bodies() -> dict[str, bytes]:
    """The same every time."""
    made = {
        "OpenAI chat, 20 messages": _chat(),
        "Anthropic messages, 20": _messages(),
        "1 MB of records": {"records": _records(4_000)},
    }
    return {name: orjson.dumps(body) for name, body in made.items()}


def text(found: dict[str, Cost]) -> str:
    lines = [f"the shipped set {NAME}, in turns with an orjson round trip of the same body", ""]
    for name, cost in found.items():
        s = cost.micros
        lines.append(
            f"  {name:<26}{cost.size:>10,} bytes{s.median:>10.0f} µs ({s.min:.0f} to {s.max:.0f})"
            f"{cost.ratio.median:>8.1f} times orjson"
        )
    return "\n".join(lines)


def plain(found: dict[str, Cost]) -> dict[str, Any]:
    return {
        name: {"bytes": c.size, "us": c.micros.to_plain(), "ratio": c.ratio.to_plain()}
        for name, c in found.items()
    }


def _cost(body: bytes, rounds: int) -> Cost:
    job = _sets().job([NAME])

    def mask() -> object:
        return engine.mask_json(body, job, Session(key=b"k" * 32, nonce=b"n" * 16))

    def trip() -> object:
        return orjson.dumps(orjson.loads(body))

    mask()
    # A small body's round trip is too short for the clock by itself.
    many = max(1, 200_000 // len(body))
    rows = [(_micros(mask, many), _micros(trip, many)) for _ in range(rounds)]
    return Cost(len(body), Spread.of(m for m, _ in rows), Spread.of(m / t for m, t in rows))


def _micros(call: Callable[[], object], many: int) -> float:
    begun = time.perf_counter()
    for _ in range(many):
        call()
    return (time.perf_counter() - begun) / many * 1e6


def _sets() -> MaskSets:
    faults = Faults()
    read = document.read(_RULES.read_text(encoding="utf-8"), str(_RULES), faults)
    sets = None if faults.found else parse(read, faults)
    if sets is None:
        raise RuntimeError(f"{_RULES} has faults")
    return sets


def _arguments(n: int) -> dict[str, object]:
    return {"customer": f"cus_{n:06}", "email": f"user{n}@example.com", "status": "open"}


def _chat() -> dict[str, object]:
    messages: list[dict[str, object]] = [
        {"role": "system", "content": "You help with invoices. " * 40}
    ]
    for n in range(5):
        call = {"name": "find_invoices", "arguments": json.dumps(_arguments(n))}
        calls = [{"id": f"call_{n}", "type": "function", "function": call}]
        messages += [
            {"role": "user", "content": _SAID[n]},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": f"call_{n}", "content": json.dumps(_records(9))},
            {"role": "assistant", "content": _SAID[(n + 2) % 5] * 2},
        ]
    function = {"name": "find_invoices", "description": "Invoices of one", "parameters": _TOOL}
    return {"model": "gpt-5", "messages": messages[:20], "temperature": 0.2,
            "tools": [{"type": "function", "function": function}]}  # fmt: skip


def _messages() -> dict[str, object]:
    messages: list[dict[str, object]] = []
    for n in range(5):
        use = {"type": "tool_use", "id": f"t{n}", "name": "find_invoices", "input": _arguments(n)}
        told = [{"type": "text", "text": json.dumps(_records(9))}]
        result = {"type": "tool_result", "tool_use_id": f"t{n}", "content": told}
        messages += [
            {"role": "user", "content": [{"type": "text", "text": _SAID[n]}]},
            {"role": "assistant", "content": [{"type": "text", "text": "I look it up."}, use]},
            {"role": "user", "content": [result]},
            {"role": "assistant", "content": [{"type": "text", "text": _SAID[(n + 2) % 5] * 2}]},
        ]
    tool = {"name": "find_invoices", "description": "Invoices of one", "input_schema": _TOOL}
    return {"model": "claude", "max_tokens": 1024, "system": "You help with invoices. " * 40,
            "messages": messages, "tools": [tool]}  # fmt: skip


def _records(many: int) -> list[dict[str, object]]:
    chance = random.Random(7)  # noqa: S311 - no secret
    return [
        {"id": f"inv_{n:08}", "first_name": "José", "last_name": "García", "email": f"user{n}@example.com",
         "amount": chance.randrange(10**5) / 100, "currency": "EUR", "status": "open",
         "lines": [{"sku": f"SKU-{chance.randrange(10**6)}", "qty": chance.randrange(9)}], "due": "2026-02-01",
         "city": "Łódź", "paid": None, "note": "nothing to add"}
        for n in range(many)
    ]  # fmt: skip
