"""What masking a megabyte of JSON costs, in turns with a plain round trip through orjson and with jsonpath-ng."""

import json
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from jsonpath_ng.parser import JsonPathParser

from residency.core.mask import engine
from residency.core.mask.fields import MaskField, MaskSet
from residency.core.mask.method import Method
from residency.core.mask.path import compile  # noqa: A004 - read as path.compile
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets
from scripts.benches.spread import Spread

RECORDS = 2_000
#: What hits: two descendants and two rooted paths in every record, and an owner's address.
DESCENDANTS = [
    "$..email", "$..phone", "$..ssn", "$..iban", "$..date_of_birth", "$..passport", "$..password", "$..diagnosis",
    "$..tax_id", "$..maiden_name",
]  # fmt: skip
ROOTED = [
    "$.records[*].name", "$.records[*].address.street",
    *(f"$.records[*].{name}" for name in (
        "first_name", "last_name", "full_name", "nickname", "title", "birthday", "gender", "nationality", "religion",
        "mobile", "fax", "homepage", "employer", "salary", "mother", "father", "spouse", "doctor", "insurance",
    )),
    *(f"$.records[*].address.{name}" for name in ("line1", "line2", "house", "floor", "door", "geo", "region")),
    *(f"$.records[*].card.{name}" for name in ("cvc", "holder", "track1", "track2", "pin")),
    *(f"$.records[*].orders[*].{name}" for name in ("recipient", "gift_note", "coupon", "ip")),
    *(f"$.meta.{name}" for name in ("operator", "reviewer", "owner.name")),
]  # fmt: skip
#: Four more of each record's fields, to see what a hit costs.
MORE = [
    "$.records[*].card.number",
    "$.records[*].address.zip",
    "$.records[*].note",
    "$.records[*].id",
]


@dataclass(frozen=True, slots=True)
class Effort:
    """``rounds`` in turns; jsonpath-ng, which takes seconds, in ``slow`` of them."""

    rounds: int = 41
    slow: int = 3


QUICK = Effort(rounds=3, slow=1)


@dataclass(frozen=True, slots=True)
class Measured:
    """``times`` in milliseconds; ``ratios`` to the round trip of the same round, jsonpath-ng's to the masking's."""

    size: int
    hits: int
    times: dict[str, Spread]
    ratios: dict[str, Spread]


def masking(effort: Effort) -> Measured:
    data = document()
    work: dict[str, Callable[[], object]] = {
        "orjson: loads, dumps": lambda: orjson.dumps(orjson.loads(data)),
        "mask 50 paths": _mask(data, DESCENDANTS + ROOTED),
        "mask 40 rooted paths": _mask(data, ROOTED),
        "mask 1 path": _mask(data, DESCENDANTS[:1]),
        "mask 10 paths": _mask(data, DESCENDANTS[:8] + ROOTED[:2]),
        "mask 50 paths, twice the hits": _mask(data, DESCENDANTS + ROOTED[:-4] + MORE),
        "count 50 paths": _inspect(data, DESCENDANTS + ROOTED),
    }
    exact = _exact(data, DESCENDANTS + ROOTED)
    first = _first(data, DESCENDANTS + ROOTED)
    other = _jsonpath_ng(data, DESCENDANTS + ROOTED)
    rows: list[dict[str, float]] = []
    for n in range(effort.rounds):
        row = {name: _timed(call) for name, call in work.items()}
        if n < effort.slow:
            row |= {
                "the first body of its shape": _timed(first),
                "exact walk": _timed(exact),
                "jsonpath-ng": _timed(other),
            }
        rows.append(row)
    return _measured(data, rows)


def _measured(data: bytes, rows: Sequence[dict[str, float]]) -> Measured:
    base, mask = "orjson: loads, dumps", "mask 50 paths"
    times = {name: Spread.of(row[name] for row in rows if name in row) for name in rows[0]}
    ratios = {
        name: Spread.of(row[name] / row[base] for row in rows if name in row)
        for name in rows[0]
        if name not in (base, "jsonpath-ng")
    }
    ratios["jsonpath-ng"] = Spread.of(
        row["jsonpath-ng"] / row[mask] for row in rows if "jsonpath-ng" in row
    )
    job = _sets(DESCENDANTS + ROOTED).job(["bench"])
    found = engine.inspect_json(data, job)["bench"]
    return Measured(len(data), sum(found.values()), times, ratios)


