"""Whether a filter holds for a value (RFC 9535, sections 2.3.5 and 2.4).

Values are JSON as Python has it, with every number a ``Decimal``: numbers compare as numbers, exactly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import assert_never

from residency.core.mask import iregexp
from residency.core.mask.tree import (
    Call,
    Comparable,
    Compare,
    Every,
    Literal,
    Logical,
    Matches,
    Not,
    Query,
    Segment,
    Some,
)  # fmt: skip
from residency.errors import Unread

type Json = bool | str | Decimal | list[Json] | dict[str, Json] | None

#: How many values the filters of one plan may look at in one document: nested filters would otherwise multiply.
MAX_STEPS = 3_000_000


class _Nothing:
    """The value of what is not there: equal to itself only, and in no order."""


NOTHING = _Nothing()


@dataclass(slots=True)
class Filters:
    """The filters' view of one document: its root, and how many more values they may look at."""

    root: Json = field(repr=False)
    left: int = field(default_factory=lambda: MAX_STEPS)
    seen: dict[int, list[Json]] = field(default_factory=dict, repr=False)

    def holds(self, one: Logical, value: Json) -> bool:
        """Whether *one* holds for *value*, which stands where the filter says ``@``.

        Raises:
            Unread: ``too-large``: the filters have looked at more than ``MAX_STEPS`` values of this document.
        """
        match one:
            case Query():
                return any(True for _ in self.nodes(one, value))
            case Compare(left=left, operator=operator, right=right):
                return self.compare(self.value(left, value), operator, self.value(right, value))
            case Matches(of=of, pattern=pattern, whole=whole):
                return self.matches(self.value(of, value), pattern, whole=whole)
            case Not(of=of):
                return not self.holds(of, value)
            case Every(of=parts):
                return all(self.holds(part, value) for part in parts)
            case Some(of=parts):
                return any(self.holds(part, value) for part in parts)
            case _:
                assert_never(one)

    def value(self, of: Comparable, value: Json) -> Json | _Nothing:
        match of:
            case Literal(value=literal):
                return literal
            case Query():
                return next(self.nodes(of, value), NOTHING)
            case Call(name="length", of=inner):
                return _length(self.value(inner, value))
            case Call(name="count", of=Query() as query):
                return Decimal(sum(1 for _ in self.nodes(query, value)))
            case Call(of=Query() as query):
                found = self.nodes(query, value)
                only = next(found, NOTHING)
                return only if next(found, NOTHING) is NOTHING else NOTHING
            case _:
                raise AssertionError  # the grammar gives count and value nothing but queries

    def nodes(self, query: Query, value: Json) -> Iterator[Json]:
        """What *query* selects, in any order, and as often as it does."""
        if not query.absolute:
            return self.select(query.segments, value)
        # What the root selects is the same for every value that is tested.
        if id(query) not in self.seen:
            self.seen[id(query)] = list(self.select(query.segments, self.root))
        return iter(self.seen[id(query)])

    def select(self, segments: tuple[Segment, ...], value: Json) -> Iterator[Json]:
        if not segments:
            yield value
            return
        first, *rest = segments
        for visited in self.below(value) if first.deep else (value,):
            for child in self.children(first, visited):
                yield from self.select(tuple(rest), child)

    def below(self, value: Json) -> Iterator[Json]:
        """*value* and all its descendants."""
        self.step()
        yield value
        for child in _all(value):
            yield from self.below(child)

    def children(self, segment: Segment, value: Json) -> Iterator[Json]:
        self.step()
        if isinstance(value, dict):
            yield from (value[name] for name in segment.names if name in value)
        elif isinstance(value, list):
            yield from (value[i] for i in segment.indices if -len(value) <= i < len(value))
            for part in segment.slices:
                yield from value[slice(*part)]
        for child in _all(value) if segment.every else ():
            self.step()
            yield child
        for one in segment.filters:
            yield from (child for child in _all(value) if self.holds(one, child))

    def compare(self, left: Json | _Nothing, operator: str, right: Json | _Nothing) -> bool:
        match operator:
            case "==":
                return self.same(left, right)
            case "!=":
                return not self.same(left, right)
            case "<":
                return self.less(left, right)
            case ">":
                return self.less(right, left)
            case "<=":
                return self.less(left, right) or self.same(left, right)
            case _:
                return self.less(right, left) or self.same(left, right)

    def less(self, left: Json | _Nothing, right: Json | _Nothing) -> bool:
        """Strings by their code points, which is also how Python orders them; all but strings and numbers have no order."""
        self.step(1 + _effort(left))
        if isinstance(left, str) and isinstance(right, str):
            return left < right
        return isinstance(left, Decimal) and isinstance(right, Decimal) and left < right

    def same(self, left: Json | _Nothing, right: Json | _Nothing) -> bool:
        self.step(1 + _effort(left))
        if isinstance(left, list) and isinstance(right, list):
            return len(left) == len(right) and all(map(self.same, left, right))
        if isinstance(left, dict) and isinstance(right, dict):
            return left.keys() == right.keys() and all(self.same(left[k], right[k]) for k in left)
        # In Python true equals 1.
        return type(left) is type(right) and left == right

    def matches(self, value: Json | _Nothing, pattern: str, *, whole: bool) -> bool:
        if not isinstance(value, str):
            return False
        self.step(1 + _effort(value))
        compiled = iregexp.compile(pattern)
        return bool((compiled.fullmatch if whole else compiled.search)(value))

    def step(self, many: int = 1) -> None:
        self.left -= many
        if self.left < 0:
            raise Unread("too-large", f"filters look at more than {MAX_STEPS} values")


def number(text: str) -> Decimal:
    """A JSON number, exactly.

    Raises:
        Unread: ``number``: its exponent is beyond what can be compared.
    """
    with localcontext() as context:
        context.traps = dict.fromkeys(context.traps, False)
        exact = Decimal(text)
    if not exact.is_finite():
        raise Unread("number", "an exponent that no filter can compare")
    return exact


def _all(value: Json) -> Iterator[Json]:
    if isinstance(value, dict):
        return iter(value.values())
    return iter(value if isinstance(value, list) else ())


def _effort(value: Json | _Nothing) -> int:
    """To how many steps reading all of *value* at once comes, in time; elements are read one by one."""
    if isinstance(value, str):
        return len(value) // 1000
    return len(value) // 10 if isinstance(value, dict) else 0


def _length(value: Json | _Nothing) -> Json | _Nothing:
    return Decimal(len(value)) if isinstance(value, (str, list, dict)) else NOTHING
