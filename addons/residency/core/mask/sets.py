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

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Self

from residency.core import document as documents
from residency.core.document import Document, Path, Value
from residency.core.faults import Faults
from residency.core.mask import setfile
from residency.core.mask.fields import Direction, MaskField, MaskSet, Place
from residency.core.mask.formats.protobuf import Schema
from residency.core.mask.job import Job

__all__ = ["Direction", "MaskField", "MaskSet", "MaskSets", "Place", "parse"]


@dataclass(frozen=True, slots=True)
class MaskSets:
    """All mask sets, in file order. None at all, the default, has no name to give.

    ``schema`` has the protobuf messages that they can be used on.
    """

    sets: tuple[MaskSet, ...] = ()
    schema: Schema | None = None
    _jobs: dict[tuple[tuple[str, ...], Direction], Job] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

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
        """What the sets *names* look for in a body that goes in this direction. Made once for each selection.

        Raises:
            KeyError: There is no such set.
        """
        wanted = (tuple(dict.fromkeys(names)), direction)
        if wanted not in self._jobs:
            self._jobs[wanted] = Job([self.get(name) for name in wanted[0]], direction)
        return self._jobs[wanted]

    @property
    def with_hmac(self) -> tuple[str, ...]:
        """The sets that need the deployment's key."""
        return tuple(s.name for s in self.sets if any(f.method.kind == "hmac" for f in s.fields))

    def __reduce__(self) -> tuple[type[Self], tuple[tuple[MaskSet, ...], Schema | None]]:
        return type(self), (self.sets, self.schema)


def parse(document: Document, faults: Faults) -> MaskSets | None:
    """The mask sets in *document*; ``None`` if it has a fault, and all of them in *faults*."""
    before = len(faults.found)
    _repeated(document, faults)
    file = documents.fit(document, setfile.FileText, faults)
    if file is None:
        return None
    for number, one in enumerate(file.sets):
        for where, message in one.unfit():
            faults.add(document.fault(("sets", number, *where), *message.split("; ")))
    if len(faults.found) > before:
        return None
    made = MaskSets(tuple(one.made() for one in file.sets), file.protobuf)
    _same_labels(made, document, faults)
    return None if len(faults.found) > before else made


def _same_labels(sets: MaskSets, document: Document, faults: Faults) -> None:
    """Fields that are the same but for their method: counts could not tell them apart."""
    for n, one in enumerate(sets.sets):
        seen: set[str] = set()
        for m, of in enumerate(one.fields):
            if of.label in seen:
                place = ("sets", n, "fields", m)
                faults.add(
                    document.fault(place, f"the field {of.label!a} a second time", "keep one")
                )
            seen.add(of.label)


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
        # With detect, a path may stand beside another that looks for something else.
        plain = [
            None if isinstance(f, dict) and "detect" in f else f for f in _rows(one, "fields")
        ]
        texts = _texts({"fields": plain}, "fields", "path")
        yield "path", [(("sets", n, "fields", m, "path"), text) for m, text in texts]


def _texts(holder: Value, key: str, label: str) -> Iterator[tuple[int, str]]:
    for number, row in enumerate(_rows(holder, key)):
        text = row.get(label) if isinstance(row, dict) else None
        if isinstance(text, str):
            yield number, text


def _rows(holder: Value, key: str) -> list[Value]:
    rows = holder.get(key) if isinstance(holder, dict) else None
    return rows if isinstance(rows, list) else []
