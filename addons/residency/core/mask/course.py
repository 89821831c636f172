"""A plan's way through documents of one shape: the pattern that proves a masked one, and where the values stand in it.

Keys that come in one order are found in *runs*: from one selected key to the next as long as all between them is keys and
scalars, which one regular expression of Python's reads at once. Some runs stand once, then some over and over.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import re2

from residency.core.mask import shape
from residency.core.mask.shape import WS, Gaps, Node, Unfit
from residency.core.mask.walk import Machine, Step

#: What replaces the value that the paths with these numbers select: JSON, or what makes such of the value's JSON.
type By = bytes | Callable[[bytes], bytes]
type Replace = Callable[[tuple[int, ...]], By]

#: What RE2 may need for one shape, in bytes. Beyond it RE2 is slow, but still right.
_MEMORY = 32 << 20
_LONGEST = 400_000
#: What is a scalar if it is JSON. Most strings end at the next quote, which is found fastest.
VALUE = rb'(?:"[^"]*+(?<!\\)"|"(?:[^"\\]++|\\.)*+"|[-+.0-9a-zA-Z]++)'
#: The same in how few bytes.
_LEAST = 1


def compiled(pattern: bytes) -> "re2._Regexp":
    """*pattern* for RE2.

    Raises:
        Unfit: It is too large.
    """
    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    options.max_mem = _MEMORY
    try:
        return re2._Regexp(pattern, options)
    except re2.error:
        raise Unfit from None


@dataclass(frozen=True, slots=True)
class Slot:
    """A key that is selected, by these paths; or by none where one of the same name is selected elsewhere."""

    token: bytes
    paths: tuple[int, ...]


@dataclass(slots=True)
class Run:
    """Keys with nothing but keys and scalars between them; *token* is the first.

    ``kept`` are patterns of what stands before each selected value, ``paths`` who selects these, ``rest`` the pattern of
    what comes behind up to the last key that is called like a selected one. Then it takes at least ``gap`` bytes to the
    next run.
    """

    token: bytes
    kept: list[bytes] = field(default_factory=list)
    paths: list[tuple[int, ...]] = field(default_factory=list)
    rest: bytes = b""
    gap: int = 0

    @property
    def groups(self) -> int:
        return 2 * len(self.kept) + 1

    def compiled(self) -> re.Pattern[bytes]:
        """With a group for each part: kept, value, kept, value and so on, and what is kept at the end."""
        parts = [b"(%s)(%s)" % (kept, VALUE) for kept in self.kept]
        return re.compile(b"%s(%s.{0,%d}+)" % (b"".join(parts), self.rest, self.gap), re.DOTALL)


@dataclass(slots=True)
class Draft:
    """One reading of a shape with a plan: its pattern, and the selected keys in the order of the text.

    The runs ``before`` stand once each, then the ``cycle`` repeats up to the end. Not ``ordered``: keys have no such order.
    ``names`` are those of keys that are selected somewhere, and ``found`` which paths select which name.
    """

    machine: Machine
    stands: Callable[[tuple[int, ...]], bytes]
    gaps: Gaps
    names: frozenset[str] = frozenset()
    found: dict[str, set[tuple[int, ...]]] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)
    before: list[Run] = field(default_factory=list)
    cycle: list[Run] = field(default_factory=list)
    looping: bool = False
    ordered: bool = True
    #: The run that has not ended; the pattern of what came in it since the last value; and since then, the fewest bytes.
    run: Run | None = None
    since: bytes = b""
    least: int = 0
    #: The fewest bytes from the beginning of an element to the first run of the cycle.
    head: int = 0

    def pattern(self, node: Node, state: int, key: str | None = None) -> bytes:
        """What matches *node*, which the paths reach in *state* as the member *key*."""
        ends = state & self.machine.values
        paths = self.machine.paths(ends)
        if key is not None:
            self.key(key, paths)
        if ends:
            if node.objects or node.array or key is None:
                raise Unfit
            return self.stands(paths)
        step = self.machine.step(state)
        if step.filters or (node.array and (step.indices or step.slices)):
            raise Unfit
        kinds = self.kinds(node, step)
        text = b"(?:" + b"|".join(kinds) + b")"
        # An array has its element twice: with each level that arrays are nested, the pattern doubles.
        if len(text) > _LONGEST:
            raise Unfit
        return text

    def kinds(self, node: Node, step: Step) -> list[bytes]:
        """What may stand at *node*. Which of several comes only the document says."""
        slots, begun, ends = len(self.slots), self.least, []
        several = node.scalar + len(node.objects) + bool(node.array) > 1
        kinds: list[bytes] = []
        for one in (*[None] * node.scalar, *node.objects):
            self.least = begun
            self.run = None if several else self.run
            kinds.append(self.scalar() if one is None else self.members(one, step))
            ends.append(self.least)
        if node.array:
            self.least = begun
            kinds.append(self.elements(node.array, step.every))
            ends.append(self.least)
        self.least = min(ends, default=begun)
        if several:
            self.run = None
            self.ordered = self.ordered and len(self.slots) == slots
        return kinds

    def put(self, pattern: bytes, least: int) -> None:
        """The text goes on with what *pattern* matches, which are *least* bytes or more."""
        if self.run:
            self.since += pattern
        self.least += least

    def scalar(self) -> bytes:
        self.put(VALUE, _LEAST)
        return shape.SCALAR

    def key(self, name: str, paths: tuple[int, ...]) -> None:
        self.found.setdefault(name, set()).add(paths)
        token = shape.key(name) + b":"
        if name in self.names:
            self.slots.append(Slot(token, paths))
            self.ordered = self.ordered and (self.looping or not self.cycle)
            self.run = self.run or self.begin(token)
        self.put(shape.literal(token) + self.gaps.colon, len(token))
        if name in self.names and self.run:
            if paths:
                self.run.kept.append(self.since)
                self.run.paths.append(paths)
            self.run.rest = b"" if paths else self.since
            self.since = b"" if paths else self.since
            self.least = 0

    def begin(self, token: bytes) -> Run:
        """A new run, and the end of the one before."""
        if self.looping and not self.cycle:
            self.head = self.least - self.head
        for last in (*self.before, *self.cycle)[-1:]:
            last.gap = self.least
        self.since = b""
        run = Run(token)
        (self.cycle if self.looping else self.before).append(run)
        return run

    def members(self, one: tuple[tuple[str, Node], ...], step: Step) -> bytes:
        members: list[bytes] = []
        comma, gap = self.gaps.other + b"," + self.gaps.comma, self.gaps.other
        self.put(rb"\{" + gap, 1)
        for name, child in one:
            state = step.names.get(name, 0) | step.every
            if state & self.machine.keys:
                raise Unfit
            if members:
                self.put(comma, 1)
            text = self.pattern(child, state, name)
            members.append(shape.literal(shape.key(name) + b":") + self.gaps.colon + text)
        self.put(gap + rb"\}", 1)
        return rb"\{" + gap + comma.join(members) + gap + rb"\}"

    def elements(self, node: Node, state: int) -> bytes:
        self.run = None
        begun = self.least
        if node == shape.NONE:
            self.least = begun + 2
            return rb"\[" + self.gaps.other + rb"\]"
        inside, count = self.looping, len(self.cycle)
        self.looping = True
        self.least = begun + 1
        if not inside and not count:
            self.head = self.least
        element = self.pattern(node, state)
        self.looping = inside
        self.run = None
        if len(self.cycle) == count:
            self.least = begun + 2
        elif inside or count:
            self.ordered = False
        else:
            self.cycle[-1].gap = self.least + 1 + self.head
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
        first = Draft(machine, lambda paths: self._stands(paths, replace), gaps)
        first.pattern(node, machine.start)
        names = frozenset(name for name, by in first.found.items() if any(by))
        draft = Draft(machine, first.stands, gaps, names)
        pattern = WS + draft.pattern(node, machine.start) + WS
        # Where the order does not tell which of equal keys is which, all must be selected alike.
        if not draft.ordered and any(len(draft.found[name]) > 1 for name in names):
            raise Unfit
        self.proof = compiled(pattern)
        self.ordered = draft.ordered
        self.slots = frozenset(draft.slots)
        self.before = [(run, run.compiled()) for run in draft.before] if self.ordered else []
        self.cycle = [(run, run.compiled()) for run in draft.cycle] if self.ordered else []

    def _stands(self, paths: tuple[int, ...], replace: Replace) -> bytes:
        self.constants[paths] = constant = _constant(replace(paths))
        return shape.SCALAR if constant is None else shape.literal(constant)

    def suits(self, replace: Replace) -> bool:
        """True if what *replace* says are the constants that the proof looks for."""
        return all(_constant(replace(paths)) == c for paths, c in self.constants.items())

    @property
    def constant(self) -> bool:
        """True if all that is selected is replaced by constants."""
        return None not in self.constants.values()


def _constant(by: By) -> bytes | None:
    return by if isinstance(by, bytes) else None
