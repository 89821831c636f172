"""Mask sets: named lists of fields, from ``masks.yaml``.

::

    version: 1
    sets:
      - name: personal-data
        why: GDPR Art. 4(1)
        fields:
          - path: $..email
          - {path: $..phone, with: "partial:2"}
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator

from residency.core import document as documents
from residency.core.document import Document, Path, Value
from residency.core.faults import Faults
from residency.core.mask import method as methods
from residency.core.mask import path as paths
from residency.core.mask.method import Method
from residency.core.mask.path import Path_
from residency.core.plain import digest

type Direction = Literal["request", "response"]

_NAME = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class MaskField:
    """One path, and how what it selects is replaced."""

    path: Path_
    method: Method

    @property
    def label(self) -> str:
        """Names the field in counts."""
        return self.path.text


@dataclass(frozen=True, slots=True)
class Job:
    """What to look for in one body: the fields of some sets, in one row."""

    sets: tuple["MaskSet", ...]
    fields: tuple[MaskField, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskSet:
    """A named list of fields, and why these are regulated."""

    name: str
    why: str
    fields: tuple[MaskField, ...]

    @property
    def paths(self) -> str:
        """Stands for the set's paths, whatever their order: what its counts depend on."""
        return digest(sorted(field.label for field in self.fields))[:16]


@dataclass(frozen=True, slots=True)
class MaskSets:
    """All mask sets, in file order. None at all, the default, has no name to give."""

    sets: tuple[MaskSet, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.sets)

    def get(self, name: str) -> MaskSet:
        """The set called *name*.

        Raises:
            KeyError: There is none. A set that is not known is never an empty one.
        """
        for one in self.sets:
            if one.name == name:
                return one
        raise KeyError(name)

    def job(self, names: Sequence[str], direction: Direction = "request") -> Job:
        """What the sets *names* look for in a body that goes in this direction.

        Raises:
            KeyError: There is no such set.
        """
        del direction
        sets = tuple(self.get(name) for name in dict.fromkeys(names))
        return Job(sets, tuple(field for one in sets for field in one.fields))


def parse(document: Document, faults: Faults) -> MaskSets | None:
    """The mask sets in *document*; ``None`` if it has a fault, and all of them in *faults*."""
    before = len(faults.found)
    _repeated(document, faults)
    file = documents.fit(document, _File, faults)
    if file is None or len(faults.found) > before:
        return None
    return MaskSets(
        tuple(
            MaskSet(
                name=one.name,
                why=one.why,
                fields=tuple(MaskField(field.path, field.method) for field in one.fields),
            )
            for one in file.sets
        )
    )


def _one(text: str) -> str:
    if text != "1":
        raise ValueError("must be 1, the only version there is; write version: 1")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("a name is of a-z, 0-9 and -; write it like personal-data")
    return text


def _path(value: object) -> Path_:
    if not isinstance(value, str):
        raise ValueError("must be one JSONPath, as text; write it like $..email")  # noqa: TRY004 - pydantic's
    return paths.compile(value)


def _method(value: object) -> Method:
    if not isinstance(value, str):
        raise ValueError("must be text; write it like partial:4, or leave it out")  # noqa: TRY004 - pydantic's
    return methods.parse(value)


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Field(_Model):
    path: Annotated[Path_, PlainValidator(_path)]
    method: Annotated[Method, PlainValidator(_method)] = Field(default=Method(), alias="with")


class _Set(_Model):
    name: Annotated[str, AfterValidator(_name)]
    why: Annotated[str, Field(min_length=1)]
    fields: Annotated[list[_Field], Field(min_length=1)]


class _File(_Model):
    version: Annotated[str, AfterValidator(_one)]
    sets: Annotated[list[_Set], Field(min_length=1)]


def _repeated(document: Document, faults: Faults) -> None:
    """Names and paths that occur twice: counts could not tell them apart."""
    for kind, labels in _labels(document.value):
        seen: set[str] = set()
        for place, label in labels:
            if label in seen:
                faults.add(
                    document.fault(place, f"the {kind} {label!a} a second time", "keep one")
                )
            seen.add(label)


def _labels(value: Value) -> Iterator[tuple[str, list[tuple[Path, str]]]]:
    """The names of all sets, then the paths of each: also of a file that has other faults."""
    yield "name", [(("sets", n, "name"), text) for n, text in _texts(value, "sets", "name")]
    for n, one in enumerate(_rows(value, "sets")):
        texts = _texts(one, "fields", "path")
        yield "path", [(("sets", n, "fields", m, "path"), text) for m, text in texts]


def _texts(holder: Value, key: str, label: str) -> Iterator[tuple[int, str]]:
    for number, row in enumerate(_rows(holder, key)):
        text = row.get(label) if isinstance(row, dict) else None
        if isinstance(text, str):
            yield number, text


def _rows(holder: Value, key: str) -> list[Value]:
    rows = holder.get(key) if isinstance(holder, dict) else None
    return rows if isinstance(rows, list) else []
