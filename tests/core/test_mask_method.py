"""How a value is replaced, and what is never left of it."""

import json
import pickle
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask.method import Method, parse
from residency.core.mask.session import Session
from residency.errors import Unread

TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


def session(nonce: bytes = b"one call") -> Session:
    return Session(b"k" * 32, nonce)


def replaced(spec: str, lexeme: str) -> str:
    return parse(spec).replace(lexeme, session(), "email")


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
        ("partial:last:4", '"4111111111111234"', '"************1234"'),
        ("partial:first:2", '"abcdef"', '"ab****"'),
        ("partial:0", '"abc"', '"***"'),
        ("partial:0", '"abcdef"', '"******"'),
        ("partial:2", '"\\u00e9\\n\\"x"', '"**\\"x"'),
        ("partial:1", '"a\\ud83d\\ude00"', '"*\\ud83d\\ude00"'),
        ("round:2", "1.005", "1.01"),
        ("round:2", '"1.005"', '"1.01"'),
        ("round:2", "1.00", "1.00"),
        ("round:2", "0.1000000000000000055511151231257827", "0.10"),
        ("round:0", "-2.5", "-3"),
        ("round:0", "-0.4", "0"),
        ("round:-3", "12500", "13000"),
        ("round:-3", "1.5e3", "2000"),
        ("round:2", "1e-999", "0.00"),
        ("round:2", "1e999", "1e999"),
        ("round:-9", "9" * 100, f"1{'0' * 100}"),
        ("truncate:1", "-9.99", "-9.9"),
        ("truncate:-2", "12399", "12300"),
        ("truncate:year", '"2024-05-17"', '"2024-01-01"'),
        ("truncate:month", '"2024-05-17"', '"2024-05-01"'),
        ("truncate:month", '"20240517"', '"20240501"'),
        ("truncate:day", '"2024-05-17T10:20:30.125+02:00"', '"2024-05-17T00:00:00.000+02:00"'),
        ("truncate:year", '"2024-05-17T10:20:30Z"', '"2024-01-01T00:00:00Z"'),
        ("truncate:day", '"2024-05"', '"2024-05"'),
        ("truncate:year", '"2024"', '"2024"'),
    ],
)
def test_what_each_method_writes(spec: str, lexeme: str, replacement: str) -> None:
    assert replaced(spec, lexeme) == replacement


@pytest.mark.parametrize(
    ("spec", "lexeme"),
    [
        ("round:2", '"abc"'), ("round:2", "true"), ("round:2", "[1.234]"), ("round:2", '"1,234"'),
        ("round:2", '"\\u0661.234"'), ("round:2", "1." + "2" * 100), ("round:2", "1e99999"), ("truncate:2", "null"),
        ("truncate:year", "2024"), ("truncate:year", '"17.05.2024"'), ("truncate:year", '"2024-05-17 and more"'),
        ("truncate:year", '"2024-5-1"'), ("truncate:day", '"\\u0662\\u0660\\u0662\\u0664-05-17"'), ("partial:4", "1234567"),
        ("partial:4", '["1234567"]'), ("partial:4", '{"a":"1234567"}'), ("partial:4", "true"),
    ],
)  # fmt: skip
def test_what_a_method_does_not_fit_is_hidden_whole(spec: str, lexeme: str) -> None:
    assert replaced(spec, lexeme) == '"***"'


@pytest.mark.parametrize("value", ["", "a", "ab", "abc", "abcd"])
@pytest.mark.parametrize("spec", ["partial:4", "partial:first:4"])
def test_partial_reveals_nothing_of_a_short_value(value: str, spec: str) -> None:
    assert replaced(spec, json.dumps(value)) == '"***"'


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="*")), st.integers(0, 9)
)
def test_partial_reveals_at_most_n_characters(value: str, keep: int) -> None:
    last = json.loads(replaced(f"partial:{keep}", json.dumps(value)))
    first = json.loads(replaced(f"partial:first:{keep}", json.dumps(value)))

    assert len(last.replace("*", "")) <= keep
    assert not last.replace("*", "") or value.endswith(last.lstrip("*"))
    assert len(first.replace("*", "")) <= keep
    assert not first.replace("*", "") or value.startswith(first.rstrip("*"))


@pytest.mark.parametrize(
    "spec",
    ["constant", "constant:x", "null", "partial:0", "partial:1", "partial:9", "partial:first:3", "truncate:year", "round:1"],
)  # fmt: skip
@given(TEXTS)
def test_masking_twice_is_masking_once(spec: str, value: str) -> None:
    once = replaced(spec, json.dumps(value))

    assert replaced(spec, once) == once


