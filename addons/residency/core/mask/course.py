"""A plan's way through documents of one shape: the pattern that proves a masked one, and where the values stand in it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import re2

from residency.core.mask import shape
from residency.core.mask.runs import VALUE, Order
from residency.core.mask.shape import WS, Gaps, Node, Unfit
from residency.core.mask.walk import Machine, Step

#: What replaces the value that the paths with these numbers select: JSON, or what makes such of the value's JSON.
type By = bytes | Callable[[bytes], bytes]
type Replace = Callable[[tuple[int, ...]], By]

#: What RE2 may need for one shape, in bytes. Beyond it RE2 is slow, but still right.
_MEMORY = 32 << 20
_LONGEST = 400_000


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


@dataclass(slots=True)
class _Draft:
    """One reading of a shape with a plan: its pattern, and the order of the selected keys.

    ``names`` are those of keys that are selected somewhere, and ``found`` which paths select which name.
    """

    machine: Machine
    stands: Callable[[tuple[int, ...]], bytes]
    gaps: Gaps
    names: frozenset[str] = frozenset()
    found: dict[str, set[tuple[int, ...]]] = field(default_factory=dict)
    order: Order = field(default_factory=Order)

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
        text = b"(?:" + b"|".join(self.kinds(node, step)) + b")"
        # An array has its element twice: with each level that arrays are nested, the pattern doubles.
        if len(text) > _LONGEST:
            raise Unfit
        return text

    def key(self, name: str, paths: tuple[int, ...]) -> None:
        self.found.setdefault(name, set()).add(paths)
        token = shape.key(name) + b":"
        if name in self.names:
            self.order.slot(token, self.gaps.colon, paths, shape.literal(token))
        else:
            self.order.put(shape.literal(token) + self.gaps.colon, len(token))

    def kinds(self, node: Node, step: Step) -> Iterator[bytes]:
        """What may stand at *node*. Which of several comes only the document says."""
        order, slots, begun = self.order, len(self.order.slots), self.order.least
        several = node.scalar + len(node.objects) + bool(node.array) > 1
        ends: list[int] = []
        for one in (*[None] * node.scalar, *node.objects, *[node.array] * bool(node.array)):
            if several:
                order.vary()
            order.least = begun
            yield self.kind(one, step)
            ends.append(order.least)
        order.least = min(ends, default=begun)
        if several:
            order.vary()
            order.ordered = order.ordered and len(order.slots) == slots

    def kind(self, one: tuple[tuple[str, Node], ...] | Node | None, step: Step) -> bytes:
        if isinstance(one, Node):
            return self.elements(one, step.every)
        if one is not None:
            return self.members(one, step)
        self.order.put(VALUE, 1)
        return shape.SCALAR

    def members(self, one: tuple[tuple[str, Node], ...], step: Step) -> bytes:
        members: list[bytes] = []
        comma, gap = self.gaps.other + b"," + self.gaps.comma, self.gaps.other
        self.order.put(rb"\{" + gap, 1)
        for name, child in one:
            state = step.member(name)
            if state & self.machine.keys:
                raise Unfit
            if members:
                self.order.put(comma, 1)
            text = self.pattern(child, state, name)
            members.append(shape.literal(shape.key(name) + b":") + self.gaps.colon + text)
        self.order.put(gap + rb"\}", 1)
        return rb"\{" + gap + comma.join(members) + gap + rb"\}"

    def elements(self, node: Node, state: int) -> bytes:
        comma, gap = self.gaps.comma, self.gaps.other
        before = self.order.enter()
        element = b"" if node == shape.NONE else self.pattern(node, state)
        self.order.leave(before)
        if not element:
            return rb"\[" + gap + rb"\]"
        return rb"\[%s(?:%s%s(?:,%s%s%s)*)?\]" % (gap, element, gap, comma, element, gap)


class Course:
    """How to mask documents of one shape, with the constants among the replacements.

    Raises:
        Unfit: There is no way: what is selected depends on more than keys, or the shape is too large.
    """

    def __init__(self, node: Node, gaps: Gaps, machine: Machine, replace: Replace) -> None:
        self.node = node
        #: How many containers deep its documents nest at most.
        self.depth = shape.depth(node)
        self.constants: dict[tuple[int, ...], bytes | None] = {}
        first = _Draft(machine, lambda paths: self._stands(paths, replace), gaps)
        first.pattern(node, machine.start)
        names = frozenset(name for name, by in first.found.items() if any(by))
        draft = _Draft(machine, first.stands, gaps, names)
        pattern = WS + draft.pattern(node, machine.start) + WS
        order = draft.order
        # Where the order does not tell which of equal keys is which, all must be selected alike.
        if not order.ordered and any(len(draft.found[name]) > 1 for name in names):
            raise Unfit
        self.proof = compiled(pattern)
        self.ordered = order.ordered
        self.slots = frozenset(order.slots)
        self.before = [(run, run.compiled()) for run in order.before] if order.ordered else []
        self.cycle = [(run, run.compiled()) for run in order.cycle] if order.ordered else []

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