def text(found: Measured) -> str:
    lines = [
        f"{found.size:,} bytes of JSON, {RECORDS:,} records, {found.hits:,} values masked, in turns",
        "",
        f"{'milliseconds':<34}{'median':>9}{'least':>9}{'most':>9}    to orjson's round trip",
    ]
    for name, s in found.times.items():
        ratio = found.ratios.get(name)
        told = (
            ""
            if not ratio
            else f"    {ratio.text()}"
            if name != "jsonpath-ng"
            else f"    {ratio.median:.0f} times ours"
        )
        lines.append(f"  {name:<32}{s.median:>9.2f}{s.min:>9.2f}{s.max:>9.2f}{told}")
    return "\n".join(lines)


def plain(found: Measured) -> dict[str, Any]:
    return {
        "bench": "mask",
        "bytes": found.size,
        "hits": found.hits,
        "ms": {name: s.to_plain() for name, s in found.times.items()},
        "ratio": {name: s.to_plain() for name, s in found.ratios.items()},
    }


def document() -> bytes:
    """Customers as a CRM exports them; the same every time."""
    chance = random.Random(5)  # noqa: S311 - no secret
    records = [_record(chance, n) for n in range(RECORDS)]
    owner = {"email": "owner@example.com"}
    meta = {"source": "crm", "exported": "2026-01-01T00:00:00Z", "owner": owner, "next": None}
    return json.dumps(
        {"meta": meta, "records": records}, ensure_ascii=False, separators=(",", ":")
    ).encode()


def _record(chance: random.Random, n: int) -> dict[str, object]:
    first, last = ["Ada", "Björn", "Chloé", "Ewa", "José"], ["Müller", "Smith", "Nowak", "García"]
    name = f"{chance.choice(first)} {chance.choice(last)}"
    street, zip_code = f"Hauptstraße {chance.randrange(200)}", f"{chance.randrange(10**5):05}"
    orders = [
        {
            "sku": f"SKU-{chance.randrange(10**6)}",
            "qty": chance.randrange(9),
            "price": chance.randrange(10**4) / 100,
        }
        for _ in range(chance.randrange(1, 4))
    ]
    return {
        "id": f"cus_{n:08}", "created": 1_700_000_000 + n * 37, "active": chance.random() < 0.9, "name": name,
        "email": f"user{n}@example.com", "phone": f"+49 30 {chance.randrange(10**7):07}",
        "address": {"street": street, "city": chance.choice(["Berlin", "Köln", "Łódź"]), "zip": zip_code, "country": "DE"},
        "orders": orders, "card": {"number": f"{chance.randrange(10**16):016}", "exp": "12/29"}, "tags": ["retail", "eu"],
        "note": chance.choice(['said "hi"\nand left', "nothing to add", "«ok»", ""]), "score": chance.random(),
        "consent": {"terms": True, "news": False, "at": "2025-11-02T10:00:00Z"}, "parent": None,
    }  # fmt: skip


def _sets(paths: Sequence[str]) -> MaskSets:
    fields = tuple(MaskField(compile(path), Method()) for path in paths)
    return MaskSets((MaskSet(name="bench", why="to measure", fields=fields),))


def _mask(data: bytes, paths: Sequence[str], *, warm: bool = True) -> Callable[[], object]:
    job, session = _sets(paths).job(["bench"]), Session()
    if warm:
        engine.mask_json(data, job, session)
    return lambda: engine.mask_json(data, job, session)


def _first(data: bytes, paths: Sequence[str]) -> Callable[[], object]:
    return lambda: _mask(data, paths, warm=False)()  # noqa: PLW0108 - what it takes to begin belongs to it


def _inspect(data: bytes, paths: Sequence[str]) -> Callable[[], object]:
    job = _sets(paths).job(["bench"])
    return lambda: engine.inspect_json(data, job)


def _exact(data: bytes, paths: Sequence[str]) -> Callable[[], object]:
    """With one more path, which knows no quick way."""
    return _mask(data, [*paths, "$.nothing[0]", "$.records[0].nothing"], warm=False)


def _jsonpath_ng(data: bytes, paths: Sequence[str]) -> Callable[[], object]:
    parsed = [JsonPathParser().parse(path) for path in paths]

    def update() -> str:
        value = json.loads(data)
        for path in parsed:
            value = path.update(value, "***")
        return json.dumps(value)

    return update


def _timed(call: Callable[[], object]) -> float:
    """Milliseconds of one call."""
    begun = time.perf_counter()
    call()
    return (time.perf_counter() - begun) * 1000
