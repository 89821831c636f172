"""The quick way to mask: edit where a document of this shape has its fields, then prove that it was one.

The paths run over the *shape*, once; so what a body costs does not grow with their number. Three steps:

1. Find each key whose members are selected, in the order of the shape, and put the replacement in the value's place.
2. Match the *result* against the shape as one RE2 pattern, in which every selected place must hold its replacement.
3. Check the values that were taken out by themselves.

The plan's second run is thus the proof of its first. In a document of the shape ``"name":`` is a key and nothing else,
since a quote in a string has a backslash before it and no key of the shape has a quote or backslash, and each key is
spelled so, with no blank before the colon; every such key is
selected or none; and a scalar put in the place of a scalar changes nothing else. So if the result has the shape, then so
had the body, every selected value was found, and nothing else was touched. Where any of that does not hold there is no
answer, and the exact walk gives it.
"""

import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Self

import msgspec
import re2

from residency.core.mask import shape, text
from residency.core.mask.shape import WS, Gaps, Node, Unfit
from residency.core.mask.walk import Machine, Step

#: What replaces the value that the paths with these numbers select: JSON, or what makes such of the value's JSON.
type By = bytes | Callable[[bytes], bytes]
type Replace = Callable[[tuple[int, ...]], By]

#: Smaller bodies are not worth a shape.
SMALLEST = 16_384
#: How many shapes a plan remembers.
SHAPES = 4
#: What RE2 may need for one shape, in bytes. Beyond it RE2 is slow, but still right.
_MEMORY = 32 << 20
_LONGEST = 400_000
_VALUE = re.compile(rb'[ \t\n\r]*+((?:"(?:[^"\\]++|\\.)*+"|[-+.0-9a-zA-Z]++))', re.DOTALL)
_QUOTE, _BACKSLASH = b'"\\'


def _compiled(pattern: bytes) -> "re2._Regexp":
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    try:
        return re2._Regexp(pattern, options)
    except re2.error:
        raise Unfit from None


_SCALARS = _compiled(rb"(?:" + shape.SCALAR + rb" )*")


@dataclass(frozen=True, slots=True)
class Slot:
    """A key that is selected, by these paths; or by none where one of the same name is selected elsewhere."""

    token: bytes
    paths: tuple[int, ...]


@dataclass(slots=True)
class _Draft:
    """One reading of a shape with a plan: its pattern, and the selected keys in the order of the text.

    ``before`` stand once each, then the ``cycle`` repeats up to the end. Not ``ordered``: keys have no such order.
    ``names`` are those of keys that are selected somewhere, and ``found`` which paths select which name.
    """

    machine: Machine
    stands: Callable[[tuple[int, ...]], bytes]
    gaps: Gaps
    names: frozenset[str] = frozenset()
    found: dict[str, set[tuple[int, ...]]] = field(default_factory=dict)
    before: list[Slot] = field(default_factory=list)
    cycle: list[Slot] = field(default_factory=list)
    looping: bool = False
    ordered: bool = True

    def pattern(self, node: Node, state: int, key: str | None = None) -> bytes:
        """What matches *node*, which the paths reach in *state* as the member *key*."""
        ends = state & self.machine.values
        paths = self.machine.paths(ends)
        if key is not None:
            self.found.setdefault(key, set()).add(paths)
        if key in self.names:
            self.slot(str(key), paths)
        if ends:
            if node.objects or node.array or key is None:
                raise Unfit
            return self.stands(paths)
        step = self.machine.step(state)
        if step.filters or (node.array and (step.indices or step.slices)):
            raise Unfit
        kinds = [shape.SCALAR] if node.scalar else []
        slots = len(self.before) + len(self.cycle)
        kinds += [self.members(one, step) for one in node.objects]
        if node.array:
            kinds.append(self.elements(node.array, step.every))
        if len(kinds) > 1 and len(self.before) + len(self.cycle) > slots:
            # Which of them comes only the document says.
            self.ordered = False
        text = b"(?:" + b"|".join(kinds) + b")"
        # An array has its element twice: with each level that arrays are nested, the pattern doubles.
        if len(text) > _LONGEST:
            raise Unfit
        return text

    def slot(self, key: str, paths: tuple[int, ...]) -> None:
        if self.cycle and not self.looping:
            self.ordered = False
        (self.cycle if self.looping else self.before).append(Slot(shape.key(key) + b":", paths))

    def members(self, one: tuple[tuple[str, Node], ...], step: Step) -> bytes:
        members = []
        for name, child in one:
            state = step.member(name)
            if state & self.machine.keys:
                raise Unfit
            text = self.pattern(child, state, name)
            members.append(shape.literal(shape.key(name) + b":") + self.gaps.colon + text)
        comma, gap = self.gaps.other + b"," + self.gaps.comma, self.gaps.other
        return rb"\{" + gap + comma.join(members) + gap + rb"\}"

    def elements(self, node: Node, state: int) -> bytes:
        if node == shape.NONE:
            return rb"\[" + self.gaps.other + rb"\]"
        inside, count = self.looping, len(self.cycle)
        self.looping = True
        element = self.pattern(node, state)
        self.looping = inside
        if len(self.cycle) > count and (inside or count):
            self.ordered = False
        comma, gap = self.gaps.comma, self.gaps.other
        return rb"\[%s(?:%s%s(?:,%s%s%s)*)?\]" % (gap, element, gap, comma, element, gap)


