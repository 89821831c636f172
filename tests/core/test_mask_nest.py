"""How deep in strings of JSON a place in a text is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask.nest import DEEPEST, Nest


def depth(text: str) -> int:
    nest = Nest()
    nest.feed(text)
    return nest.depth


def nested(levels: int) -> str:
    """A text up to a place that many strings deep."""
    text = "HERE"
    for _ in range(levels):
        text = json.dumps({"a": text})
    return text.partition("HERE")[0]


@pytest.mark.parametrize("levels", range(6))
def test_each_string_in_a_string_counts(levels: int) -> None:
    assert depth(nested(levels)) == levels


def test_levels_beyond_the_deepest_are_prose() -> None:
    assert depth(nested(DEEPEST + 2)) == DEEPEST


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("", 0),
        ('he said "', 0),
        ('  {"a', 1),
        ('{"a"', 0),
        ('["\\"', 1),
        ('["\\\\"', 0),
        ('["\\u005b\\u0022', 2),
        ('["\\uZZZZ[', 1),
        ('["\\n[\\"', 2),
        ('{"a":1} "', 1),
    ],
)
def test_what_counts_as_a_string(text: str, levels: int) -> None:
    assert depth(text) == levels


@given(st.text('{["\\\\u005b: a', max_size=40), st.lists(st.integers(0, 40), max_size=5).map(sorted))  # fmt: skip
def test_any_pieces_say_the_same(text: str, cuts: list[int]) -> None:
    nest = Nest()
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        nest.feed(text[start:end])

    assert nest.depth == depth(text)
