"""Data in JSON Schemas is masked, wherever it stands, and what defines fields is not."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask.engine import mask_json
from residency.core.mask.fields import MaskField, MaskSet
from residency.core.mask.job import Job
from residency.core.mask.path import compile as path
from residency.core.mask.schema import resolved
from residency.core.mask.session import Session

FIELD = MaskField(path("$..email"))
ONE = MaskSet(name="s", why="w", fields=(FIELD,), schemas=(path("$.schema"),))
JOB = Job([ONE], "request")
MAPS = {
    "properties",
    "patternProperties",
    "$defs",
    "definitions",
    "dependentSchemas",
    "dependencies",
}
NAMES = st.sampled_from(
    ["email", "é", "type", "items", "anyOf", "properties", "$defs", "default", "const", "example", "enum", "examples", "DEFAULT"]
)  # fmt: skip
VALUES = st.recursive(
    st.integers(0, 9) | st.text('\\"é{', max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=20,
)


def expected(value: object, kind: str = "schema", *, mine: bool = False) -> object:
    """*value* masked, by the words of the rules; *mine* in what defines the field."""
    if kind == "each" and isinstance(value, list):
        return [expected(one, "data", mine=mine) for one in value]
    if kind == "words" and isinstance(value, list):
        return [expected(one, "words", mine=mine) for one in value]
    if kind in ("each", "data") and mine:
        return "***"
    inside = "schema" if kind in ("schema", "names") else "inside"
    if isinstance(value, list):
        return [expected(one, inside, mine=mine) for one in value]
    if not isinstance(value, dict):
        return value
    made: dict[str, object] = {}
    for name, one in value.items():
        below = inside
        if kind == "schema":
            low = name.lower()
            below = "names" if name in MAPS else "data" if low in ("default", "const", "example") else "each" if low in ("enum", "examples") else "schema" if name in ("items", "anyOf") else "words" if name == "type" else "other"  # fmt: skip
        if name == "email" and (inside == "inside" or below == "other" or not isinstance(one, dict)):  # fmt: skip
            made[name] = "***"
        else:
            made[name] = expected(one, below, mine=mine or name == "email")
    return made


@given(VALUES, st.sampled_from([None, 1]), st.booleans())
def test_the_data_of_a_field_and_nothing_else_is_masked(
    value: object,
    indent: int | None,
    ascii_only: bool,  # noqa: FBT001
) -> None:
    text = json.dumps({"schema": value, "é": 1}, indent=indent, ensure_ascii=ascii_only)

    sent = mask_json(text.encode(), JOB, Session()).data

    assert json.loads(sent) == {"schema": expected(value), "é": 1}


def test_without_a_schema_everything_stays_what_it_is() -> None:
    data = b'{"email":{"default":1}}'
    hits = JOB.top.plan.select(data)

    assert resolved(data, hits, JOB.top) == [(hit, hit.paths) for hit in hits]


@pytest.mark.parametrize(
    "schema",
    [
        {"x-sample": {"email": {"work": "ada@b.test"}}},
        {"x-samples": [{"email": {"work": "ada@b.test"}}]},
        {"type": {"email": {"work": "ada@b.test"}}},
        {"email": {"work": "ada@b.test"}},
        {"properties": {"email": {"email": {"work": "ada@b.test"}}}},
    ],
)
def test_what_no_schema_has_hides_no_data(schema: object) -> None:
    assert b"ada" not in mask_json(json.dumps({"schema": schema}).encode(), JOB, Session()).data


def test_a_field_that_a_schema_defines_keeps_what_says_its_type() -> None:
    field = {"type": ["string", "null"], "format": "email", "nullable": True, "x-order": 1}
    schema = {"type": "object", "properties": {"email": field}, "required": ["email"]}
    nested = {"anyOf": [schema], "items": [schema], "additional_properties": schema}
    data = json.dumps({"schema": nested}).encode()

    assert mask_json(data, JOB, Session()).data == data
