"""The parts of a path, named as in RFC 9535. Values only: ``grammar`` makes them, ``filters`` asks them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal as OneOf

type Slice = tuple[int | None, int | None, int | None]
type Comparable = Literal | Query | Call
type Logical = Query | Compare | Matches | Not | Every | Some


@dataclass(frozen=True, slots=True)
class Segment:
    """One step from a value to some of its children, or (``deep``) its descendants' children.

    What any part selects is selected: ``names`` of members, ``indices`` (negative from the end), ``every`` child,
    ``slices`` as (start, end, step), and the children for which one of ``filters`` holds. ``folded`` are names in
    any case.
    """

    names: tuple[str, ...] = ()
    indices: tuple[int, ...] = ()
    every: bool = False
    slices: tuple[Slice, ...] = ()
    filters: tuple["Logical", ...] = ()
    deep: bool = False
    folded: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Query:
    """A path in a filter: from the root (``$``) or from the value that is tested (``@``).

    ``singular`` as section 2.3.5.1 writes it: names and indices only, one a segment, without blanks in brackets.
    """

    segments: tuple[Segment, ...]
    absolute: bool
    singular: bool


@dataclass(frozen=True, slots=True)
class Literal:
    value: str | Decimal | bool | None


@dataclass(frozen=True, slots=True)
class Call:
    """``length`` of a value, or ``count`` or ``value`` of a query (section 2.4)."""

    name: OneOf["length", "count", "value"]
    of: Comparable


@dataclass(frozen=True, slots=True)
class Matches:
    """``match`` (``whole``) or ``search``, with an I-Regexp that is known when the path is read."""

    of: Comparable
    pattern: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Compare:
    left: Comparable
    operator: OneOf["==", "!=", "<", "<=", ">", ">="]
    right: Comparable


@dataclass(frozen=True, slots=True)
class Not:
    of: Logical


@dataclass(frozen=True, slots=True)
class Every:
    """``&&``"""

    of: tuple[Logical, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """``||``"""

    of: tuple[Logical, ...]
