import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.glob import compile_globs, meet


@pytest.mark.parametrize(
    ("glob", "text"),
    [
        ("openai:*", "xopenai:chat"),
        ("openai:chat", "openai:chat.completions"),
        ("openai:chat", "openai:cha"),
        ("a.c", "abc"),
        ("[ab]", "a"),
        ("a?", "ab"),
        ("Openai:*", "openai:chat"),
        ("a|b", "a"),
        ("a", "a\n"),
        ("", "a"),
    ],
)
def test_a_glob_does_not_match(glob: str, text: str) -> None:
    assert not compile_globs([glob]).fullmatch(text)


@pytest.mark.parametrize(
    ("glob", "text"),
    [
        ("*", ""),
        ("*", "any\nthing"),
        ("openai:*", "openai:"),
        ("aws:*:eu.*", "aws:bedrock:eu.anthropic"),
        ("a|b", "a|b"),
        ("a.b", "a.b"),
    ],
)
def test_a_glob_matches_the_whole_text(glob: str, text: str) -> None:
    assert compile_globs([glob]).fullmatch(text)


def test_any_of_several_globs_is_enough() -> None:
    pattern = compile_globs(["a", "b*"])

    assert [bool(pattern.fullmatch(t)) for t in ("a", "bc", "ab")] == [True, True, False]


def test_no_globs_match_nothing_that_has_a_name() -> None:
    assert not compile_globs([]).fullmatch("a")


GLOBS = st.text("ab*", max_size=6)
TEXTS = st.text("ab", max_size=8)


@pytest.mark.parametrize(
    ("first", "second"),
    [("", "a"), ("a", "b"), ("a*", "b*"), ("*a", "*b"), ("a*", "ba"), ("aws:lamda:*", "aws:lambda:*"), ("a?", "ab")],
)  # fmt: skip
def test_globs_that_share_no_text_do_not_meet(first: str, second: str) -> None:
    assert not meet(first, second)
    assert not meet(second, first)


@pytest.mark.parametrize(
    ("first", "second"),
    [("", ""), ("*", ""), ("*", "*"), ("a*", "*b"), ("a*c", "ab*"), ("*b*", "a*c"), ("aws:*:x", "aws:lambda:*")],
)  # fmt: skip
def test_globs_that_share_a_text_meet(first: str, second: str) -> None:
    assert meet(first, second)
    assert meet(second, first)


@given(GLOBS, GLOBS, TEXTS)
def test_globs_that_match_one_text_meet(first: str, second: str, text: str) -> None:
    if compile_globs([first]).fullmatch(text) and compile_globs([second]).fullmatch(text):
        assert meet(first, second)


@given(GLOBS, TEXTS)
def test_a_glob_meets_a_text_only_if_it_matches_it(glob: str, text: str) -> None:
    assert meet(glob, text) is bool(compile_globs([glob]).fullmatch(text))
