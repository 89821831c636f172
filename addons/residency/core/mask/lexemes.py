"""The strings of a JSON text, each with its extent, its key, and the place it has among the messages of a stream.

A text goes on from one message to the next in strings of equal place: by that a token that was cut in two is found whole.
"""

import json
import re
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field

_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_KEY_BEFORE = re.compile(r'("(?:[^"\\]++|\\.)*+")[ \t\n\r]*+:[ \t\n\r]*+\Z', re.DOTALL)
#: Members that tell one text of a stream from another: of OpenAI, Anthropic, Bedrock and Vertex AI.
_MARKS = frozenset({"index", "item_id", "output_index", "content_index", "contentBlockIndex"})


@dataclass(slots=True)
class Lexeme:
    """A string of a document; ``place`` is equal for those of several messages that go on from one to the other."""

    place: Hashable
    start: int
    end: int
    key: str
    text: str = field(repr=False)


class _Pairs(list[tuple[str, object]]):
    """The members of an object, in order."""


class _Number(str):
    """How a number is spelled."""

    __slots__ = ()


def parsed(text: str) -> object:
    return json.loads(
        text, object_pairs_hook=_Pairs, parse_int=_Number, parse_float=_Number, parse_constant=_Number
    )  # fmt: skip


def is_array(value: object) -> bool:
    return isinstance(value, list) and not isinstance(value, _Pairs)


def suspects(text: str) -> Iterator[Lexeme]:
    """The strings of a JSON text in which there may be a token."""
    for found in _STRING.finditer(text):
        if "<" in found[0] or "u003" in found[0]:
            before = _KEY_BEFORE.search(text, max(0, found.start() - 256), found.start())
            behind = text[found.end() : found.end() + 64].lstrip(" \t\n\r")
            # A key stays a text.
            key = "text" if behind.startswith(":") else json.loads(before[1]) if before else ""
            yield Lexeme(None, found.start(), found.end(), key, json.loads(found[0]))


def every(text: str, value: object) -> Iterator[Lexeme]:
    """Every string of a JSON text, in order; *value* is the text parsed."""
    lexemes = _STRING.finditer(text)

    def walk(value: object, place: tuple[Hashable, ...], key: str) -> Iterator[Lexeme]:
        if isinstance(value, str) and not isinstance(value, _Number):
            at = next(lexemes)
            yield Lexeme(place, at.start(), at.end(), key, value)
        elif isinstance(value, _Pairs):
            marks = tuple((k, str(v)) for k, v in value if k in _MARKS and not isinstance(v, list))
            if not place:
                marks += tuple((k, str(v)) for k, v in value if k == "type")
            for name, member in value:
                at = next(lexemes)
                yield Lexeme((*place, marks, name, "~"), at.start(), at.end(), "text", name)
                yield from walk(member, (*place, marks, name), name)
        elif isinstance(value, list):
            for number, one in enumerate(value):
                known = isinstance(one, _Pairs) and any(k == "index" for k, _ in one)
                yield from walk(one, (*place, "*" if known or not place else number), key)

    yield from walk(value, (), "")
