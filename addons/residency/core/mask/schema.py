"""JSON Schemas in a document: what defines a field there is not the field, but the data in a schema is data.

An object that stands where a schema does, and that paths select by its name, says what such a field may be, and stays.
What it gives as data, ``default``, ``const``, ``example``, and each of ``enum`` and ``examples``, are values of the field,
however deep in its definition. In data itself nothing is a definition (JSON Schema 2020-12, Validation, sections 6.1.2,
6.1.3, 9.2 and 9.5; ``example`` is OpenAPI's), nor in what goes by a name that no schema has (Core, section 6.5).
"""

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from residency.core.mask.job import Layer
from residency.core.mask.names import fold
from residency.core.mask.plan import Hit

type _Kind = Literal["schema", "names", "words", "data", "each", "other", "inside"]

_TOKEN = re.compile(rb'[ \t\n\r,:]*+("(?:[^"\\]++|\\.)*+"|[\[\]{}]|[-+.0-9a-zA-Z]++)', re.DOTALL)
#: Members of a schema that have schemas by names that are anybody's; ``defs`` is Vertex AI's.
_NAMES = frozenset(
    {"properties", "patternProperties", "$defs", "defs", "definitions", "dependentSchemas", "dependencies"}
)  # fmt: skip
#: Those that are schemas, or arrays of them; in Google's spelling, too.
_SCHEMAS = frozenset(
    {
        "items", "prefixItems", "prefix_items", "additionalItems", "unevaluatedItems", "contains", "propertyNames",
        "additionalProperties", "additional_properties", "unevaluatedProperties", "not", "if", "then", "else", "allOf",
        "anyOf", "any_of", "oneOf", "contentSchema",
    }
)  # fmt: skip
#: Those that are names of types or of members.
_WORDS = frozenset({"type", "required", "propertyOrdering", "property_ordering"})
_BY_KIND: dict[_Kind, frozenset[str]] = {"names": _NAMES, "schema": _SCHEMAS, "words": _WORDS}
_KINDS = {name: kind for kind, names in _BY_KIND.items() for name in names}
#: By their folded names, since some readers take them in any case.
_DATA: dict[str, _Kind] = {
    "default": "data", "const": "data", "example": "data", "enum": "each", "examples": "each"
}  # fmt: skip
_IN_ARRAY: dict[_Kind, _Kind] = {
    "each": "data", "data": "inside", "other": "inside", "inside": "inside", "words": "words"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Schema:
    """One that is open, where it ends, the sets to which it is one, and the extents of its data, ascending.

    ``apart`` are these and all others in which nothing is a definition.
    """

    end: int
    holders: frozenset[int]
    data: Sequence[tuple[int, int]]
    apart: Sequence[tuple[int, int]]

    def defines(self, at: int) -> bool:
        """True if what stands at *at* may define a field."""
        number = bisect_right(self.apart, (at + 1,)) - 1
        return number < 0 or at >= self.apart[number][1]

    def within(self, start: int, end: int) -> Sequence[tuple[int, int]]:
        return self.data[bisect_left(self.data, (start,)) : bisect_left(self.data, (end,))]


def resolved(data: bytes, hits: Sequence[Hit], layer: Layer) -> list[tuple[Hit, tuple[int, ...]]]:
    """*hits* in *data*, each with its paths but for those to which it defines a field; and the data of definitions."""
    if not any(layer.action(hit.paths).schema for hit in hits):
        return [(hit, hit.paths) for hit in hits]
    made: dict[int, tuple[Hit, tuple[int, ...]]] = {}
    schemas: list[_Schema] = []

    def add(hit: Hit, kept: Sequence[int]) -> None:
        before, others = made.get(hit.start, (hit, ()))
        both = replace(hit, paths=_united(before.paths, hit.paths))
        made[hit.start] = both, _united(others, kept)

    for hit in hits:
        while schemas and schemas[-1].end <= hit.start:
            schemas.pop()
        kept = set(hit.paths)
        for schema in schemas if data[hit.start : hit.start + 1] == b"{" else ():
            named = layer.named(hit.paths, schema.holders)
            if named and schema.defines(hit.start):
                kept.difference_update(named)
                for start, end in schema.within(hit.start, hit.end):
                    add(Hit(start, end, named), named)
        add(hit, tuple(kept))
        if holders := layer.action(hit.paths).schema:
            read = _Reader(data, hit.start)
            schemas.append(_Schema(hit.end, holders, read.data, read.apart))
    return [made[start] for start in sorted(made)]


def _united(one: Sequence[int], other: Sequence[int]) -> tuple[int, ...]:
    return tuple(sorted({*one, *other}))


@dataclass(slots=True)
class _Reader:
    """One schema, which is strict JSON and begins at ``at``."""

    raw: bytes = field(repr=False)
    at: int
    data: list[tuple[int, int]] = field(default_factory=list)
    apart: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._value(*self._next(), "schema")

    def _next(self) -> tuple[bytes, int]:
        """The next token, and where it begins."""
        found = _TOKEN.match(self.raw, self.at)
        assert found  # noqa: S101 - it is JSON
        self.at = found.end()
        return found[1], found.start(1)

    def _value(self, token: bytes, start: int, kind: _Kind) -> None:
        if token == b"{":
            while (key := self._next()[0]) != b"}":
                self._value(*self._next(), _member(kind, key))
        elif token == b"[":
            while (element := self._next())[0] != b"]":
                self._value(*element, _IN_ARRAY.get(kind, "schema"))
        is_data = kind == "data" or (kind == "each" and token != b"[")
        if is_data:
            self.data.append((start, self.at))
        if is_data or kind == "other" or (kind == "words" and token == b"{"):
            self.apart.append((start, self.at))


def _member(kind: _Kind, key: bytes) -> _Kind:
    if kind == "schema":
        name = json.loads(key)
        return _DATA.get(fold(name)) or _KINDS.get(name, "other")
    return "schema" if kind == "names" else "inside"
