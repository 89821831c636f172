"""Which values and keys of a JSON text several paths select, and where in the text these stand.

All paths run in one pass. A state is a set of places in paths, as bits of an integer: a path of
*n* segments has *n* + 1 of them, and the last one says "selected". Each value of the text gets a
state from its parent's; where no place is left, the value is skipped at the speed of the C parser.
Filters ask the parsed document, which is made only if there are any.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from residency.core.mask.filters import Filters, Json, number
from residency.core.mask.names import fold
from residency.core.mask.path import Path_
from residency.core.mask.text import JsonText
from residency.core.mask.tree import Logical, Segment

_BLANK = re.compile(r"[ \t\n\r]*+")
#: Elements of an array up to its end or to the next one that is a container.
_SCALARS = re.compile(r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
#: What comes before a member's value, in text that is known to be JSON; a comma before the key, too. Then the value, if it
#: is a scalar.
_MEMBER = re.compile(
    r'[ \t\n\r,]*+"((?:[^"\\]++|\\.)*+)"[ \t\n\r]*+:[ \t\n\r]*+("(?:[^"\\]++|\\.)*+"|[-+.0-9a-zA-Z]++)?+',
    re.DOTALL,
)
_SCALAR = re.compile(r'"(?:[^"\\]++|\\.)*+"|[-+.0-9a-zA-Z]++', re.DOTALL)
#: Reads any one value and keeps little of it; numbers of any length are text.
_SKIP = json.JSONDecoder(object_pairs_hook=lambda _: None, parse_int=str, parse_float=str)
_VALUES = json.JSONDecoder(parse_int=number, parse_float=number)
#: How many states a machine remembers; a text can make it see many more.
_STATES = 5_000


@dataclass(frozen=True, slots=True)
class Hit:
    """What is selected: its span in the text, the paths that select it by number, and whether it is a key."""

    start: int
    end: int
    paths: tuple[int, ...]
    key: bool = False


@dataclass(slots=True)
class Step:
    """Where a state leads: ``every`` child, besides that by name, name in any case, index, slice or filter."""

    every: int = 0
    names: dict[str, int] = field(default_factory=dict)
    folded: dict[str, int] = field(default_factory=dict)
    #: What ``alike`` has answered.
    known: dict[str, int] = field(default_factory=dict)
    indices: dict[int, int] = field(default_factory=dict)
    slices: list[tuple[slice, int]] = field(default_factory=list)
    filters: list[tuple[Logical, int]] = field(default_factory=list)

    def add(self, segment: Segment, here: int) -> None:
        there = here << 1
        if segment.deep:
            self.every |= here
        if segment.every:
            self.every |= there
        self.slices += [(slice(*part), there) for part in segment.slices]
        self.filters += [(one, there) for one in segment.filters]
        for name in segment.names:
            self.names[name] = self.names.get(name, 0) | there
        for name in segment.folded:
            self.folded[name] = self.folded.get(name, 0) | there
        for index in segment.indices:
            self.indices[index] = self.indices.get(index, 0) | there

    def member(self, name: str) -> int:
        state = self.names.get(name, 0) | self.every
        return state | self.alike(name) if self.folded else state

    def alike(self, name: str) -> int:
        """Where *name* leads because it is like another but for its case."""
        state = self.known.get(name)
        if state is None:
            state = self.folded.get(fold(name), 0)
            if len(self.known) < _STATES:
                self.known[name] = state
        return state

    def element(self, index: int, length: int) -> int:
        state = self.every | self.indices.get(index, 0) | self.indices.get(index - length, 0)
        for part, there in self.slices:
            # Python's slices are those of RFC 9535, section 2.3.4.2.2, save for step 0.
            if index in range(*part.indices(length)):
                state |= there
        return state


class Machine:
    """Several paths as one automaton. Steps are worked out when a text first needs them."""

    def __init__(self, paths: Sequence[Path_]) -> None:
        self.segments: dict[int, Segment] = {}
        self.ends: dict[int, int] = {}
        self.start = self.keys = 0
        self.steps: dict[int, Step] = {}
        self.numbers: dict[int, tuple[int, ...]] = {}
        bit = 1
        for index, path in enumerate(paths):
            self.start |= bit
            for segment in path.segments:
                self.segments[bit] = segment
                bit <<= 1
            self.ends[bit] = index
            self.keys |= bit if path.keys else 0
            bit <<= 1
        self.selected = sum(self.ends)
        self.values = self.selected & ~self.keys
        self.filtered = any(segment.filters for segment in self.segments.values())

    def step(self, state: int) -> Step:
        step = self.steps.get(state)
        if step is None:
            if len(self.steps) >= _STATES:
                self.steps.clear()
            self.steps[state] = step = Step()
            for bit, segment in self.segments.items():
                if state & bit:
                    step.add(segment, bit)
        return step

    def paths(self, ends: int) -> tuple[int, ...]:
        found = self.numbers.get(ends)
        if found is None:
            if len(self.numbers) >= _STATES:
                self.numbers.clear()
            found = tuple(index for bit, index in self.ends.items() if ends & bit)
            self.numbers[ends] = found
        return found


def select(body: JsonText, paths: Sequence[Path_]) -> list[Hit]:
    """Everything that one of *paths* selects, once each, as in the text; outer before inner.

    Raises:
        Unread: Filters cannot be worked out; ``Filters.holds`` and ``filters.number`` say when.
    """
    return run(Machine(paths), body)


def run(machine: Machine, body: JsonText) -> list[Hit]:
    """As ``select``, with a machine that was made before."""
    root = _VALUES.decode(body.text) if machine.filtered else None
    walk = _Walk(body.text, machine, Filters(root))
    walk.value(walk.blank(0), machine.start, root)
    return sorted(walk.hits, key=lambda hit: hit.start)


class _Walk:
    """One pass over one text. It has been validated, so each next character is known in kind.

    Beside the text goes its parsed value, if there are filters; without them it is ``None`` throughout.
    """

    def __init__(self, text: str, machine: Machine, filters: Filters) -> None:
        self.text = text
        self.machine = machine
        self.filters = filters
        self.hits: list[Hit] = []

    def blank(self, at: int) -> int:
        """The end of the white space at *at*."""
        if self.text[at : at + 1] not in " \t\n\r":
            return at
        return _BLANK.match(self.text, at).end()  # type: ignore[union-attr]

    def value(self, at: int, state: int, parsed: Json) -> int:
        """Take the value that begins at *at*; answer where it ends."""
        if self.text[at] not in "{[":
            end = _SCALAR.match(self.text, at).end()  # type: ignore[union-attr]
        elif not state & ~self.machine.selected:
            end = _SKIP.raw_decode(self.text, at)[1]
        elif self.text[at] == "{":
            end = self.members(at, self.machine.step(state), parsed)
        else:
            end = self.elements(at, self.machine.step(state), parsed)
        if ends := state & self.machine.values:
            self.hits.append(Hit(at, end, self.machine.paths(ends)))
        return end

    def filtered(self, step: Step, parsed: Json) -> int:
        state = 0
        for one, there in step.filters:
            if self.filters.holds(one, parsed):
                state |= there
        return state

    def members(self, at: int, step: Step, parsed: Json) -> int:
        text, keys, values = self.text, self.machine.keys, self.machine.values
        names, every, folded = step.names, step.every, step.folded
        at += 1
        while member := _MEMBER.match(text, at):
            name = member[1]
            if "\\" in name:
                name = json.loads(f'"{name}"')
            state = names.get(name, 0) | every
            child = parsed[name] if isinstance(parsed, dict) else None
            if folded:
                state |= step.alike(name)
            if step.filters:
                state |= self.filtered(step, child)
            if ends := state & keys:
                begun, done = member.span(1)
                self.hits.append(Hit(begun - 1, done + 1, self.machine.paths(ends), key=True))
            begun, at = member.span(2)
            if at < 0:
                at = self.value(member.end(), state, child)
            elif ends := state & values:
                self.hits.append(Hit(begun, at, self.machine.paths(ends)))
        return self.blank(at) + 1

    def elements(self, at: int, step: Step, parsed: Json) -> int:
        counted = bool(step.indices or step.slices)
        plain = not counted and not self.machine.filtered
        if plain and not step.every & self.machine.selected:
            return self.containers(at, step)
        length = len(_SKIP.raw_decode(self.text, at)[0]) if counted else 0
        children: Iterator[Json] = iter(parsed if isinstance(parsed, list) else ())
        at, index = self.blank(at + 1), 0
        while self.text[at] != "]":
            child = next(children, None)
            state = step.element(index, length)
            if step.filters:
                state |= self.filtered(step, child)
            at = self.blank(self.value(at, state, child))
            index += 1
            if self.text[at] == ",":
                at = self.blank(at + 1)
        return at + 1

    def containers(self, at: int, step: Step) -> int:
        """The elements where none that is a scalar can be selected: only containers matter."""
        at = _SCALARS.match(self.text, at + 1).end()  # type: ignore[union-attr]
        while self.text[at] != "]":
            at = self.value(at, step.every, None)
            at = _SCALARS.match(self.text, at).end()  # type: ignore[union-attr]
        return at + 1
