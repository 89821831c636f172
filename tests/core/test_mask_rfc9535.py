"""The compliance suite of RFC 9535: what is accepted selects exactly the named nodes, what is invalid is refused."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from residency.core.mask.path import compile  # noqa: A004 - read as path.compile
from residency.core.mask.plan import Hit, Plan

SUITE = Path(__file__).parents[1] / "data" / "jsonpath-compliance" / "cts.json"
CASES: list[dict[str, Any]] = json.loads(SUITE.read_text(encoding="utf-8"))["tests"]
INVALID = [case for case in CASES if case.get("invalid_selector")]
VALID = [case for case in CASES if not case.get("invalid_selector")]
MARK = "\N{BLACK SQUARE}"
#: Valid selectors that are refused, and why.
REFUSED = {
    "functions, match, regex from the document": "a body must not choose the pattern",
    "functions, search, regex from the document": "the same",
    "functions, match, arg is a function expression": "the same",
    "functions, search, arg is a function expression": "the same",
    "functions, match, non-string second arg": "no pattern at all: it can only be a slip",
    "functions, search, non-string second arg": "the same",
    "functions, match, explicit caret": "^ is a plain character by RFC 9485's grammar, an anchor by its mappings",
    "functions, match, explicit dollar": "$ likewise",
    "slice selector, zero step": "selects nothing: it can only be a slip",
}


def names(case: dict[str, Any]) -> str:
    return str(case["name"])


def accepted(selector: str) -> bool:
    try:
        compile(selector)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("case", INVALID, ids=names)
def test_no_invalid_selector_is_accepted(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"; "):
        compile(case["selector"])


@pytest.mark.parametrize("case", [c for c in VALID if accepted(c["selector"])], ids=names)
def test_what_is_accepted_selects_exactly_the_named_nodes(case: dict[str, Any]) -> None:
    document = case["document"]
    data = json.dumps(document, ensure_ascii=False).encode()

    hits = Plan([compile(case["selector"])]).select(data)

    orders = case.get("results_paths") or [case["result_paths"]]
    assert len(hits) == len(set(orders[0]))
    assert json.loads(spliced(data, hits)) == replaced(document, {steps(p) for p in orders[0]})


def test_nearly_every_valid_selector_is_accepted() -> None:
    refused = {c["name"] for c in VALID if not accepted(c["selector"])}
    share = 1 - len(refused) / len(VALID)
    print(  # noqa: T201 - the share is what the suite is asked for
        f"{share:.1%} of {len(VALID)} valid selectors accepted, {len(INVALID)} invalid ones refused"
    )

    assert refused == set(REFUSED)
    assert share >= 0.95


def steps(normal: str) -> tuple[str | int, ...]:
    """The parts of a normalized path, RFC 9535, section 2.7."""
    found = re.findall(r"\[(?:(\d+)|'((?:[^'\\]|\\.)*)')\]", normal, re.DOTALL)
    escapes = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}

    def plain(m: re.Match[str]) -> str:
        return chr(int(m[1][1:], 16)) if len(m[1]) > 1 else escapes.get(m[1], m[1])

    return tuple(
        int(i) if i else re.sub(r"\\(u....|.)", plain, n, flags=re.DOTALL) for i, n in found
    )


def replaced(document: object, nodes: set[tuple[str | int, ...]]) -> object:
    holder: Any = [copy.deepcopy(document)]
    for node in nodes:
        if any(node[:k] in nodes for k in range(len(node))):
            continue
        target = holder
        for key in (0, *node)[:-1]:
            target = target[key]
        target[(0, *node)[-1]] = MARK
    return holder[0]


def spliced(data: bytes, hits: list[Hit]) -> bytes:
    parts, at = [], 0
    for hit in hits:
        if hit.start >= at:
            parts += [data[at : hit.start], json.dumps(MARK).encode()]
            at = hit.end
    return b"".join([*parts, data[at:]])
