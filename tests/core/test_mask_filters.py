"""Filters: numbers by value, no order across types, and no way to make them run long."""

import json
from decimal import Decimal
from typing import Any

import pytest

from residency.core.mask import filters, iregexp
from residency.core.mask.path import compile  # noqa: A004 - read as path.compile
from residency.core.mask.plan import Plan
from residency.errors import Unread


def chosen(text: str, path: str) -> list[str]:
    data = text.encode()
    return [data[h.start : h.end].decode() for h in Plan([compile(path)]).select(data)]


@pytest.mark.parametrize(
    ("test", "texts"),
    [
        ("@ == 1", ["1", "1.0", "1e0", "10e-1"]),
        ("@ == 1e0", ["1", "1.0", "1e0", "10e-1"]),
        ("@ == -0", ["0", "-0.0"]),
        ("@ == 'a'", ['"a"', '"\\u0061"']),
        ("@ == true", ["true"]),
        ("@ != true && @ < 2", ["1", "1.0", "1e0", "10e-1", "0", "-0.0"]),
        ("@ == null", ["null"]),
        ("@ > 1e300", ["1e400"]),
        ("@ <= true", ["true"]),
        ("@ < true", []),
        ("length(@) == 2", ['["x", 1]', '{"x": 1, "y": [2]}', '"\U0001f600b"']),
        ("count(@.*) == 2", ['["x", 1]', '{"x": 1, "y": [2]}']),
        ("value(@..y) == $[17].y", ['{"x": 1, "y": [2]}', '{"y": [2.0]}']),
        ("!@.x && !@[0] && @ != false", []),
    ],
)  # fmt: skip
def test_values_compare_as_rfc_9535_says(test: str, texts: list[str]) -> None:
    document = ["1", "1.0", "1e0", "10e-1", "0", "-0.0", '"a"', '"\\u0061"', "true", "false", "null", "1e400", '["x", 1]',
                '{"x": 1, "y": [2]}', '"\U0001f600b"', "2", '"1"', '{"y": [2.0]}']  # fmt: skip
    found = chosen("[" + ",".join(document) + "]", f"$[?{test}]")

    if test.startswith("!"):
        assert found == [
            d for d in document if d not in ('["x", 1]', '{"x": 1, "y": [2]}', "false")
        ]
    else:
        assert found == texts


def test_a_number_is_compared_to_its_last_digit() -> None:
    assert chosen("[0.1000000000000000055, 0.1, 9007199254740993]", "$[?@ == 0.1]") == ["0.1"]
    assert chosen("[9007199254740993, 9007199254740992]", "$[?@ > 9007199254740992]") == [
        "9007199254740993"
    ]


def test_an_exponent_beyond_comparing_is_unread() -> None:
    with pytest.raises(Unread) as caught:
        chosen("[1e99999999999999999999]", "$[?@ > 1]")

    assert caught.value.reason == "number"
    assert filters.number("1e999999999") > Decimal(1)


@pytest.mark.parametrize("path", ["$..[?@..[?@..[?@..x]]]", "$..[?value(@..[?@..z]) == 1]"])
def test_filters_in_filters_end(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where each level of a filter looks at all levels of the document, only a count of the work ends it."""
    body: Any = [1] * 100
    for _ in range(50):
        body = [body]
    monkeypatch.setattr(filters, "MAX_STEPS", 5_000)
    with pytest.raises(Unread) as caught:
        chosen(json.dumps(body), path)

    assert caught.value.reason == "too-large"


@pytest.mark.parametrize(
    "path", ["$.a[?search($.x, 'b')]", "$.a[?$.x == $.y]", "$.a[?$.x < $.y]", "$.a[?$.m == $.n]"]
)
def test_filters_that_read_a_long_value_for_every_other_end(
    path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the number of values alone they would not: the length of each counts, too."""
    text, members = "a" * 100_000, dict.fromkeys(map(str, range(10_000)))
    same = {"x": text, "y": f"{text}a"[1:], "m": members | {"0": 1}, "n": members}
    monkeypatch.setattr(filters, "MAX_STEPS", 30_000)
    with pytest.raises(Unread) as caught:
        chosen(json.dumps({"a": [1] * 500, **same}), path)

    assert caught.value.reason == "too-large"


@pytest.mark.parametrize(
    ("pattern", "text", "whole"),
    [
        ("a.b", "a\nb", False),
        ("a.b", "a\rb", False),
        ("a.b", "a\u2028b", True),
        ("", "", True),
        ("a|", "", True),
        (r"\.\(\)\*\+\-\?\[\\\]\^\{\|\}\n\r\t", ".()*+-?[\\]^{|}\n\r\t", True),
        ("[a-c-]{2,3}", "a-", True),
        ("[-a]+", "-a", True),
        ("[^-a]", "-", False),
        (r"[\p{Lu}\n]+", "\u00c4\n", True),
        (r"[^\P{L}]", "1", False),
        (r"[[:alpha:]]", "a", None),
        ("[$^.|(*]+", "$^.|(*", True),
        ("a{2}", "aa", True),
        ("a{2,}", "aaaa", True),
        ("(ab|c(d))+", "abcdab", True),
        ("a/b \"'=~", "a/b \"'=~", True),
        ("[a-]", "-", True),
        ("\U0001f600{2}", "\U0001f600\U0001f600", True),
    ],
    ids=ascii,
)  # fmt: skip
def test_a_pattern_is_read_as_rfc_9485_says(pattern: str, text: str, whole: bool | None) -> None:  # noqa: FBT001
    if whole is None:
        with pytest.raises(ValueError, match="not an I-Regexp"):
            iregexp.compile(pattern)
    else:
        assert bool(iregexp.compile(pattern).fullmatch(text)) is whole


def test_a_pattern_that_others_need_ages_for_takes_none() -> None:
    """Whoever tries one way after the other has more ways to try here than there is time: this ends, or never does."""
    assert chosen(json.dumps(["a" * 100_000 + "!"]), "$[?match(@, '(a+)+')]") == []
