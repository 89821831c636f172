"""JSONPath for masking: the part of RFC 9535 that jsonpath-ng reads as the RFC means it.

jsonpath-ng reads a path and this module compiles its syntax tree into steps of our own, because
its evaluation differs from the RFC in places. It also accepts much that the RFC does not know, and
reads some escapes as something else, either of which would leave a field unmasked in silence. So
the text is held against a narrow grammar first, and all else is refused with what to write
instead. A path selects a set of nodes; the RFC's order and repetitions do not matter to masking.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.jsonpath import Child, Descendants, Fields, Index, JSONPath, Root, Slice, Wildcard
from jsonpath_ng.parser import JsonPathParser

#: In characters. A body is nested 64 deep at most, so no useful path comes near.
LONGEST = 500
#: RFC 9535, section 2.1: integers are those of I-JSON.
_LARGEST = 2**53 - 1

_NAME = r"(?!(?:where|wherenot)\b)[A-Za-z_][A-Za-z0-9_]*+(?=[.\[]|\Z)"
_PLAIN = r"[^'\"\\\x00-\x1f\ud800-\udfff]|\\[\\/]"
_QUOTED = rf"""(?:'(?:{_PLAIN}|"|\\')*+'|"(?:{_PLAIN}|'|\\")*+")"""
_INT = r"(?:0|-?[1-9][0-9]*+)"
_SLICE = rf"{_INT}?:{_INT}?(?::{_INT}?)?"
_BRACKETS = rf"\[ *(?:{_QUOTED}(?: *, *{_QUOTED})*|{_INT}(?: *, *{_INT})*|{_SLICE}|\*) *\]"
_SEGMENT = re.compile(rf"\.\.(?:{_NAME}|\*|{_BRACKETS})|\.(?:{_NAME}|\*)|{_BRACKETS}")

#: What may stand where no segment does, why it is refused, and what works.
_REFUSED = (
    (r"\.{0,2}\[ *\?", "filters are not supported", "name the members, such as [*].email"),
    (r"\.{0,2}`", "jsonpath-ng's own operators are not JSONPath", "name the members"),
    (r"\.{0,2}\[?[^'\"\]]*\(", "functions are not supported", "name the members"),
    (r"\.{0,2}\s|\[[^'\"\]]*[\t\r\n]", "blanks are not supported here", "remove them"),
    (
        r"(?:\.{1,2}[^.\[\]]*)?[|&,+]",
        "operators are not supported",
        "write each path as a field of its own",
    ),
    (r"~", "keys cannot be selected", "select the whole object that has them"),
    (r"\.\[", "a dot before a bracket is not JSONPath", "remove the dot"),
    (r"[^\]]*\\", "of escapes only \\\\, \\/ and the quote itself work", "write the characters"),
    (
        r"\.{0,2}\[ *(?:-0|0\d)",
        "an index has no leading or minus zero",
        "write it like 0, 10 or -1",
    ),
    (r"\.{0,2}\[ *[^\W\d]", "a name in brackets needs quotes", "write ['name']"),
    (r"\.{0,2}\[[^\]]*,", "a union takes names or indices", "write each selector as a field"),
    (r"\.{0,2}\[", "these brackets do not work", "write ['name'], [0], [-1], [0:2] or [*]"),
    (r"\.{1,2}\Z", "the path ends with a dot", "remove it, or write .*"),
)


@dataclass(frozen=True, slots=True)
class Segment:
    """One step from a value to some of its children, or (``deep``) its descendants' children.

    Exactly one is set: ``names`` of members, ``indices`` (negative from the end), ``every`` child,
    or ``slice`` as (start, end, step).
    """

    names: tuple[str, ...] = ()
    indices: tuple[int, ...] = ()
    every: bool = False
    slice: tuple[int | None, int | None, int | None] | None = None
    deep: bool = False


@dataclass(frozen=True, slots=True)
class Path_:  # noqa: N801 - Path is pathlib's everywhere else
    """A compiled path: its text as written, and its segments from the root."""

    text: str
    segments: tuple[Segment, ...]


def compile(path: str) -> Path_:  # noqa: A001 - read as path.compile, like re.compile
    """*path*, ready to be run. What is accepted selects exactly the nodes that RFC 9535 says.

    Accepted: ``$``, ``.name``, ``['name']``, ``["a", "b"]``, ``.*``, ``[*]``, ``[0]``,
    ``[-1, 2]``, ``[1:3]``, ``[::-2]``, and ``..`` before any of them. Names match
    exactly, to the code point.

    Raises:
        ValueError: Anything else; the message says why, and the nearest form that works.
    """
    if len(path) > LONGEST:
        raise ValueError(f"a path of more than {LONGEST} characters; write a shorter one")
    count = _grammar(path)
    segments: list[Segment] | None = None
    with suppress(JSONPathError):
        segments = _segments(JsonPathParser().parse(path))
    # A tree of another length was read otherwise than the text says.
    if segments is None or len(segments) != count:
        raise ValueError(f"{path!a} is read otherwise than RFC 9535 means it; write it anew")
    return Path_(path, tuple(segments))


def _grammar(path: str) -> int:
    """How many segments *path* has, if it keeps to the grammar above."""
    if not path.startswith("$"):
        nearest = f"$.{path.lstrip('.@ ')}" if path.strip() else "$ for the whole body"
        raise ValueError(f"{path!a} does not begin with $; write {nearest}")
    at, count = 1, 0
    while at < len(path):
        segment = _SEGMENT.match(path, at)
        if not segment:
            raise ValueError(f"{path!a}, at character {at + 1}: {_why(path, at)}")
        at, count = segment.end(), count + 1
    return count


def _why(path: str, at: int) -> str:
    for pattern, reason, mend in _REFUSED:
        if re.match(pattern, path[at:]):
            return f"{reason}; {mend}"
    # What is left are names after dots that only quotes can spell.
    dots, name = re.match(r"(\.*+)([^.\[\]]*+)", path[at:]).groups()  # type: ignore[union-attr]
    rest = path[at + len(dots) + len(name) :]
    if not name or len(dots) not in (1, 2) or rest.startswith("]"):
        return "not JSONPath; write .name, ['name'], [0] or .. before them"
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    deep = ".." if len(dots) == 2 else ""  # noqa: PLR2004 - two dots
    return f"this name needs quotes; write {path[:at]}{deep}['{quoted}']{rest}"


def _segments(tree: JSONPath) -> list[Segment]:
    match tree:
        case Root():
            return []
        case Child(left=left, right=right):
            return [*_segments(left), *_segments(right)]
        case Descendants(left=left, right=right):
            first, *rest = _segments(right)
            return [*_segments(left), replace(first, deep=True), *rest]
        case _:
            return [_segment(tree)]


def _segment(tree: JSONPath) -> Segment:
    match tree:
        case Wildcard():
            return Segment(every=True)
        case Fields(fields=names):
            return Segment(names=tuple(names))
        case Index(indices=indices):
            return Segment(indices=tuple(map(_integer, indices)))
        case Slice(start=start, end=end, step=step):
            return Segment(slice=_slice(start, end, step))
        case _:
            raise JSONPathError


def _integer(number: int) -> int:
    if abs(number) > _LARGEST:
        raise ValueError(f"{number} is beyond what RFC 9535 lets an index be; write a smaller one")
    return number


def _slice(
    start: int | None, end: int | None, step: int | None
) -> tuple[int | None, int | None, int | None]:
    if step == 0:
        raise ValueError("a slice with step 0 selects nothing; write another step, or none")
    for number in (start, end, step):
        _integer(number or 0)
    return start, end, step
