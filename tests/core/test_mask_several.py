"""Documents one after another in a text: each is masked as it is alone, and prose behind them is prose."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask.engine import mask_json
from residency.core.mask.fields import MaskField, MaskSet
from residency.core.mask.job import Job
from residency.core.mask.path import compile as path
from residency.core.mask.plan import Plan
from residency.core.mask.session import Session
from residency.core.mask.several import select

FIELD = MaskField(path("$..email"))
JOB = Job([MaskSet(name="s", why="w", fields=(FIELD,), text_or_json=(path("$.text"),))], "request")
ALONE = Job([MaskSet(name="s", why="w", fields=(FIELD,))], "request")
VALUES = st.recursive(
    st.none() | st.integers() | st.text('é"\\{}[]:, a'),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["email", "é", "b"]), inner, max_size=3)
    ),
    max_leaves=8,
)
DOCUMENTS = st.lists(VALUES, max_size=2) | st.dictionaries(
    st.sampled_from(["email", "a"]), VALUES, max_size=2
)
SEPARATORS = st.sampled_from(["\n", "", " ", "\r\n\n", ",\n", "\x1e", "\u2028", "\n\ufeff"])


@given(
    st.lists(st.tuples(DOCUMENTS, SEPARATORS, st.sampled_from([None, 1])), min_size=1, max_size=4),
    st.sampled_from(["", "prose", "é: email", "(see [1])", "email: {}"]),
)
def test_each_document_is_masked_as_it_is_alone(
    rows: list[tuple[object, str, int | None]], prose: str
) -> None:
    documents = [json.dumps(value, indent=indent) for value, _, indent in rows]
    masked = [mask_json(one.encode(), ALONE, Session()).data.decode() for one in documents]
    ends = [separator for _, separator, _ in rows]
    said, left = (
        "".join(a + b for a, b in zip(some, ends, strict=True)) + prose
        for some in (documents, masked)
    )

    sent = mask_json(json.dumps({"text": said}).encode(), JOB, Session()).data

    assert json.loads(sent) == {"text": left}


@given(st.text('{}[]",1 \\néa', max_size=12))
def test_prose_begins_where_no_document_does(text: str) -> None:
    hits, end = select(text, Plan([path("$")]))

    for hit in hits:
        json.loads(text.encode()[hit.start : hit.end])
    rest = text[end:].lstrip(" \n,")
    if rest.startswith(("{", "[")):
        with pytest.raises(json.JSONDecodeError):
            json.JSONDecoder().raw_decode(rest)


def test_a_byte_order_mark_between_documents_hides_none() -> None:
    text = '{"email": 1}\n\ufeff{"email": "ada"}'

    sent = mask_json(json.dumps({"text": text}).encode(), JOB, Session()).data

    assert b"ada" not in sent
