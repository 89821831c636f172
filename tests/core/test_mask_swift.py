"""The quick way to mask answers what the exact walk answers, or nothing."""

import json
from collections import Counter
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from residency.core.mask import swift
from residency.core.mask.path import compile  # noqa: A004 - read as path.compile
from residency.core.mask.plan import Plan
from residency.core.mask.swift import By
from residency.errors import Unread
from tests.growth import factor

type Answer = tuple[bytes, Counter[tuple[int, ...]]]
MASKED = b'"***"'


@pytest.fixture(autouse=True)
def small_bodies_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(swift, "SMALLEST", 0)


def exactly(plan: Plan, data: bytes, by: By = MASKED) -> Answer | None:
    """By the exact walk; ``None`` where the body is unread."""
    try:
        hits = plan.select(data)
    except Unread:
        return None
    parts: list[bytes] = []
    at = 0
    for hit in hits:
        assert hit.start >= at
        parts += (
            data[at : hit.start],
            by if isinstance(by, bytes) else by(data[hit.start : hit.end]),
        )
        at = hit.end
    return b"".join([*parts, data[at:]]), Counter(hit.paths for hit in hits)


def spelled(value: bytes) -> bytes:
    return json.dumps(value.decode()).encode()


def plan(*paths: str) -> Plan:
    return Plan([compile(path) for path in paths])


def quickly(to: Plan, data: bytes, by: By = MASKED) -> Answer | None:
    return to.replaced(data, lambda _: by)


RECORD = {"id": 1, "name": "Ada", "email": "a@b", "address": {"city": "B", "zip": None}, "tags": ["x"], "orders": [{"sku": "s", "n": 1.5}]}  # fmt: skip
BODY = {
    "meta": {"owner": {"email": "o@b"}},
    "records": [RECORD, RECORD | {"id": 2, "email": "c@d"}],
}
TEXT = json.dumps(BODY, ensure_ascii=False).encode()
PATHS = (
    "$..email",
    "$.records[*].name",
    "$.records[*].address.zip",
    "$..ssn",
    "$.meta.owner['email','x']",
)


def test_records_go_the_quick_way() -> None:
    to = plan(*PATHS)

    answer = quickly(to, TEXT)

    assert answer == exactly(to, TEXT)
    assert answer
    assert answer[0].count(MASKED) == 7
    assert to.swift.courses[0].ordered


def test_a_function_gets_each_value_as_it_is_spelled() -> None:
    to = plan("$..email", "$..n")

    assert quickly(to, TEXT, spelled) == exactly(to, TEXT, spelled)
    assert quickly(to, TEXT, spelled)


def test_keys_in_any_order_and_members_that_lack_go_it_too() -> None:
    records = [
        {"a": 1, "e": "x"},
        {"e": "y", "a": 2},
        {"a": 3},
        {"l": [{"e": 1}, {"e": 2}], "e": "z"},
        {"e": None},
    ]
    data = json.dumps(records, indent=1).encode()
    to = plan("$..e")

    assert quickly(to, data) == exactly(to, data)
    assert quickly(to, data)
    assert not to.swift.courses[0].ordered


@pytest.mark.parametrize("by", [MASKED, spelled], ids=["constant", "function"])
@pytest.mark.parametrize(
    ("paths", "runs"),
    [(("$..e",), 1), (("$..e", "$..n"), 1), (("$..e", "$..z"), 2), (("$.r[*].y", "$..z", "$.m.y"), 2)],
)  # fmt: skip
def test_what_stands_between_selected_keys_may_be_as_short_as_it_gets(
    paths: tuple[str, ...], runs: int, by: By
) -> None:
    """Each run of keys skips what must come before the next, and no byte more."""
    short = {"e": 1, "y": 2, "n": 3, "l": [], "z": 4, "o": {}}
    long: dict[str, object] = {
        "e": "x" * 50,
        "y": "\\\\",
        "n": '"e":',
        "l": [1, "z", [2]],
        "z": None,
        "o": {},
    }
    to = plan(*paths)

    for records in ([long, short, short], [short], [long, long], [short, long, short]):
        for spelling in ((",", ":"), (", ", ": ")):
            body = {"m": {"y": 0, "e": 0}, "r": records}
            data = json.dumps(body, separators=spelling).encode()
            assert quickly(to, data, by) == exactly(to, data, by)

    assert quickly(to, data, by)
    assert len(to.swift.courses[0].cycle) == runs


