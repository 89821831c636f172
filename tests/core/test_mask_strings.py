"""Strings of a JSON text: which to look into, what they say, and parts of them replaced."""

import json

from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask.detect import finder, spec
from residency.core.mask.strings import Change, changed, meaning, rewritten, scalars

TEXTS = st.text(st.sampled_from(list('ab"\\/\n\té€\u2028😀')), max_size=12)
A, B = frozenset({1}), frozenset({2})
DATA = b'{"a":["x",{"b":1.5}],"c":"y"}'


def looked_at(*areas: tuple[int, int, frozenset[int]], alone: list[tuple[int, int]] | None = None,
              gone: tuple[tuple[int, int], ...] = ()) -> dict[bytes, frozenset[int]]:  # fmt: skip
    found = list(scalars(DATA, areas, alone or [], gone))
    assert [start for start, _, _ in found] == sorted({start for start, _, _ in found})
    return {DATA[start:end]: fields for start, end, fields in found}


@given(TEXTS, st.booleans(), st.lists(st.integers(0, 12), max_size=4), TEXTS)
def test_parts_of_a_string_are_replaced_however_it_is_spelled(
    text: str, ascii_only: bool, places: list[int], new: str  # noqa: FBT001 - drawn
) -> None:  # fmt: skip
    lexeme = json.dumps(text, ensure_ascii=ascii_only).encode()
    cuts = sorted(min(at, len(text)) for at in places)
    changes = [Change(a, b, new) for a, b in zip(cuts[::2], cuts[1::2], strict=False) if a < b]

    assert meaning(lexeme) == text
    assert meaning(rewritten(lexeme, changes)) == changed(text, changes)[0]


def test_the_spelling_of_what_is_not_replaced_stays() -> None:
    lexeme = rb'"\u0061\/\ud83d\ude00\n-\u0062"'

    assert rewritten(lexeme, [Change(4, 5, "+")]) == rb'"\u0061\/\ud83d\ude00\n+\u0062"'
    assert rewritten(lexeme, [Change(2, 3, "")]) == rb'"\u0061\/\n-\u0062"'
    assert rewritten(lexeme, [Change(0, 6, "c")]) == b'"c"'


def test_strings_numbers_and_keys_are_looked_into_by_the_fields_of_all_areas_around_them() -> None:
    inner = (DATA.index(b"["), DATA.index(b"]") + 1)
    every = dict.fromkeys([b'"a"', b'"x"', b'"b"', b"1.5", b'"c"', b'"y"'], A)
    both = every | dict.fromkeys([b'"x"', b'"b"', b"1.5"], A | B)

    assert looked_at((0, len(DATA), A)) == every
    assert looked_at((0, len(DATA), A), (*inner, B)) == both
    assert looked_at((*inner, B), (0, len(DATA), A)) == both


def test_what_goes_as_a_whole_is_left_out_with_all_in_it() -> None:
    inner = (DATA.index(b"["), DATA.index(b"]") + 1)
    last = (DATA.index(b'"y"'), DATA.index(b'"y"') + 3)

    assert looked_at((0, len(DATA), A), gone=(inner,)).keys() == {b'"a"', b'"c"', b'"y"'}
    assert looked_at((0, len(DATA), A), gone=(inner, last)).keys() == {b'"a"', b'"c"'}


def test_what_only_holds_something_is_there_once_and_without_fields() -> None:
    x = (DATA.index(b'"x"'), DATA.index(b'"x"') + 3)
    inner = (DATA.index(b"["), DATA.index(b"]") + 1)

    assert looked_at(alone=[x, inner]) == {b'"x"': frozenset()}
    assert looked_at((0, len(DATA), A), alone=[x])[b'"x"'] == A


def test_equal_strings_are_each_found() -> None:
    texts = ["a@example.com", "nothing", "a@example.com", "b@example.com", ""]

    found = finder.find(texts, [spec.parse("email")])

    assert sorted(found) == [0, 2, 3]
    assert found[0] == found[2] == [finder.Span(0, 13, 0)]
