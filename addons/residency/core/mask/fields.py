"""What a mask set is made of: fields, each of which says where to look, for what, and how it is replaced."""

import re
from dataclasses import dataclass
from typing import Literal

from residency.core.mask.detect.base import Detector
from residency.core.mask.method import Method
from residency.core.mask.path import Path_
from residency.core.plain import digest

type Direction = Literal["request", "response"]
type Where = Literal["query", "header", "cookie", "segment"]

#: How deep strings may hold JSON that has strings that hold JSON.
DEPTH = 3
_DEFAULT = Method()
_LAST_NAME = re.compile(
    r"(?:\.|\[['\"])([A-Za-z][\w-]*)(?:['\"]\])?(?:\[[^\]'\"?]*\]|\.\*)*~?\Z", re.ASCII
)


@dataclass(frozen=True, slots=True)
class Place:
    """A part of a call's head. ``template`` belongs to a segment: a path in which ``{name}`` stands for it."""

    where: Where
    name: str
    template: str = ""


@dataclass(frozen=True, slots=True)
class MaskField:
    """Where to look, and how what is found there is replaced.

    ``path`` selects in a body; without one and without a ``place``, every string of the body is looked at. With
    ``detect``, only what is detected in the strings is replaced. ``required`` forbids a call in which nothing is found.
    """

    path: Path_ | None = None
    method: Method = _DEFAULT
    detect: tuple[Detector, ...] = ()
    place: Place | None = None
    required: bool = False

    @property
    def label(self) -> str:
        """Names the field in counts, reports and records."""
        where = self.path.text if self.path else ""
        if self.place:
            where = f"{self.place.where}:{self.place.name}"
        what = (
            f"detect:{','.join(detector.spec for detector in self.detect)}" if self.detect else ""
        )
        return " ".join(filter(None, (where, what)))

    @property
    def kind(self) -> str:
        """The type of tokens that stand for the whole of what is found: its last name, in small letters."""
        if self.place:
            name = self.place.name
        else:
            found = _LAST_NAME.search(self.path.text) if self.path else None
            name = found[1] if found else ""
        return re.sub(r"[^a-z0-9_-]", "", name.lower())[:32].lstrip("0123456789_-") or "value"


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskSet:
    """A named list of fields, and why these are regulated.

    ``json`` selects strings that must hold JSON, ``text_or_json`` strings that may: the whole set applies inside as to
    a document of its own, through at most ``depth`` such strings. ``schemas`` selects JSON Schemas: an object in one
    that a field selects by its name defines such a field, and is not the data itself. ``any_case``: names match whatever
    their case; the set's paths are of that kind.
    """

    name: str
    why: str
    fields: tuple[MaskField, ...]
    directions: frozenset[Direction] = frozenset({"request"})
    json: tuple[Path_, ...] = ()
    text_or_json: tuple[Path_, ...] = ()
    schemas: tuple[Path_, ...] = ()
    depth: int = DEPTH
    any_case: bool = False

    @property
    def reading(self) -> str:
        """Stands for what counts depend on besides the fields; empty where that is nothing but the body itself."""
        inside = [f"json {p.text} {self.depth}" for p in self.json]
        inside += [f"text_or_json {p.text} {self.depth}" for p in self.text_or_json]
        inside += [f"schema {p.text}" for p in self.schemas]
        inside += [f"direction {d}" for d in self.directions]
        inside += ["names any-case"] * self.any_case
        return digest(sorted(inside))[:8] if inside != ["direction request"] else ""

    @property
    def paths(self) -> str:
        """Stands for what the set's counts depend on, whatever the order of its fields; ``reading`` after a dot."""
        fields = digest(sorted(field.label for field in self.fields))[:16]
        return f"{fields}.{self.reading}" if self.reading else fields