@given(st.decimals(allow_nan=False, allow_infinity=False, places=6), st.integers(-9, 9))
def test_rounding_moves_a_number_by_half_a_unit_at_most(value: object, digits: int) -> None:
    import decimal

    assert isinstance(value, decimal.Decimal)
    lexeme = format(value, "f")
    if len(lexeme) > 100:
        return
    rounded = decimal.Decimal(replaced(f"round:{digits}", lexeme))
    truncated = decimal.Decimal(replaced(f"truncate:{digits}", lexeme))
    unit = decimal.Decimal(1).scaleb(-digits)
    with decimal.localcontext(prec=300):
        assert abs(rounded - value) <= unit / 2
        assert abs(truncated) <= abs(value)
        assert abs(truncated - value) < unit


def test_hmac_is_the_same_for_the_same_text_in_every_call_and_place() -> None:
    """So that joins survive across fields: a number and the same digits in quotes are one text."""
    first = replaced("hmac", '"4711"')

    assert re.fullmatch(r'"hmac:[0-9a-f]{32}"', first)
    assert first == replaced("hmac", '"\\u0034711"') == replaced("hmac", "4711")
    assert first == parse("hmac").replace('"4711"', session(b"another"), "id")


def test_hmac_differs_by_value_and_by_key() -> None:
    other = parse("hmac").replace('"a"', Session(b"x" * 32, b""), "")

    assert len({replaced("hmac", '"a"'), replaced("hmac", '"b"'), other}) == 3


@pytest.mark.parametrize("spec", ["hmac", "token"])
def test_without_a_key_nothing_is_sent(spec: str) -> None:
    with pytest.raises(Unread) as caught:
        parse(spec).replace('"canary"', Session(), "email")

    assert caught.value.reason == "key"
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("value", ['"a"', "12", "null", '{"a": [1, "x"]}', '"\\u00e9"'])
def test_a_token_stands_for_its_value_in_this_call(value: str) -> None:
    call = session()
    token = json.loads(parse("token").replace(value, call, "email"))

    assert re.fullmatch("<email:[0-9a-f]{16}>", token)
    assert json.loads(call.originals[token]) == json.loads(value)
    assert json.loads(parse("token").replace(value, call, "email")) == token


def test_a_token_tells_nothing_to_another_call() -> None:
    first, second = session(), session(b"another call")

    assert parse("token").replace('"a"', first) != parse("token").replace('"a"', second)


def test_a_token_has_the_type_of_its_method_before_that_of_its_field() -> None:
    assert replaced("token:person", '"a"').startswith('"<person:')


def test_a_token_is_never_a_text_that_the_body_has_already() -> None:
    taken = json.loads(replaced("token", '"a"'))
    call = session()
    call.beware(f'{{"x": "{taken}"}}'.encode())

    token = json.loads(parse("token").replace('"a"', call, "email"))

    assert token != taken
    assert call.originals == {token: '"a"'}


def test_a_token_that_was_given_out_in_this_call_stays_the_same() -> None:
    call = session()
    first = parse("token").replace('"a"', call, "email")
    call.beware(first.encode())

    assert parse("token").replace('"a"', call, "email") == first


def test_a_session_shows_neither_keys_nor_values() -> None:
    call = session()
    parse("token").replace('"canary"', call)

    assert repr(call) == "Session()"


def test_a_session_comes_back_from_a_worker_with_its_tokens() -> None:
    call = session()
    parse("token").replace('"a"', call)

    assert pickle.loads(pickle.dumps(call)) == call  # noqa: S301 - our own bytes


@pytest.mark.parametrize(
    "spec",
    ["", "hash", "Constant", "constant:", "constant:\n", "constant:\ud800", "null:", "null:1", "partial",
     "partial:", "partial:-1", "partial:x", "partial:01", "partial:1000", "partial:\u0661", "partial:1 ", " null",
     "partial:middle:2", "partial:first", "remove:1", "hmac:key", "token:", "token:E", "token:a b", "round", "round:",
     "round:10", "round:-0", "round:2.5", "round:year", "truncate", "truncate:week", "truncate:", "truncate:99"],
)  # fmt: skip
def test_other_spellings_are_refused_with_what_works(spec: str) -> None:
    with pytest.raises(ValueError, match="write constant, constant:TEXT, null, remove, hmac"):
        parse(spec)


def test_the_default_hides_everything() -> None:
    assert Method() == parse("constant")


def test_stricter_methods_rank_first() -> None:
    specs = [
        "remove", "null", "constant:!", "constant", "constant:a", "token", "token:a", "hmac", "truncate:year",
        "truncate:day", "truncate:-1", "truncate:2", "round:-1", "round:2", "partial:0", "partial:2",
        "partial:first:2", "partial:10",
    ]  # fmt: skip

    ranks = [parse(spec).rank for spec in specs]

    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(specs)
