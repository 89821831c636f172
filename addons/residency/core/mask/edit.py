"""A body with replacements in the places of selected values. Nothing is proven here: ``swift`` proves the result."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Self

from residency.core.mask.course import By, Course, Replace
from residency.core.mask.runs import VALUE, Run, Slot
from residency.core.mask.shape import Unfit

_VALUE = re.compile(rb"[ \t\n\r]*+(" + VALUE + rb")", re.DOTALL)

type _Runs = list[tuple[Run, re.Pattern[bytes]]]


@dataclass(frozen=True, slots=True)
class Places:
    """Which ``parts`` of an edit are values that these paths select, and these values as they were."""

    where: slice
    paths: tuple[int, ...]
    values: list[bytes] = field(repr=False)


@dataclass(slots=True)
class Edit:
    """The ``parts`` of a body, every second one a selected value."""

    parts: list[bytes] = field(default_factory=list, repr=False)
    places: list[Places] = field(default_factory=list)

    @classmethod
    def of(cls, data: bytes, course: Course) -> Self:
        """*data* in parts, as *course* goes.

        Raises:
            Unfit: It does not go so.
        """
        edit = cls()
        (edit.in_order if course.ordered else edit.anywhere)(data, course)
        return edit

    def values(self) -> Iterator[bytes]:
        return chain.from_iterable(place.values for place in self.places)

    def counts(self) -> Counter[tuple[int, ...]]:
        """How many values each group of paths selects."""
        counts: Counter[tuple[int, ...]] = Counter()
        for place in self.places:
            counts[place.paths] += len(place.values)
        return counts

    def result(self, replace: Replace) -> bytes:
        """The body with each value replaced."""
        for place in self.places:
            self.parts[place.where] = _new(replace(place.paths), place.values)
        return b"".join(self.parts)

    def in_order(self, data: bytes, course: Course) -> None:
        """The selected keys come in one order: some once, then some over and over."""
        at = self._once(data, 0, course.before)
        if at is None:
            raise Unfit
        begun = len(self.parts)
        if len(course.cycle) == 1:
            self.parts += course.cycle[0][1].split(data[at:] if at else data)
        else:
            row: int | None = at
            while course.cycle and row is not None:
                at, row = row, self._once(data, row, course.cycle)
            self.parts.append(data[at:])
        self._place(course.before, 0, begun)
        self._place(course.cycle, begun, len(self.parts) - 1)

    def _once(self, data: bytes, at: int, runs: _Runs) -> int | None:
        """Take each of *runs*, once, from *at* on; answer where that ends. ``None``, and nothing: they are not all there."""
        begun = len(self.parts)
        for run, pattern in runs:
            token = data.find(run.token, at)
            found = None if token < 0 else pattern.match(data, token)
            if not found:
                del self.parts[begun:]
                return None
            self.parts.append(data[at:token])
            self.parts += found.groups()
            at = found.end()
        return at

    def _place(self, runs: _Runs, begin: int, end: int) -> None:
        """Say which of the parts from *begin* to *end*, in which *runs* come over and over, are values."""
        row = sum(1 + run.groups for run, _ in runs)
        at = begin
        for run, _ in runs:
            for number, paths in enumerate(run.paths):
                where = slice(at + 2 + 2 * number, end, row)
                self.places.append(Places(where, paths, self.parts[where]))
            at += 1 + run.groups

    def anywhere(self, data: bytes, course: Course) -> None:
        """The selected keys come in any order: one scan for each."""
        found: list[tuple[int, Slot]] = []
        for slot in course.slots:
            at = data.find(slot.token)
            while at >= 0:
                at += len(slot.token)
                found.append((at, slot))
                at = data.find(slot.token, at)
        done = 0
        for begun, slot in sorted(found, key=_begun):
            value = _VALUE.match(data, begun)
            if not value:
                raise Unfit
            at, end = value.span(1)
            self.parts += data[done:at], data[at:end]
            number = len(self.parts) - 1
            self.places.append(Places(slice(number, number + 1), slot.paths, self.parts[number:]))
            done = end
        self.parts.append(data[done:])


def _begun(found: tuple[int, Slot]) -> int:
    return found[0]


def _new(by: By, values: list[bytes]) -> list[bytes]:
    return [by] * len(values) if isinstance(by, bytes) else [by(value) for value in values]
