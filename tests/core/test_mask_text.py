"""Strict JSON: what two parsers could read differently is unread."""

import json
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from residency.core.mask.text import JsonText, parse
from residency.errors import Unread


def reason(data: bytes, depth: int = 64) -> str:
    with pytest.raises(Unread) as caught:
        parse(data, depth=depth)
    return caught.value.reason


@pytest.mark.parametrize(
    "text",
    [
        "null",
        "0",
        '""',
        ' \t\r\n{"a": [1, -0.5e+10, true, false, null, "\\u00e9\\n"]} \n',
        '{"a": 1, "A": 2, "a ": 3}',
        '{"a": {"a": {"a": 1}}}',
        '[{"a": 1}, {"a": 1}]',
        '"\\ud83d\\ude00 \\uD83D\\uDE00"',
        '"\\\\ud83d"',
        '"\\\\\\ud83d\\ude00"',
        '"\\u1234\\uabcd"',
        '"[[[[{{{{"',
        "1e400",
        "-0",
        '"\x7f\u2028"',
    ],
)
def test_valid_json_is_kept_as_written(text: str) -> None:
    assert parse(text.encode()).text == text


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b'{"ssn": 1, "ssn": 2}', "duplicate-key"),
        (b'{"ssn": 1, "s\\u0073n": 2}', "duplicate-key"),
        (b'[[{"x": {"": 1, "": 1}}]]', "duplicate-key"),
        (b"NaN", "number"),
        (b"[Infinity]", "number"),
        (b'{"a": -Infinity}', "number"),
        (b'"\\ud83d"', "surrogate"),
        (b'"\\ude00"', "surrogate"),
        (b'"\\ude00\\ud83d"', "surrogate"),
        (b'"\\ud83d\\ud83d\\ude00"', "surrogate"),
        (b'"\\ud83d\\u0041"', "surrogate"),
        (b'"\\ud83d \\ude00"', "surrogate"),
        (b'["\\uD83D", "\\uDE00"]', "surrogate"),
        (b'{"\\ud83d": 1}', "surrogate"),
        (b'"\\ud83d\\\\ude00"', "surrogate"),
        (b"\xef\xbb\xbf{}", "charset"),
        (b'"\xed\xa0\x80"', "charset"),
        (b'"\xc0\xaf"', "charset"),
        (b'"\xff"', "charset"),
        ("{}".encode("utf-16"), "charset"),
        ("{}".encode("utf-16-le"), "not-json"),
        ("{}".encode("utf-32-be"), "not-json"),
        (b"", "not-json"),
        (b" ", "not-json"),
        (b"{} {}", "not-json"),
        (b"{}\n{}", "not-json"),
        (b"{}\0", "not-json"),
        (b"\x1e{}", "not-json"),
        (b'{"a": 1,}', "not-json"),
        (b"[1,]", "not-json"),
        (b"{'a': 1}", "not-json"),
        (b"{a: 1}", "not-json"),
        (b"[01]", "not-json"),
        (b"[1.]", "not-json"),
        (b"[.5]", "not-json"),
        (b"[+1]", "not-json"),
        (b"[0x1]", "not-json"),
        ("[\u0661]".encode(), "not-json"),
        (b'"\n"', "not-json"),
        (b'"\\x41"', "not-json"),
        (b'"\\u00zz"', "not-json"),
        (b'"\\u+123"', "not-json"),
        ("[1\u00a0]".encode(), "not-json"),
        (b"// x\n{}", "not-json"),
        (b'"', "not-json"),
        (b"nan", "not-json"),
        (b"a=1&b=2", "not-json"),
    ],
)
def test_each_fault_has_its_reason(data: bytes, why: str) -> None:
    assert reason(data) == why


def test_depth_is_inclusive_and_counts_both_kinds() -> None:
    assert parse(b'[{"a":[{}]}]', depth=4) == JsonText('[{"a":[{}]}]')
    assert reason(b'[{"a":[{}]}]', depth=3) == "depth"


def test_brackets_in_strings_are_not_depth() -> None:
    assert parse(b'["[[[[", "\\"[[[["]', depth=1) == JsonText('["[[[[", "\\"[[[["]')


@pytest.mark.parametrize("unit", [b"[", b'{"a":', b'[{"a":'])
def test_a_hundred_thousand_brackets_are_too_deep(unit: bytes) -> None:
    assert reason(unit * 100_000) == "depth"


def test_a_depth_that_python_cannot_reach_is_too_deep() -> None:
    deep = sys.getrecursionlimit() * 1000

    assert reason(b"[" * deep + b"]" * deep, depth=10**9) == "depth"


@pytest.mark.parametrize("digits", [10_000, 1_000_000])
def test_a_number_may_be_of_any_length(digits: int) -> None:
    assert parse(b"9" * digits) == JsonText("9" * digits)
    assert parse(b"0." + b"9" * digits) == JsonText("0." + "9" * digits)


@given(st.binary(max_size=200))
@example(b'{"a":1')
@example(b'"\\')
@example(b"[" * 100_000)
def test_any_bytes_are_json_or_unread(data: bytes) -> None:
    try:
        body = parse(data)
    except Unread:
        return
    json.loads(body.text)


@given(st.text(alphabet='{}[]",:\\u0dDc8 1aNI-e.\n', max_size=60))
def test_what_is_accepted_is_what_json_loads_accepts(text: str) -> None:
    """The pre-scans must not let anything through, nor change anything."""
    try:
        body = parse(text.encode())
    except Unread:
        return
    json.dumps(json.loads(body.text), ensure_ascii=False, allow_nan=True).encode("utf-8")


@pytest.mark.parametrize(
    "data", [b'{"ssn": 123456789 x}', b'"123456789\xff"', b'{"123456789":1,"123456789":1}']
)
def test_no_error_holds_the_body(data: bytes) -> None:
    with pytest.raises(Unread) as caught:
        parse(data)

    assert "123456789" not in str(caught.value)
    assert caught.value.__context__ is None


def test_the_text_is_not_shown() -> None:
    assert repr(JsonText("123-45-6789")) == "JsonText()"


@pytest.mark.parametrize("text", [r'{"email\u0000x": 1}', r'[{"a": {"\u0000": 1}}]'])
def test_a_nul_in_a_name_is_unread_because_it_ends_the_name_for_some(text: str) -> None:
    assert reason(text.encode()) == "format"


@pytest.mark.parametrize("text", [r'{"a": "\u0000"}', r'{"a\\u0000": 1}', r'["\u0000"]'])
def test_a_nul_elsewhere_is_only_a_character(text: str) -> None:
    assert parse(text.encode()).text == text
