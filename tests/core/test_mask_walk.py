"""Several paths in one pass: each value once, with all the paths that select it."""

import pytest

from residency.core.mask.path import compile  # noqa: A004 - read as path.compile
from residency.core.mask.text import parse
from residency.core.mask.walk import Hit, select
from tests.growth import factor


def spans(text: str, *paths: str) -> list[tuple[str, tuple[int, ...]]]:
    hits = select(parse(text.encode()), [compile(p) for p in paths])
    return [(text[h.start : h.end], h.paths) for h in hits]


def test_a_value_is_found_once_with_all_its_paths() -> None:
    assert spans('{"a": 1}', "$.a", "$..a", "$.b", "$.*") == [("1", (0, 1, 3))]


def test_outer_stands_before_inner() -> None:
    assert spans('[{"a": {"a": [2]}}]', "$..a", "$..a[0]") == [
        ('{"a": [2]}', (0,)),
        ("[2]", (0,)),
        ("2", (1,)),
    ]


@pytest.mark.parametrize("blank", ["", " ", "\t", "\n", "\r\n  "], ids=repr)
def test_white_space_is_no_part_of_a_value(blank: str) -> None:
    tokens = [
        "",
        "{",
        '"a"',
        ":",
        "[",
        "1",
        ",",
        '"x"',
        ",",
        "[",
        "2",
        "]",
        ",",
        "{",
        "}",
        "]",
        ",",
        '"b"',
        ":",
        "null",
        "}",
        "",
    ]
    text = blank.join(tokens)

    assert [lexeme for lexeme, _ in spans(text, "$.a[0,1]", "$.b", "$..a[2][0]")] == [
        "1",
        '"x"',
        "2",
        "null",
    ]


def test_brackets_and_quotes_in_strings_are_text() -> None:
    text = r'["]", "\"{", {"a}\\": "[\"", "b": 1}]'

    assert spans(text, "$..b", "$[*]['a}\\\\']") == [(r'"[\""', (1,)), ("1", (0,))]


def test_a_long_number_is_skipped_and_selected() -> None:
    number = "9" * 10_000

    assert spans(f'[{number}, {{"a": {number}}}]', "$[-1].a") == [(number, (0,))]


def test_no_path_selects_nothing() -> None:
    assert select(parse(b'{"a": 1}'), []) == []


def test_the_whole_body_without_its_blanks() -> None:
    assert select(parse(b" [1] "), [compile("$")]) == [Hit(1, 4, (0,))]


@pytest.mark.parametrize(
    "text",
    [("[", '{"ssn":1},', '{"ssn":1}]'), ("[" * 60, "1,", "1" + "]" * 60)],
    ids=["many matches", "deep"],
)
def test_the_time_of_a_walk_grows_with_the_text_only(text: tuple[str, str, str]) -> None:
    begin, each, end = text
    small, large = (parse((begin + each * n + end).encode()) for n in (2_000, 20_000))
    paths = [compile("$..ssn"), compile("$..[-1]")]

    assert factor(lambda: select(small, paths), lambda: select(large, paths), below=40) < 40


def keys(text: str, *paths: str) -> list[tuple[str, tuple[int, ...], bool]]:
    hits = select(parse(text.encode()), [compile(p) for p in paths])
    return [(text[h.start : h.end], h.paths, h.key) for h in hits]


def test_keys_are_selected_in_place_of_values() -> None:
    assert keys('{"c": {"a" : 1, "b": [2]}, "d": [3]}', "$.c.*~", "$.d.*~", "$.d~") == [
        ('"a"', (0,), True),
        ('"b"', (0,), True),
        ('"d"', (2,), True),
    ]


def test_a_key_and_its_value_are_two_hits() -> None:
    assert keys('{"a": {"a": 1}}', "$..a~", "$..a", "$.a~") == [
        ('"a"', (0, 2), True),
        ('{"a": 1}', (1,), False),
        ('"a"', (0,), True),
        ("1", (1,), False),
    ]


def test_filters_look_at_the_parsed_document() -> None:
    text = '{"limit": 10, "a": [{"n": 1e1, "s": "x"}, {"n": 11, "s": "y\\u0041"}, 3]}'

    assert spans(
        text, "$.a[?@.n > $.limit].s", "$.a[?@.n == 10].n", "$..[?match(@, 'y[A-Z]')]"
    ) == [
        ("1e1", (1,)),
        ('"y\\u0041"', (0, 2)),
    ]


def test_a_filter_on_members_selects_their_keys() -> None:
    assert keys('{"x": 1, "y": 2}', "$[?@ > 1]~") == [('"y"', (0,), True)]
