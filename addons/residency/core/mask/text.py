"""Strict JSON: text that every reader must understand the same way (RFC 8259, RFC 7493).

Parsers differ in which of two equal keys they keep, in what a lone surrogate is and in how deep
they go, and each such difference hides a value from one of two readers. So these are refused.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import accumulate

from residency.errors import Unread

#: A string, or what begins as one and never ends: so a scan never starts over, and its time grows with the text only.
_STRING = re.compile(r'"(?:[^"\\]++|\\.)*+"?+', re.DOTALL)
_NO_BRACKETS = re.compile(r"[^\[\]{}]++")
#: Each value of a parsed body costs about 60 bytes, whatever it takes in the text. Commas in strings count too.
MAX_VALUES = 1_500_000
_STEP = {"[": 1, "{": 1, "]": -1, "}": -1}
#: Valid JSON in which every escaped surrogate is half of a pair.
_PAIRED = re.compile(
    r"(?:[^\\]++|\\[^u]|\\u(?![dD][89a-fA-F])|\\u[dD][89abAB]..\\u[dD][c-fC-F]..)*+", re.DOTALL
)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class JsonText:
    """One JSON value, as text that has been checked. Never shown: it is the payload."""

    text: str = field(repr=False)


def parse(data: bytes, *, depth: int = 64) -> JsonText:
    """*data* as JSON text, if it is strict JSON and nested at most *depth* containers deep.

    Numbers are text here: their size and precision do not matter.

    Raises:
        Unread: ``charset`` not UTF-8, or with a byte order mark; ``too-large``; ``depth``; ``not-json``;
            ``duplicate-key``, compared after unescaping; ``format`` a NUL in a name; ``number`` NaN or Infinity;
            ``surrogate`` an escaped one without its other half.
    """
    text = utf8(data)
    if sum(map(text.count, ",[{")) > MAX_VALUES:
        raise Unread("too-large", f"more than {MAX_VALUES} values")
    # Most have fewer containers than may nest.
    if text.count("[") + text.count("{") > depth and _nesting(text) > depth:
        raise Unread("depth", f"more than {depth} containers deep")
    _validate(text)
    if _SURROGATE.search(text) and not _PAIRED.fullmatch(text):
        raise Unread("surrogate")
    return JsonText(text)


def utf8(data: bytes) -> str:
    """*data* as text.

    Raises:
        Unread: ``charset``: not UTF-8, or with a byte order mark.
    """
    text: str | None = None
    with suppress(UnicodeDecodeError):
        text = data.decode("utf-8")
    # Raised out here, so that no exception in the chain holds the body.
    if text is None:
        raise Unread("charset", "not UTF-8")
    if text.startswith("\ufeff"):
        raise Unread("charset", "a byte order mark")
    return text


def _nesting(text: str) -> int:
    """How deep brackets nest outside strings, before a parser's stack has to find out."""
    brackets = _NO_BRACKETS.sub("", _STRING.sub("", text))
    return max(accumulate(map(_STEP.__getitem__, brackets)), default=0)


def _validate(text: str) -> None:
    fault: Unread | None = None
    try:
        (_WARY if "\\u0000" in text else _STRICT).decode(text)
    except json.JSONDecodeError as e:
        fault = Unread("not-json", f"at character {e.pos + 1}")
    except RecursionError:
        fault = Unread("depth")
    if fault:
        raise fault


def _unique(pairs: Sequence[tuple[str, object]]) -> None:
    if len(dict(pairs)) != len(pairs):
        raise Unread("duplicate-key")


def _whole(pairs: Sequence[tuple[str, object]]) -> None:
    _unique(pairs)
    if any("\x00" in name for name, _ in pairs):
        raise Unread("format", "a NUL in a name, which ends it for some readers")


def _refuse(_name: str) -> None:
    raise Unread("number", "NaN or Infinity")


#: Numbers stay text: converting a long one takes quadratic time, or is an error of its own.
_STRICT = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_refuse, parse_int=str, parse_float=str
)
#: As this, for a text that may have a NUL in a name; every name is looked at.
_WARY = json.JSONDecoder(
    object_pairs_hook=_whole, parse_constant=_refuse, parse_int=str, parse_float=str
)
