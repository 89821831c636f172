import pytest

from residency.core.glob import compile_globs


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