@pytest.mark.parametrize(
    "paths",
    [("$.records[0].name",), ("$.records[:1].name",), ("$.records[?@.id].name",), ("$..address",), ("$..tags[*]",),
     ("$..name~",), ("$",), ("$.records",)],
)  # fmt: skip
def test_a_plan_that_needs_more_than_keys_has_no_quick_way(paths: tuple[str, ...]) -> None:
    assert quickly(plan(*paths), TEXT) is None


@pytest.mark.parametrize("by", [MASKED, spelled], ids=["constant", "function"])
def test_equal_keys_of_which_some_are_selected_are_told_apart_by_order_or_not_at_all(
    by: By,
) -> None:
    steady = [{"e": 1, "b": {"e": 2}, "c": "x"}, {"e": 3, "b": {"e": 4}, "c": "y"}]
    unsteady = [{"e": 1, "b": {"e": 2}}, {"b": {"e": 4}, "e": 3}]
    to = plan("$[*].e")
    meta = plan("$.records[*].id", "$.meta.owner.email")

    assert quickly(meta, TEXT, by) == exactly(meta, TEXT, by)
    assert quickly(meta, TEXT, by)
    assert quickly(to, json.dumps(steady).encode(), by) == exactly(
        to, json.dumps(steady).encode(), by
    )
    assert quickly(to, json.dumps(steady).encode(), by)
    assert quickly(to, json.dumps(unsteady).encode(), by) is None


@pytest.mark.parametrize(
    "hostile",
    [
        TEXT.replace(b'"id": 2', b'"id": 2, "id": 3'),
        TEXT.replace(b'"id": 2', b'"id": 2, "\\u0069d": 3'),
        TEXT.replace(b'"email": "c@d"', b'"\\u0065mail": "c@d"'),
        TEXT.replace(b'"email": "c@d"', b'"x\\"email": "c@d"'),
        TEXT.replace(b'"email": "c@d"', b'"email": "c\x01d"'),
        TEXT.replace(b'"email": "c@d"', b'"email": "c\xffd"'),
        TEXT.replace(b'"email": "c@d"', b'"email": "c\\ud800d"'),
        TEXT.replace(b'"city": "B"', b'"city": "\xed\xa0\x80"'),
        TEXT.replace(b'"city": "B"', b'"city": "\xc0\xaf"'),
        TEXT.replace(b'"city": "B"', b'"city": "\\ud83d\\ude00 \xf0\x9f\x98\x80"'),
        TEXT.replace(b'"email": "c@d"', b'"email": "c\\xd"'),
        TEXT.replace(b'"email": "c@d"', b'"email": 01'),
        TEXT.replace(b'"email": "c@d"', b'"email": NaN'),
        TEXT.replace(b'"email": "c@d"', b'"email": {"a": 1}'),
        TEXT.replace(b'"email": "c@d"', b'"email": "c" "d"'),
        TEXT.replace(b'"email": "c@d"', b'"email": "***", "email": "c@d"'),
        TEXT.replace(b'"name": "Ada"', b'"name": "\\"email\\": 1"'),
        TEXT.replace(b'"name": "Ada"', b'"name": "\\"email", "email": 1'),
        TEXT.replace(b'"city": "B"', b'"city": "\\\\\\"email\\":"'),
        b"\xef\xbb\xbf" + TEXT,
        TEXT + b"{}",
        TEXT[:-1],
        TEXT + b" \n",
        TEXT.replace(b'"email":', b'"email" :'),
    ],
    ids=range(24),
)
def test_a_body_that_is_nearly_of_the_shape_is_answered_exactly_or_not_at_all(
    hostile: bytes,
) -> None:
    to = plan(*PATHS)
    assert quickly(to, TEXT)

    for by in (MASKED, spelled):
        answer = quickly(to, hostile, by)
        assert answer is None or answer == exactly(to, hostile, by)