class Course:
    """How to mask documents of one shape, with the constants among the replacements.

    Raises:
        Unfit: There is no way: what is selected depends on more than keys, or the shape is too large.
    """

    def __init__(self, node: Node, gaps: Gaps, machine: Machine, replace: Replace) -> None:
        self.node = node
        self.constants: dict[tuple[int, ...], bytes | None] = {}
        first = _Draft(machine, lambda paths: self._stands(paths, replace), gaps)
        first.pattern(node, machine.start)
        names = frozenset(name for name, by in first.found.items() if any(by))
        draft = _Draft(machine, first.stands, gaps, names)
        pattern = WS + draft.pattern(node, machine.start) + WS
        # Where the order does not tell which of equal keys is which, all must be selected alike.
        if not draft.ordered and any(len(draft.found[name]) > 1 for name in names):
            raise Unfit
        self.proof = _compiled(pattern)
        self.rows = (draft.before, draft.cycle)
        self.ordered = draft.ordered

    def _stands(self, paths: tuple[int, ...], replace: Replace) -> bytes:
        self.constants[paths] = constant = _constant(replace(paths))
        return shape.SCALAR if constant is None else shape.literal(constant)

    def suits(self, replace: Replace) -> bool:
        return all(_constant(replace(paths)) == c for paths, c in self.constants.items())


def _constant(by: By) -> bytes | None:
    return by if isinstance(by, bytes) else None


