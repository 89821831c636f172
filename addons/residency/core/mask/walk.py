"""Which values of a JSON text several paths select, and where in the text these stand.

All paths run in one pass. A state is a set of places in paths, as bits of an integer: a path of
*n* segments has *n* + 1 of them, and the last one says "selected". Each value of the text gets a
state from its parent's; where no place is left, the value is skipped at the speed of the C parser.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from residency.core.mask.path import Path_, Segment
from residency.core.mask.text import JsonText

_BLANK = re.compile(r"[ \t\n\r]*+")
#: Elements of an array up to its end or to the next one that is a container.
_SCALARS = re.compile(r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
#: Reads any one value and keeps little of it; numbers of any length are text.
_SKIP = json.JSONDecoder(object_pairs_hook=lambda _: None, parse_int=str, parse_float=str)


@dataclass(frozen=True, slots=True)
class Hit:
    """A selected value: its span in the text, and the numbers of the paths that select it."""

    start: int
    end: int
    paths: tuple[int, ...]


@dataclass(slots=True)
class _Step:
    """Where a state leads: ``every`` child, besides that by name, index or slice."""

    every: int = 0
    names: dict[str, int] = field(default_factory=dict)
    indices: dict[int, int] = field(default_factory=dict)
    slices: list[tuple[slice, int]] = field(default_factory=list)

    def add(self, segment: Segment, here: int) -> None:
        there = here << 1
        if segment.deep:
            self.every |= here
        if segment.every:
            self.every |= there
        if segment.slice:
            self.slices.append((slice(*segment.slice), there))
        for name in segment.names:
            self.names[name] = self.names.get(name, 0) | there
        for index in segment.indices:
            self.indices[index] = self.indices.get(index, 0) | there

    def element(self, index: int, length: int) -> int:
        state = self.every | self.indices.get(index, 0) | self.indices.get(index - length, 0)
        for part, there in self.slices:
            # Python's slices are those of RFC 9535, section 2.3.4.2.2, save for step 0.
            if index in range(*part.indices(length)):
                state |= there
        return state


class _Machine:
    """Several paths as one automaton. Steps are worked out when a text first needs them."""

    def __init__(self, paths: Sequence[Path_]) -> None:
        self.segments: dict[int, Segment] = {}
        self.ends: dict[int, int] = {}
        self.start = 0
        self.steps: dict[int, _Step] = {}
        self.numbers: dict[int, tuple[int, ...]] = {}
        bit = 1
        for number, path in enumerate(paths):
            self.start |= bit
            for segment in path.segments:
                self.segments[bit] = segment
                bit <<= 1
            self.ends[bit] = number
            bit <<= 1
        self.selected = sum(self.ends)

    def step(self, state: int) -> _Step:
        if state not in self.steps:
            self.steps[state] = made = _Step()
            for bit, segment in self.segments.items():
                if state & bit:
                    made.add(segment, bit)
        return self.steps[state]

    def paths(self, state: int) -> tuple[int, ...]:
        if state not in self.numbers:
            found = tuple(number for bit, number in self.ends.items() if state & bit)
            self.numbers[state] = found
        return self.numbers[state]


def select(body: JsonText, paths: Sequence[Path_]) -> list[Hit]:
    """Every value that one of *paths* selects, once each, as in the text; outer before inner."""
    walk = _Walk(body.text, _Machine(paths))
    walk.value(walk.blank(0), walk.machine.start)
    return sorted(walk.hits, key=lambda hit: hit.start)


class _Walk:
    """One pass over one text. It has been validated, so each next character is known in kind."""

    def __init__(self, text: str, machine: _Machine) -> None:
        self.text = text
        self.machine = machine
        self.hits: list[Hit] = []

    def blank(self, at: int) -> int:
        """The end of the white space at *at*."""
        if self.text[at : at + 1] not in " \t\n\r":
            return at
        return _BLANK.match(self.text, at).end()  # type: ignore[union-attr]

    def value(self, at: int, state: int) -> int:
        """Take the value that begins at *at*; answer where it ends."""
        if not state & ~self.machine.selected or self.text[at] not in "{[":
            end = _SKIP.raw_decode(self.text, at)[1]
        elif self.text[at] == "{":
            end = self.members(at, self.machine.step(state))
        else:
            end = self.elements(at, self.machine.step(state))
        if state & self.machine.selected:
            self.hits.append(Hit(at, end, self.machine.paths(state)))
        return end

    def members(self, at: int, step: _Step) -> int:
        at = self.blank(at + 1)
        while self.text[at] != "}":
            name, at = _SKIP.raw_decode(self.text, at)
            at = self.blank(self.blank(at) + 1)
            at = self.blank(self.value(at, step.names.get(name, 0) | step.every))
            if self.text[at] == ",":
                at = self.blank(at + 1)
        return at + 1

    def elements(self, at: int, step: _Step) -> int:
        counted = bool(step.indices or step.slices)
        if not counted and not step.every & self.machine.selected:
            return self.containers(at, step)
        length = len(_SKIP.raw_decode(self.text, at)[0]) if counted else 0
        at, index = self.blank(at + 1), 0
        while self.text[at] != "]":
            at = self.blank(self.value(at, step.element(index, length)))
            index += 1
            if self.text[at] == ",":
                at = self.blank(at + 1)
        return at + 1

    def containers(self, at: int, step: _Step) -> int:
        """The elements where none that is a scalar can be selected: only containers matter."""
        at = _SCALARS.match(self.text, at + 1).end()  # type: ignore[union-attr]
        while self.text[at] != "]":
            at = self.value(at, step.every)
            at = _SCALARS.match(self.text, at).end()  # type: ignore[union-attr]
        return at + 1
