"""Selection held against another implementation of RFC 9535, python-jsonpath in its strict mode."""

import json
import re

from hypothesis import assume, given
from hypothesis import strategies as st
from jsonpath import JSONPathEnvironment, JSONPathMatch

from residency.core.mask.path import compile  # noqa: A004 - read as path.compile
from residency.core.mask.plan import Plan

STRICT = JSONPathEnvironment(strict=True)
type Json = bool | int | float | str | list[Json] | dict[str, Json] | None

NAMES = st.sampled_from(["a", "b", "é", "_x", "ab1"])
TEXTS = st.sampled_from(["", "a", "ab", "b", "é", "\U0001f600", "10"])
SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 1e3]) | TEXTS
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=15,
)
INDEX = st.integers(-3, 3).map(str)
SLICE = st.tuples(INDEX | st.just(""), INDEX | st.just(""), st.sampled_from(["", ":", ":1", ":2", ":-1"])).map(
    lambda t: f"{t[0]}:{t[1]}{t[2]}"
)  # fmt: skip
QUOTED = st.tuples(NAMES, st.sampled_from("'\"")).map(lambda t: f"{t[1]}{t[0]}{t[1]}")
SINGULAR = st.lists(NAMES.map(".{}".format) | INDEX.map("[{}]".format), max_size=2).map("".join)
LITERALS = st.one_of(
    st.sampled_from(["true", "false", "null", "0", "-0", "1", "1.0", "1e0", "-2", "0.5"]),
    TEXTS.map(lambda t: f"'{t}'"),
)
PATTERNS = st.sampled_from(["a", "a.*", ".", "[a-b]+", "(a|b)?", "\\\\p{L}*", "[^a]"])


def filters(paths: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    # Without a segment, python-jsonpath 2.2 counts and tests no node but a value.
    query = st.tuples(st.sampled_from("@$"), paths.filter(bool)).map("".join)
    single = st.tuples(st.sampled_from("@$"), SINGULAR).map("".join)
    value = st.one_of(
        LITERALS,
        single,
        single.map("length({})".format),
        query.map("count({})".format),
        query.map("value({})".format),
    )
    operator = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
    test = st.one_of(
        query,
        st.tuples(value, operator, value).map(" ".join),
        st.tuples(st.sampled_from(["match", "search"]), single, PATTERNS).map(lambda t: f"{t[0]}({t[1]}, '{t[2]}')"),
    )  # fmt: skip
    negated = test.map("!({})".format)
    joined = st.tuples(test | negated, st.sampled_from(["&&", "||"]), test).map(" ".join)
    return (test | negated | joined).map("?{}".format)


def segments(selectors: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    inside = st.lists(selectors, min_size=1, max_size=3).map(lambda s: f"[{', '.join(s)}]")
    plain = (
        st.sampled_from([".*", "..*", "..[*]"])
        | NAMES.map(".{}".format)
        | NAMES.map("..{}".format)
    )
    return st.lists(plain | inside | inside.map("..{}".format), max_size=3).map("".join)


SIMPLE = segments(st.one_of(QUOTED, INDEX, SLICE, st.just("*")))
INSIDE = filters(SIMPLE.filter(lambda path: ":" not in path))
PATHS = segments(st.one_of(QUOTED, INDEX, SLICE, st.just("*"), INSIDE, INSIDE))


def in_string(match: JSONPathMatch) -> bool:
    """True of what no JSON has: python-jsonpath 2.2 takes slices of strings."""
    parent = match.parent
    return parent is not None and (isinstance(parent.obj, str) or in_string(parent))


# A document that is a string python-jsonpath takes for JSON text.
@given(DOCUMENTS.filter(lambda document: not isinstance(document, str)), PATHS.map("${}".format))
def test_the_same_nodes_as_another_implementation(document: Json, path: str) -> None:
    data = json.dumps(document, ensure_ascii=False).encode()
    # To python-jsonpath 2.2 true is more than 0.
    assume(not re.search("[<>]", path) or not re.search("true|false", path + data.decode()))
    matches = [match for match in STRICT.finditer(path, document) if not in_string(match)]
    theirs = {tuple(match.parts): match.obj for match in matches}

    hits = Plan([compile(path)]).select(data)

    ours = sorted(json.dumps(json.loads(data[hit.start : hit.end])) for hit in hits)
    assert ours == sorted(map(json.dumps, theirs.values()))