@dataclass(slots=True)
class _Edit:
    """A body with replacements, every second one of ``parts``, and the ``values`` that were there. Nothing is proven."""

    parts: list[By] = field(default_factory=list, repr=False)
    values: list[bytes] = field(default_factory=list, repr=False)
    counts: Counter[tuple[int, ...]] = field(default_factory=Counter)

    @classmethod
    def of(cls, data: bytes, course: Course, replace: Replace) -> Self:
        edit = cls()
        (edit.in_order if course.ordered else edit.anywhere)(data, course, replace)
        return edit

    def in_order(self, data: bytes, course: Course, replace: Replace) -> None:
        """The selected keys come in one order: some once, then some over and over. One scan finds them all."""
        rows = [
            [(s.token, len(s.token), replace(s.paths) if s.paths else None) for s in row]
            for row in course.rows
        ]
        find, cut, take = data.find, self.parts.append, self.values.append
        quote, backslash = _QUOTE, _BACKSLASH
        done = seen = 0
        for row in chain(rows[:1], repeat(rows[1]) if rows[1] else ()):
            for token, length, by in row:
                at = find(token, seen)
                if at < 0:
                    break
                at += length
                if by is None:
                    seen = at
                    continue
                if data[at] == quote and data[(end := find(b'"', at + 1)) - 1] != backslash:
                    end += 1
                else:
                    at, end = _scalar(data, at)
                cut(data[done:at])
                cut(by)
                take(data[at:end])
                done = seen = end
            else:
                continue
            break
        cut(data[done:])
        self._count(course)

    def _count(self, course: Course) -> None:
        before, cycle = ([slot for slot in row if slot.paths] for row in course.rows)
        times, rest = divmod(len(self.values) - len(before), len(cycle) or 1)
        if rest or times < 0:
            raise Unfit
        self.counts.update(slot.paths for slot in before)
        for slot in cycle:
            self.counts[slot.paths] += times

    def anywhere(self, data: bytes, course: Course, replace: Replace) -> None:
        """The selected keys come in any order: one scan for each."""
        found: list[tuple[int, Slot]] = []
        for slot in {*course.rows[0], *course.rows[1]}:
            at = data.find(slot.token)
            while at >= 0:
                at += len(slot.token)
                found.append((at, slot))
                at = data.find(slot.token, at)
        done = 0
        for begun, slot in sorted(found, key=_place):
            at, end = _scalar(data, begun)
            value, by = data[at:end], replace(slot.paths)
            self.parts += data[done:at], by
            self.values.append(value)
            self.counts[slot.paths] += 1
            done = end
        self.parts.append(data[done:])


def _place(found: tuple[int, Slot]) -> int:
    return found[0]


def _scalar(data: bytes, at: int) -> tuple[int, int]:
    """Where the scalar at *at*, or behind white space there, begins and ends."""
    found = _VALUE.match(data, at)
    if not found:
        raise Unfit
    return found.span(1)


class Swift:
    """One plan's courses. What they are learnt from need not be trusted: each result is proven."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.courses: list[Course] = []

    def mask(
        self, data: bytes, replace: Replace, *, depth: int
    ) -> tuple[bytes, Counter[tuple[int, ...]]] | None:
        """*data* with every selected value replaced, and how many these paths selected; ``None``: ask the exact walk."""
        if self.machine.filtered or len(data) < SMALLEST or _large(data):
            return None
        for course in tuple(self.courses):
            found = _masked(data, course, replace) if course.suits(replace) else None
            if found:
                return found
        # Where a sample has no shape with which the plan can do, the whole has none either.
        with suppress(Unfit, msgspec.MsgspecError, UnicodeError, RecursionError):
            for sample, gaps in ((shape.SAMPLE, shape.gaps(data)), (None, shape.LOOSE)):
                node = shape.learn(msgspec.json.decode(data), sample)
                if shape.depth(node) > depth:
                    return None
                course = Course(node, gaps, self.machine, replace)
                if found := _masked(data, course, replace):
                    self.courses = [course, *self.courses][:SHAPES]
                    return found
        return None


def _large(data: bytes) -> bool:
    """True if *data* has more values than the exact walk reads."""
    return (
        len(data) > text.MAX_VALUES and sum(map(data.count, (b",", b"[", b"{"))) > text.MAX_VALUES
    )


def _masked(
    data: bytes, course: Course, replace: Replace
) -> tuple[bytes, Counter[tuple[int, ...]]] | None:
    try:
        edit = _Edit.of(data, course, replace)
    except (Unfit, IndexError):  # a key may be the last that there is
        return None
    # Values by themselves first, so that functions get nothing but JSON.
    if not _SCALARS.fullmatch(b" ".join([*edit.values, b""])):
        return None
    constant = None not in course.constants.values()
    if not constant:
        edit.parts[1::2] = map(_new, edit.parts[1::2], edit.values)
    result = b"".join(edit.parts)  # type: ignore[arg-type]
    if not course.proof.fullmatch(result):
        return None
    # The proof says nothing of what is no constant: so the replacements are looked for again.
    if not constant and _Edit.of(result, course, replace).values != edit.parts[1::2]:
        return None
    return (result if edit.values else data), edit.counts


def _new(by: By, value: bytes) -> bytes:
    return by if isinstance(by, bytes) else by(value)
