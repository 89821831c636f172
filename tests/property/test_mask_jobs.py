"""What holds for masking with whatever a set can say, on whatever JSON."""

import itertools
import json
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask import method, path
from residency.core.mask.detect import spec
from residency.core.mask.engine import inspect_json, mask_json
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskField, MaskSet, MaskSets
from residency.errors import Unread

PATHS = [
    "$",
    "$..a",
    "$.*",
    "$..b",
    "$.a.b",
    "$..*~",
    "$..a~",
    "$[0]",
    "$..[1:]",
    "$..[?@.a]",
    "$..[?@.b == 1].a",
]
METHODS = [
    "constant",
    "constant:x@y.de",
    "null",
    "remove",
    "hmac",
    "token",
    "partial:2",
    "round:0",
    "truncate:year",
]
FOR_TEXTS = ["constant", "constant:x@y.de", "remove", "hmac", "token", "partial:2"]
DETECT = ["email", "card", "ip"]
WORDS = [
    "a@b.de",
    "4111 1111 1111 1111",
    "10.0.0.1",
    "x",
    "é",
    '"',
    "\\",
    "\u200b",
    " ",
    "<a:0123456789abcdef>",
    "{",
    "1",
]


def fits(where: str, how: str) -> bool:
    return not (where.endswith("~") and how in ("null", "remove"))


WHOLE = st.builds(
    lambda p, m: MaskField(path.compile(p), method.parse(m if fits(p, m) else "hmac")),
    st.sampled_from(PATHS),
    st.sampled_from(METHODS),
)
PARTS = st.builds(
    lambda p, d, m: MaskField(p and path.compile(p), method.parse(m), (spec.parse(d),)),
    st.sampled_from([None, "$", "$..a", "$..a~"]),
    st.sampled_from(DETECT),
    st.sampled_from(FOR_TEXTS),
)
FIELDS = st.lists(WHOLE | PARTS, min_size=1, max_size=4, unique_by=lambda f: f.label)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=4).map("".join)
SCALARS = TEXTS | st.none() | st.booleans() | st.integers() | st.just(4111111111111111)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "c", "a@b.de", "é"]), inner, max_size=4)
        | st.fixed_dictionaries({"json": inner.map(json.dumps)})
    ),
    max_leaves=12,
)
SPELLINGS = st.sampled_from([{"ensure_ascii": True}, {"ensure_ascii": False, "indent": 1}, {"separators": (",", ":")}])  # fmt: skip
JSON = st.sampled_from([(), (path.compile("$..json"),)])


def one_set(
    fields: list[MaskField], inside: tuple[path.Path_, ...], *, name: str = "s"
) -> MaskSet:
    return MaskSet(name=name, why="a law", fields=tuple(fields), json=inside, depth=8)


def sent(data: bytes, sets: MaskSets) -> tuple[bytes, object] | str:
    """The masked document and its counts, or why there is none."""
    job = sets.job(sets.names)
    counts = inspect_json(data, job)
    try:
        edited = mask_json(data, job, Session(b"k" * 32, b"nonce"))
    except Unread as e:
        return e.reason
    assert edited.counts == counts
    return edited.data, {name: dict(of) for name, of in counts.items()}


@given(DOCUMENTS, FIELDS, JSON, SPELLINGS)
def test_a_document_is_masked_to_json_or_refused_for_a_reason(
    value: object, fields: list[MaskField], inside: tuple[path.Path_, ...], how: dict[str, object]
) -> None:
    data = json.dumps(value, **how).encode()  # type: ignore[arg-type]
    found = sent(data, MaskSets((one_set(fields, inside),)))

    if isinstance(found, str):
        assert found in ("drift", "duplicate-key", "not-json", "depth")
    else:
        json.loads(found[0])
        assert found[0] == data or any(n for of in found[1].values() for n in of.values())  # type: ignore[attr-defined]


@given(DOCUMENTS, FIELDS, JSON, SPELLINGS)
def test_neither_the_order_of_fields_nor_that_of_sets_matters(
    value: object, fields: list[MaskField], inside: tuple[path.Path_, ...], how: dict[str, object]
) -> None:
    data = json.dumps(value, **how).encode()  # type: ignore[arg-type]
    forth = sent(data, MaskSets((one_set(fields, inside),)))
    back = sent(data, MaskSets((one_set(fields[::-1], inside),)))
    apart = [
        MaskSets(tuple(one_set([f], inside, name=f"s{n}") for n, f in order))
        for order in itertools.islice(itertools.permutations(enumerate(fields)), 3)
    ]

    assert forth == back
    results = [
        found if isinstance(found, str) else found[0] for found in (sent(data, s) for s in apart)
    ]
    assert len(set(results)) == 1


@given(DOCUMENTS, FIELDS, SPELLINGS)
def test_what_no_field_finds_is_sent_as_it_came(
    value: object, fields: list[MaskField], how: dict[str, object]
) -> None:
    data = json.dumps(value, **how).encode()  # type: ignore[arg-type]
    job = MaskSets((one_set(fields, ()),)).job(["s"])

    if not any(inspect_json(data, job)["s"].values()):
        assert mask_json(data, job, Session()).data is data


@given(DOCUMENTS, st.sampled_from(DETECT), JSON)
def test_nothing_that_is_detected_is_left(
    value: object, what: str, inside: tuple[path.Path_, ...]
) -> None:
    job = MaskSets((one_set([MaskField(detect=(spec.parse(what),))], inside),)).job(["s"])
    left = b"null"
    with suppress(Unread):
        left = mask_json(json.dumps(value).encode(), job, Session()).data

    assert not any(inspect_json(left, job)["s"].values())


def told(data: bytes, sets: MaskSets, names: list[str]) -> dict[str, object] | str:
    try:
        return {name: dict(of) for name, of in inspect_json(data, sets.job(names)).items()}
    except Unread as e:
        return e.reason


@given(DOCUMENTS, FIELDS, JSON, SPELLINGS)
def test_a_set_finds_the_same_with_others_as_by_itself(
    value: object, fields: list[MaskField], inside: tuple[path.Path_, ...], how: dict[str, object]
) -> None:
    data = json.dumps(value, **how).encode()  # type: ignore[arg-type]
    sets = MaskSets(tuple(one_set([f], inside, name=f"s{n}") for n, f in enumerate(fields)))
    together = told(data, sets, list(sets.names))

    for name in sets.names:
        alone = told(data, sets, [name])
        assert alone == ({name: together[name]} if isinstance(together, dict) else together)
