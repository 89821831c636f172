"""Laws of masking, held against a naive evaluator that shares nothing with the engine.

RFC 9535, section 2.1.2: "A JSONPath implementation ... produces a nodelist", the nodes that "each
segment in turn" selects from the nodes before it; section 2.5.2.2: a descendant segment visits "the
input value and all its descendants".
"""

import copy
import json
import re

from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask import method, path
from residency.core.mask.coding import decode, encode
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskField, MaskSet, MaskSets
from tests.jsonbody import inspect, mask

LIMIT = 1_000_000
type Json = bool | int | float | str | list[Json] | dict[str, Json] | None
type Node = tuple[str | int, ...]
type Selector = tuple[str, object]

NAMES = st.sampled_from(
    ["a", "b", "ssn", "é", "a b", "'", '"', "\\", "*", "0", "", "\U0001f600", "[", "$.a"]
)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)
INDEX = st.integers(-5, 5)
SELECTORS: st.SearchStrategy[Selector] = st.one_of(
    st.tuples(st.just("names"), st.lists(NAMES, min_size=1, max_size=3)),
    st.tuples(st.just("indices"), st.lists(INDEX, min_size=1, max_size=3)),
    st.tuples(st.just("every"), st.none()),
    st.tuples(
        st.just("slice"),
        st.tuples(st.none() | INDEX, st.none() | INDEX, st.none() | INDEX.filter(bool)),
    ),
)
SEGMENTS = st.lists(st.tuples(st.booleans(), SELECTORS), max_size=3)
METHODS = st.sampled_from(["constant", "constant:x", "null", "partial:0", "partial:2"])
SPELLINGS = st.sampled_from(
    [
        {"ensure_ascii": True},
        {"ensure_ascii": False},
        {"indent": 2},
        {"separators": (" ,\t", "\r\n:  ")},
    ]
)


def spell(segments: list[tuple[bool, Selector]]) -> str:
    text = "$"
    for deep, (_, of) in segments:
        text += ".." if deep else ""
        if isinstance(of, list):
            text += "[" + ", ".join(quote(x) if isinstance(x, str) else str(x) for x in of) + "]"
        elif isinstance(of, tuple):
            text += "[" + ":".join("" if x is None else str(x) for x in of) + "]"
        else:
            text += "*" if deep else ".*"
    return text


