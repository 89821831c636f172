"""What to look for in one body: the fields of some sets in one row, and all their paths as one plan.

A string that holds JSON is a document of its own, in which only the sets apply that say so; each such selection of
sets is a ``Layer`` with its own plan, made when it is first needed.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from residency.core.mask.fields import Direction, MaskField, MaskSet
from residency.core.mask.path import Path_
from residency.core.mask.plan import Plan

#: For each mask set by name, for each of its fields by label: how much it finds.
type Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, eq=False)
class Action:
    """What is done with a value that certain paths select.

    ``whole`` is the field whose method replaces all of it; ``text`` that replacement as far as it is known beforehand.
    Where there is none, ``parts`` are the fields that detect in it, ``inside`` the sets that apply in the JSON that it
    holds, and it is ``strict`` that it holds some. ``counted`` are the fields that count it, and ``schema`` the sets to
    which it is a JSON Schema.
    """

    whole: int | None
    counted: tuple[int, ...]
    parts: frozenset[int]
    inside: frozenset[int]
    strict: bool
    schema: frozenset[int]
    text: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class _Target:
    """What one path of a plan is for: a field by its number, or a set that says what stands there."""

    field: int | None
    holder: int
    what: Literal["field", "json", "text_or_json", "schema"] = "field"


class Layer:
    """The sets that apply in one document, by their numbers; ``texts`` are the fields that look at all its strings."""

    def __init__(self, job: "Job", sets: frozenset[int]) -> None:
        self.job = job
        rows = list(self._rows(sets))
        self.targets = [target for _, target in rows]
        self.plan = Plan([path for path, _ in rows])
        self.texts = frozenset(
            n
            for n, (holder, one) in enumerate(job.rows)
            if holder in sets and one.detect and not one.path and not one.place
        )
        #: What is selected may be another once values are masked: paths that look at values or keys, or counts that shrink.
        self.shifting = any("?" in p.text or p.keys for p, _ in rows) or any(
            f.method.kind == "remove" for f in job.fields
        )
        self.actions: dict[tuple[int, ...], Action] = {}

    def _rows(self, sets: frozenset[int]) -> Iterator[tuple[Path_, _Target]]:
        for number, (holder, one) in enumerate(self.job.rows):
            if holder in sets and one.path:
                yield one.path, _Target(number, holder)
        for holder in sorted(sets):
            of = self.job.sets[holder]
            yield from ((path, _Target(None, holder, "json")) for path in of.json)
            yield from ((path, _Target(None, holder, "text_or_json")) for path in of.text_or_json)
            yield from ((path, _Target(None, holder, "schema")) for path in of.schemas)

    def action(self, paths: tuple[int, ...]) -> Action:
        """What is done with a value that the paths of these numbers select."""
        if paths not in self.actions:
            self.actions[paths] = self._action([self.targets[number] for number in paths])
        return self.actions[paths]

    def named(self, paths: tuple[int, ...], sets: frozenset[int]) -> tuple[int, ...]:
        """Those of *paths* by which the sets of these numbers mask what stands there for its name, whatever it is."""
        return tuple(n for n in paths if self._names(self.targets[n], sets))

    def _names(self, target: _Target, sets: frozenset[int]) -> bool:
        known = target.field is not None and target.holder in sets
        return known and not self.job.fields[target.field or 0].detect

    def _action(self, targets: Sequence[_Target]) -> Action:
        fields = self.job.fields
        numbers = [t.field for t in targets if t.field is not None]
        counted = tuple(n for n in numbers if not fields[n].detect)
        whole = min(counted, key=lambda n: (fields[n].method.rank, fields[n].kind), default=None)
        method = None if whole is None else fields[whole].method
        text = None
        if method and method.kind in ("constant", "null"):
            text = b"null" if method.kind == "null" else json.dumps(method.text).encode()
        return Action(
            whole,
            counted,
            frozenset(n for n in numbers if fields[n].detect),
            frozenset(t.holder for t in targets if t.what in ("json", "text_or_json")),
            any(t.what == "json" for t in targets),
            frozenset(t.holder for t in targets if t.what == "schema"),
            text,
        )


class Job:
    """The sets *sets* in one direction. A field's number is its place in ``fields``."""

    def __init__(self, sets: Sequence[MaskSet], direction: Direction) -> None:
        self.sets = tuple(sets)
        self.rows = tuple(
            (holder, one)
            for holder, of in enumerate(self.sets)
            if direction in of.directions
            for one in of.fields
        )
        self.fields: tuple[MaskField, ...] = tuple(one for _, one in self.rows)
        self.layers: dict[frozenset[int], Layer] = {}
        self.top = self.layer(
            frozenset(n for n, s in enumerate(sets) if direction in s.directions)
        )

    @property
    def places(self) -> tuple[int, ...]:
        """The numbers of the fields that look at a call's head."""
        return tuple(n for n, one in enumerate(self.fields) if one.place)

    def layer(self, sets: frozenset[int]) -> Layer:
        """What applies where only the sets of these numbers do."""
        if sets not in self.layers:
            self.layers[sets] = Layer(self, sets)
        return self.layers[sets]

    def counts(self, found: Sequence[int] = ()) -> Counts:
        """*found*, by the numbers of fields, in their words; without it, zeros."""
        made: Counts = {one.name: {} for one in self.sets}
        for number, (holder, one) in enumerate(self.rows):
            made[self.sets[holder].name][one.label] = found[number] if found else 0
        return made
