"""JSONPath for masking: RFC 9535, and a ``~`` at the end for the keys of what is selected.

Two readers read a path. ``grammar`` follows the RFC to the letter. jsonpath-ng, which many rules were first tried with,
reads all that it is known to read as the RFC means it (plain names, indices, slices, wildcards, descendants), and
must come to the same tree; it mis-reads escapes and filters and takes much that is no JSONPath, so there it has no say.
A path selects a set of nodes; the RFC's order and repetitions do not matter to masking.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import lru_cache

from jsonpath_ng.exceptions import JSONPathError
from jsonpath_ng.jsonpath import Child, Descendants, Fields, Index, JSONPath, Root, Slice, Wildcard
from jsonpath_ng.parser import JsonPathParser

from residency.core.mask.grammar import Reader
from residency.core.mask.names import fold
from residency.core.mask.tree import Segment

__all__ = ["LONGEST", "Path_", "Segment", "compile"]

#: In characters. A body is nested 64 deep at most, so no useful path comes near.
LONGEST = 500

# What jsonpath-ng reads as RFC 9535 does.
_NAME = r"(?!(?:where|wherenot)\b)[A-Za-z_][A-Za-z0-9_]*+(?=[.\[]|\Z)"
_PLAIN = r"[^'\"\\\x00-\x1f\ud800-\udfff]|\\[\\/]"
_QUOTED = rf"""(?:'(?:{_PLAIN}|"|\\')*+'|"(?:{_PLAIN}|'|\\")*+")"""
_INT = r"(?:0|-?[1-9][0-9]*+)"
_SLICE = rf"{_INT}?:{_INT}?(?::{_INT}?)?"
_BRACKETS = rf"\[ *(?:{_QUOTED}(?: *, *{_QUOTED})*|{_INT}(?: *, *{_INT})*|{_SLICE}|\*) *\]"
_SHARED = re.compile(rf"\$(?:\.\.(?:{_NAME}|\*|{_BRACKETS})|\.(?:{_NAME}|\*)|{_BRACKETS})*+")


@dataclass(frozen=True, slots=True)
class Path_:  # noqa: N801 - Path is pathlib's everywhere else
    """A compiled path: its text as written, its segments from the root, and whether it selects keys."""

    text: str
    segments: tuple[Segment, ...]
    keys: bool = False

    @property
    def in_any_case(self) -> "Path_":
        """It selects what it does, and all that has the same names but for their case.

        Raises:
            ValueError: It has a filter; in that, names are what they are.
        """
        if any(one.filters for one in self.segments):
            raise ValueError(
                "a filter cannot take names in any case; put this field into a set without names: any-case"
            )
        folded = (replace(s, names=(), folded=tuple(map(fold, s.names))) for s in self.segments)
        return replace(self, segments=tuple(folded))

    @property
    def folds(self) -> bool:
        return any(one.folded for one in self.segments)


@lru_cache(maxsize=4096)
def compile(path: str) -> Path_:  # noqa: A001 - read as path.compile, like re.compile
    """*path*, ready to be run. What is accepted selects exactly the nodes that RFC 9535 says.

    With ``~`` at its end a path selects, in their place, the keys of those nodes that are members of an object.

    Raises:
        ValueError: It is not RFC 9535, or one of the few things that ``grammar`` refuses besides; the message says
            why, and the nearest form that works.
    """
    if len(path) > LONGEST:
        raise ValueError(f"a path of more than {LONGEST} characters; write a shorter one")
    if not path.startswith("$"):
        nearest = f"$.{path.lstrip('.@ ')}" if path.strip() else "$ for the whole body"
        raise ValueError(f"{path!a} does not begin with $; write {nearest}")
    reader = Reader(path, 1)
    segments, _ = reader.segments()
    keys = reader.take("~")
    if reader.at < len(path):
        raise reader.fault(*_rest(path[reader.at :], keys=keys))
    if keys and not segments:
        raise ValueError(f"{path!a}: the root has no key; write $.*~ for the keys of its members")
    if _SHARED.fullmatch(path) and _second(path) != segments:
        raise ValueError(f"{path!a} is read otherwise than RFC 9535 means it; write it anew")
    return Path_(path, segments, keys)


def _rest(text: str, *, keys: bool) -> tuple[str, str]:
    """Why *text* cannot follow a path, and what to do."""
    if not text.strip(" \t\n\r"):
        return "a blank at the end", "remove it"
    if text.lstrip()[:1] in "|&,+":
        return "operators work in filters only", "write each path as a field of its own"
    if keys:
        return "a key has nothing below it", "end the path with one ~"
    return "not JSONPath", "write .name, ['name'], [0] or .. before them"


def _second(path: str) -> tuple[Segment, ...] | None:
    """How jsonpath-ng reads *path*."""
    with suppress(JSONPathError):
        return tuple(_segments(JsonPathParser().parse(path)))
    return None


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
            return Segment(indices=tuple(indices))
        case Slice(start=start, end=end, step=step):
            return Segment(slices=((start, end, step),))
        case _:
            raise JSONPathError