def quote(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"


def children(value: Json) -> list[tuple[str | int, Json]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def at(document: Json, node: Node) -> Json:
    for key in node:
        document = document[key]  # type: ignore[index]
    return document


def below(document: Json, node: Node) -> list[Node]:
    """*node* and all its descendants."""
    found = [node]
    for key, _ in children(at(document, node)):
        found += below(document, (*node, key))
    return found


def chosen(value: Json, selector: Selector) -> list[str | int]:
    """RFC 9535, section 2.3, each selector straight from its own words."""
    kind, of = selector
    if kind == "every":
        return [key for key, _ in children(value)]
    if kind == "names" and isinstance(value, dict) and isinstance(of, list):
        return [name for name in of if name in value]
    if kind == "indices" and isinstance(value, list) and isinstance(of, list):
        counted = [i if i >= 0 else len(value) + i for i in of]
        return [i for i in counted if 0 <= i < len(value)]
    if kind == "slice" and isinstance(value, list) and isinstance(of, tuple):
        return [*range(len(value))[slice(*of)]]
    return []


def evaluate(document: Json, segments: list[tuple[bool, Selector]]) -> set[Node]:
    nodes: set[Node] = {()}
    for deep, selector in segments:
        visited = {v for n in nodes for v in (below(document, n) if deep else [n])}
        nodes = {(*v, key) for v in visited for key in chosen(at(document, v), selector)}
    return nodes


def outermost(nodes: set[Node]) -> set[Node]:
    return {n for n in nodes if not any(n[:k] in nodes for k in range(len(n)))}


def replaced(document: Json, nodes: set[Node], spec: str) -> Json:
    holder: list[Json] = [copy.deepcopy(document)]
    for node in outermost(nodes):
        *way, last = (0, *node)
        target = at(holder, tuple(way))
        lexeme = json.dumps(at(document, node))
        target[last] = json.loads(method.parse(spec).replace(lexeme, Session()))  # type: ignore[index]
    return holder[0]


def one_set(*fields: tuple[str, str]) -> MaskSets:
    compiled = {p: MaskField(path.compile(p), method.parse(m)) for p, m in fields}
    return MaskSets((MaskSet(name="s", why="a law", fields=tuple(compiled.values())),))


def same(left: Json, right: Json) -> bool:
    """Equal as JSON, so that ``1``, ``1.0`` and ``true`` are three values."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@given(DOCUMENTS, SEGMENTS, METHODS, SPELLINGS)
def test_what_changes_is_what_the_path_selects(
    document: Json, segments: list[tuple[bool, Selector]], spec: str, how: dict[str, object]
) -> None:
    raw = json.dumps(document, **how).encode()  # type: ignore[arg-type]
    nodes = evaluate(document, segments)
    using = one_set((spell(segments), spec))

    result = mask(raw, [], using, ["s"], limit=LIMIT)

    assert result.counts == {"s": {spell(segments): len(nodes)}}
    assert same(json.loads(result.raw), replaced(document, nodes, spec))


@given(DOCUMENTS, SEGMENTS, SEGMENTS, SPELLINGS)
def test_several_paths_select_together_what_each_selects_alone(
    document: Json,
    first: list[tuple[bool, Selector]],
    second: list[tuple[bool, Selector]],
    how: dict[str, object],
) -> None:
    raw = json.dumps(document, **how).encode()  # type: ignore[arg-type]
    nodes = evaluate(document, first) | evaluate(document, second)
    using = one_set((spell(first), "constant"), (spell(second), "constant"))

    result = mask(raw, [], using, ["s"], limit=LIMIT)

    assert same(json.loads(result.raw), replaced(document, nodes, "constant"))
    assert result.counts["s"][spell(second)] == len(evaluate(document, second))


@given(DOCUMENTS, SEGMENTS, SPELLINGS)
def test_what_is_not_selected_stays_byte_for_byte(
    document: Json, segments: list[tuple[bool, Selector]], how: dict[str, object]
) -> None:
    """The masked text, with the marks read as "anything", matches the text as it was."""
    raw = json.dumps(document, **how).encode()  # type: ignore[arg-type]

    sent = mask(raw, [], one_set((spell(segments), "constant:~mark~")), ["s"], limit=LIMIT).raw

    kept = sent.split(b'"~mark~"')
    assert b"~mark~" not in raw
    assert re.fullmatch(b".+".join(map(re.escape, kept)), raw, re.DOTALL)


@given(DOCUMENTS, st.lists(st.tuples(SEGMENTS, METHODS), min_size=1, max_size=3))
def test_masking_again_changes_nothing(
    document: Json, fields: list[tuple[list[tuple[bool, Selector]], str]]
) -> None:
    using = one_set(*((spell(s), m) for s, m in fields))
    once = mask(json.dumps(document).encode(), [], using, ["s"], limit=LIMIT).raw

    assert mask(once, [], using, ["s"], limit=LIMIT).raw == once


@given(DOCUMENTS, st.lists(st.tuples(SEGMENTS, METHODS), min_size=2, max_size=3))
def test_the_order_of_fields_does_not_matter(
    document: Json, fields: list[tuple[list[tuple[bool, Selector]], str]]
) -> None:
    unique = list({spell(s): m for s, m in fields}.items())
    raw = json.dumps(document).encode()

    forth = mask(raw, [], one_set(*unique), ["s"], limit=LIMIT)
    back = mask(raw, [], one_set(*reversed(unique)), ["s"], limit=LIMIT)

    assert forth.raw == back.raw
    assert forth.counts == back.counts


@given(DOCUMENTS, SEGMENTS, st.sampled_from(["gzip", "deflate", "br", "zstd"]))
def test_a_coding_changes_nothing_but_the_bytes(
    document: Json, segments: list[tuple[bool, Selector]], coding: str
) -> None:
    raw, using = json.dumps(document).encode(), one_set((spell(segments), "constant"))

    plain = mask(raw, [], using, ["s"], limit=LIMIT)
    coded = mask(encode(raw, [coding]), [coding], using, ["s"], limit=LIMIT)

    assert coded.counts == plain.counts == inspect(raw, [], using, ["s"], limit=LIMIT)
    assert decode(coded.raw, [coding], limit=LIMIT) == plain.raw