STRINGS = st.sampled_from(
    [
        "",
        "a",
        '"',
        "\\",
        '"e":',
        '\\"e":',
        "***",
        '","e":"x',
        "é",
        "\ud83d\ude00",
        "{",
        "]",
        "\n",
        "\u2028",
    ]
)
SCALARS = st.one_of(
    STRINGS,
    st.integers(),
    st.none(),
    st.booleans(),
    st.floats(allow_nan=False, allow_infinity=False),
)
KEYS = st.sampled_from(["a", "e", "n", "é", 'e"', "e\\", "e:", "{", "", ",", ":"])
VALUES = st.recursive(
    SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=3), max_leaves=8
)
RECORDS = st.lists(
    st.fixed_dictionaries({"e": SCALARS, "n": SCALARS}, optional={"a": VALUES, "é": SCALARS, "b": st.fixed_dictionaries({"e": SCALARS})}),
    min_size=1, max_size=4,
)  # fmt: skip
APART = st.lists(
    st.fixed_dictionaries({"e": SCALARS, "x": SCALARS, "n": SCALARS, "l": st.lists(SCALARS, max_size=2), "é": SCALARS,
                           "o": st.lists(st.fixed_dictionaries({"x": SCALARS}), max_size=2), ",": SCALARS}),
    min_size=1, max_size=4,
)  # fmt: skip
DOCUMENTS = (
    RECORDS
    | APART
    | st.fixed_dictionaries({"e": SCALARS, "n": SCALARS, "l": st.lists(SCALARS), "r": APART})
    | st.fixed_dictionaries({"e": SCALARS, "r": RECORDS})
    | VALUES
)
SPELLINGS = st.sampled_from(
    [
        {},
        {"ensure_ascii": False},
        {"indent": 1},
        {"separators": (",", ":")},
        {"separators": (" , ", " : ")},
    ]
)
CHANGES = st.lists(
    st.tuples(st.integers(0, 10**6), st.integers(0, 3), st.sampled_from([b"", b'"', b"\\", b"e", b'"e":1,', b",", b":", b"{", b"}", b"]", b"\\u0065", b" ", b"1", b"\xc3", b"\0"])),
    max_size=3,
)  # fmt: skip
PLANS = st.lists(
    st.sampled_from(["$..e", "$..n", "$[*].e", "$.*.n", "$..*", "$..a", "$.r[*].e", "$..['é']", "$.r[*].a.n", "$.r[*].e", "$..[',']"]),
    min_size=1, max_size=3, unique=True,
)  # fmt: skip


@given(PLANS, st.lists(DOCUMENTS, min_size=1, max_size=3), SPELLINGS, CHANGES, st.booleans())
@example(["$..e"], [[{"e": "x", "n": 1}]], {}, [], False)
def test_quick_is_exact(
    paths: list[str], documents: list[object], how: dict[str, object], changes: list[tuple[int, int, bytes]], function: bool  # noqa: FBT001 - drawn
) -> None:  # fmt: skip
    """Also of bodies that are broken, or have changed since their shape was learnt."""
    to = plan(*paths)
    by: By = spelled if function else MASKED
    for document in documents:
        data = json.dumps(document, **how).encode("utf-8", "surrogatepass")  # type: ignore[arg-type]
        for body in (data, changed(data, changes)):
            answer = quickly(to, body, by)
            assert answer is None or answer == exactly(to, body, by)


def changed(data: bytes, changes: list[tuple[int, int, bytes]]) -> bytes:
    for place, length, new in changes:
        at = place % (len(data) + 1)
        data = data[:at] + new + data[at + length :]
    return data


# Holes that were found


@pytest.mark.parametrize("key", [",", ":", ",1,", "]", "},{", " "])
def test_the_quotes_of_two_strings_are_no_key(key: str) -> None:
    """In ``["x",":1"]`` stands ``",":1``, which reads as a member called ``,``."""
    to = plan(f"$..['{key}']")
    data = json.dumps([{key: 1, "t": ["x", ":1"]}] * 3, separators=(",", ":")).encode()

    for by in (b"null", lambda _: b"null"):
        answer = quickly(to, data, by)
        assert answer is None or answer == exactly(to, data, by)


@pytest.mark.parametrize(
    "text",
    [
        b"[" + b",".join([b"[" * 20 + b"1" + b"]" * 20] * 500) + b"]",
        b"[" + b",".join([b"[" * 10 + b"1" + b"]" * 10] * 20_000) + b"]",
        b"[" * 200 + json.dumps(dict.fromkeys(map(str, range(50_000)))).encode() + b"]" * 200,
    ],
    ids=[
        "nested arrays double the pattern",
        "and need no second look",
        "many keys in many arrays",
    ],
)
def test_a_hostile_shape_takes_no_longer_than_the_exact_walk(text: bytes) -> None:
    to = plan("$..email")

    def exact() -> None:
        with suppress(Unread):
            to.select(text)

    assert quickly(to, text) is None
    assert factor(exact, lambda: quickly(to, text), below=100) < 100


def test_a_shape_that_was_learnt_does_not_lift_the_bound_of_depth() -> None:
    to, data = plan("$..email"), b'{"a":[[{"email":"x"}]]}'
    assert to.replaced(data, lambda _: MASKED)

    assert to.replaced(data, lambda _: MASKED, depth=3) is None
