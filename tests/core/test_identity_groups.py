"""Where groups come from: claims of any shape, maps, and the subject; each group with its origin."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.identity import KeySet, verify
from residency.core.identity.groups import MAX_GROUPS, GroupClaim, Table, grants
from residency.errors import ConfigurationError, IdentityError
from tests.tokens import ISSUER, NOW, book, claims, jwk, jwks, rsa_key, token

KEYS = {ISSUER: KeySet.parse(jwks(jwk(rsa_key(), "rsa")))}


def groups(sources: object, sent: dict[str, Any], **block: Any) -> tuple[tuple[str, str], ...]:
    text = token(claims(**{"groups": ..., **sent}))
    return verify(text, book(groups=sources, **block), KEYS, now=NOW).sources


@pytest.mark.parametrize(
    ("sources", "sent", "expected"),
    [
        ({"claim": "groups"}, {"groups": ["b", "a"]}, [("a", "claim groups"), ("b", "claim groups")]),
        ([{"claim": "a"}, {"claim": "b.c"}], {"a": "x", "b": {"c": ["x"]}}, [("x", "claim a"), ("x", "claim b.c")]),
        ([{"claim": "a"}, {"claim": "b"}], {"b": "x"}, [("x", "claim b")]),
        ({"claim": "scope", "split": "space"}, {"scope": "openid call "}, [("call", "claim scope"), ("openid", "claim scope")]),
        ({"claim": "scope", "split": "space"}, {"scope": ""}, []),
        ({"claim": "scope", "split": "space"}, {"scope": ["a b"]}, [("a b", "claim scope")]),
        ({"claim": "teams", "split": "comma"}, {"teams": "a,b"}, [("a", "claim teams"), ("b", "claim teams")]),
        ({"claim": "roles", "prefix": "kc:"}, {"roles": ["a"]}, [("kc:a", "claim roles")]),
        ({"claim": "d", "map": {"eu-*": "eu"}}, {"d": ["eu-1", "us-1"]}, [("eu", "claim d, map 'eu-*'")]),
        ({"claim": "d", "map": {"eu-*": ["eu", "x"], "*": "x"}}, {"d": "eu-1"},
         [("eu", "claim d, map 'eu-*'"), ("x", "claim d, map '*'"), ("x", "claim d, map 'eu-*'")]),
        ("/kubernetes.io/namespace", {"kubernetes.io": {"namespace": "n"}}, [("n", "claim kubernetes.io → namespace")]),
        ("/https:~1~1a.test~1/x~0y", {"https://a.test/": {"x~y": "n"}}, [("n", "claim https://a.test/ → x~y")]),
        ({"claim": ["a.b", "c"]}, {"a.b": {"c": "n"}}, [("n", "claim a.b → c")]),
    ],
)  # fmt: skip
def test_groups_come_from_where_the_file_says(
    sources: object, sent: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    assert list(groups(sources, sent)) == expected


def test_subjects_give_groups_to_issuers_that_send_none() -> None:
    subjects = {"bill*": "eu", "*": ["all", "eu"], "other": "no"}

    assert groups("groups", {}, subjects=subjects) == (
        ("all", "subjects '*'"), ("eu", "subjects '*'"), ("eu", "subjects 'bill*'"),
    )  # fmt: skip


def test_a_group_that_two_sources_give_is_one_group() -> None:
    text = token(claims(groups=["eu"]))

    caller = verify(text, book(subjects={"*": "eu"}), KEYS, now=NOW)

    assert caller.groups == ("eu",)
    assert len(caller.sources) == 2


def test_sources_are_no_part_of_the_caller_and_of_no_record() -> None:
    bare = verify(token(), book(), KEYS, now=NOW)
    told = verify(token(), book(subjects={"*": "eu-services"}), KEYS, now=NOW)

    assert bare == told
    assert hash(bare) == hash(told)
    assert "sources" not in told.to_plain()
    assert "claim groups" not in repr(told)


@pytest.mark.parametrize(
    ("sources", "sent"),
    [
        ({"claim": "g", "map": {"*": "admin"}}, {"g": [1]}),
        ({"claim": "g", "map": {"*": "admin"}}, {"g": None}),
        ({"claim": "g", "map": {"*": "admin"}}, {"g": {"a": 1}}),
        ({"claim": "g", "split": "space"}, {"g": "a\tb"}),
        ({"claim": "g", "split": "space"}, {"g": "a\u00a0b"}),
        ({"claim": "g", "split": "space"}, {"g": ["a", 1]}),
        ({"claim": "g", "split": "comma"}, {"g": "a,\u202eb"}),
        ({"claim": "g", "prefix": "p" * 200}, {"g": "g" * 57}),
        ({"claim": "g"}, {"g": ["a"] * (MAX_GROUPS + 1)}),
        ([{"claim": "a"}, {"claim": "b.c"}], {"a": "x", "b": "c"}),
        ([{"claim": "a"}, {"claim": "groups"}], {"a": "x", "hasgroups": True}),
        ([{"claim": "a"}, {"claim": "b.c"}], {"a": "x", "_claim_names": {"b": "src1"}}),
    ],
)  # fmt: skip
def test_a_source_that_cannot_be_read_is_never_no_groups(
    sources: object, sent: dict[str, Any]
) -> None:
    with pytest.raises(IdentityError, match="identity-claims"):
        groups(sources, sent)


def test_groups_of_all_sources_together_are_bounded() -> None:
    many = {f"*{n}*": [f"{n}-{m}" for m in range(700)] for n in "abc"}
    source = GroupClaim(path=("g",), says="g", table=Table.of(many))

    with pytest.raises(IdentityError, match="more than 2000 groups"):
        grants({"g": "abc"}, "s", [source], Table())


def test_an_origin_holds_nothing_of_the_token() -> None:
    found = groups({"claim": "g", "map": {"can*": "eu"}}, {"g": "canary-4711"})

    assert "4711" not in str(found)


@given(st.dictionaries(st.sampled_from(["g", "h", "groups"]), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b"]), inner), max_leaves=6)))  # fmt: skip
def test_any_claims_give_names_or_a_refusal(sent: dict[str, Any]) -> None:
    sources = [
        GroupClaim(path=("g", "a"), says="g.a"),
        GroupClaim(path=("h",), says="h", split=" "),
        GroupClaim(path=("groups",), says="groups", table=Table.of({"*": ["all"]})),
    ]
    try:
        found = grants(sent, "s", sources, Table.of({"s": ["x"]}))
    except IdentityError as e:
        assert e.code == "identity-claims"  # noqa: PT017 - either end is right, nothing else is
    else:
        assert all(group.isprintable() and group for group, _ in found)
        assert ("x", "subjects 's'") in found


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"groups": ["a", {"claim": "b"}]}, "names and sources are mixed"),
        ({"groups": []}, "at least 1"),
        ({"groups": [{"claim": ""}]}, "is empty"),
        ({"groups": {"claim": "a..b"}}, "is empty"),
        ({"groups": {"claim": "a", "splt": "space"}}, "not a key"),
        ({"groups": {"claim": "a", "split": "tab"}}, "'space' or 'comma'"),
        ({"groups": {"claim": "a", "map": {}}}, "at least 1"),
        ({"groups": {"claim": "a", "map": {"x": []}}}, "at least 1"),
        ({"groups": {"claim": "a", "map": {"x": "y"}, "prefix": "p"}}, "exclude each other"),
        ({"groups": {"map": {"x": "y"}}}, "is missing"),
        ({"subjects": {}}, "at least 1"),
        ({"subjects": {"s": ""}}, "is empty"),
        ({"subjects": ["s"]}, "is not a mapping"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        book(**changes)
