"""A Content-Type, read strictly (RFC 9110, section 8.3): by what it says, the far side chooses how to read the body."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from residency.errors import Unread

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"  # noqa: S105 - of a grammar
_TYPE = re.compile(rf"({_TOKEN}/{_TOKEN})((?:[ \t]*;.*)?)[ \t]*", re.DOTALL)
# A backslash in a quoted string is refused: readers differ in what it escapes.
_PARAMETER = re.compile(
    rf'[ \t]*;[ \t]*(?:({_TOKEN})=(?:({_TOKEN})|"([^"\\\x00-\x08\x0a-\x1f\x7f]*)"))?'
)
_UTF8 = frozenset({"utf-8", "utf8", "us-ascii"})


@dataclass(frozen=True, slots=True)
class Media:
    """``kind`` is ``type/subtype`` in small letters, empty if none is said; parameters by their names in small letters."""

    kind: str = ""
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


def parse(values: Sequence[str]) -> Media:
    """The one media type in *values*, those of all Content-Type headers of a message or part.

    What is no media type at all (clients do send ``Content-Type: json``) is the kind ``?``.

    Raises:
        Unread: ``format`` if there are two, or one whose parameters may be read in two ways; ``charset`` if it names
            another than UTF-8.
    """
    if not values or not values[0].strip(" \t"):
        if len(values) > 1:
            raise Unread("format", "more than one Content-Type")
        return Media()
    if len(values) > 1:
        raise Unread("format", "more than one Content-Type")
    found = _TYPE.fullmatch(values[0].strip(" \t"))
    if not found:
        if not re.fullmatch(_TOKEN, values[0].strip(" \t")):
            raise Unread("format", "the Content-Type is malformed")
        return Media("?")
    parameters = parse_parameters(found[2].rstrip(" \t"), "the Content-Type is malformed")
    if parameters.get("charset", "utf-8").lower() not in _UTF8:
        raise Unread("charset", "the Content-Type names another charset than UTF-8")
    return Media(found[1].lower(), MappingProxyType(parameters))


def parse_parameters(text: str, fault: str) -> dict[str, str]:
    """``; name=value`` and so on, to the last character (RFC 9110, section 5.6.6).

    Raises:
        Unread: ``format``, with *fault* for its detail: malformed, or a name twice.
    """
    parameters: dict[str, str] = {}
    at = 0
    while at < len(text):
        found = _PARAMETER.match(text, at)
        if not found:
            raise Unread("format", fault)
        at = found.end()
        if found[1]:
            name = found[1].lower()
            if name in parameters:
                raise Unread("format", fault)
            parameters[name] = found[2] if found[3] is None else found[3]
    return parameters
