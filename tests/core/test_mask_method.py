"""How a value is replaced, and what is never left of it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask.method import Method, parse


@pytest.mark.parametrize(
    ("spec", "lexeme", "replacement"),
    [
        ("constant", '"secret"', '"***"'),
        ("constant", "12", '"***"'),
        ("constant", '{"a": [1]}', '"***"'),
        ("constant:gone", '"secret"', '"gone"'),
        ("constant:a:b", "1", '"a:b"'),
        ('constant:"é', "1", '"\\"\\u00e9"'),
        ("null", '"secret"', "null"),
        ("null", "[1]", "null"),
        ("partial:4", '"4111111111111234"', '"************1234"'),
        ("partial:0", '"abc"', '"***"'),
        ("partial:0", '"abcdef"', '"******"'),
        ("partial:2", '"\\u00e9\\n\\"x"', '"**\\"x"'),
        ("partial:1", '"a\\ud83d\\ude00"', '"*\\ud83d\\ude00"'),
    ],
)
def test_what_each_method_writes(spec: str, lexeme: str, replacement: str) -> None:
    assert parse(spec).replace(lexeme) == replacement


@pytest.mark.parametrize("value", ["", "a", "ab", "abc", "abcd"])
def test_partial_reveals_nothing_of_a_short_value(value: str) -> None:
    assert parse("partial:4").replace(json.dumps(value)) == '"***"'


@pytest.mark.parametrize("lexeme", ["1234567", "true", "null", '["1234567"]', '{"a":"1234567"}'])
def test_partial_reveals_nothing_of_what_is_no_string(lexeme: str) -> None:
    assert parse("partial:4").replace(lexeme) == '"***"'


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="*")), st.integers(0, 9)
)
def test_partial_reveals_at_most_n_characters(value: str, keep: int) -> None:
    masked = json.loads(parse(f"partial:{keep}").replace(json.dumps(value)))

    assert len(masked.replace("*", "")) <= keep
    assert not masked.replace("*", "") or value.endswith(masked.lstrip("*"))


@pytest.mark.parametrize(
    "spec", ["constant", "constant:x", "null", "partial:0", "partial:1", "partial:9"]
)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_masking_twice_is_masking_once(spec: str, value: str) -> None:
    once = parse(spec).replace(json.dumps(value))

    assert parse(spec).replace(once) == once


@pytest.mark.parametrize(
    "spec",
    ["", "hash", "Constant", "constant:", "constant:\n", "constant:\ud800", "null:", "null:1", "partial",
     "partial:", "partial:-1", "partial:x", "partial:01", "partial:1000", "partial:\u0661", "partial:1 ", " null"],
)  # fmt: skip
def test_other_spellings_are_refused_with_what_works(spec: str) -> None:
    with pytest.raises(ValueError, match="write constant, constant:TEXT, null or partial:N"):
        parse(spec)


def test_the_default_hides_everything() -> None:
    assert Method() == parse("constant")


def test_stricter_methods_rank_first() -> None:
    specs = [
        "null",
        "constant:!",
        "constant",
        "constant:a",
        "partial:0",
        "partial:2",
        "partial:10",
    ]

    ranks = [parse(spec).rank for spec in specs]

    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(specs)
