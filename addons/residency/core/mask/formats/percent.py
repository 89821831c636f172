"""Percent-encoding, undone once and exactly (RFC 3986, section 2.1; the URL standard's forms, in which + is a blank)."""

import re
from collections.abc import Callable

from residency.core.mask.text import utf8
from residency.errors import Unread

_UNIT = re.compile(rb"%[0-9A-Fa-f]{2}|[^%]", re.DOTALL)
_BLANK = ord(" ")
_UNRESERVED = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~*")


def decode(raw: bytes, *, plus: bool) -> str:
    """What *raw* says; with *plus*, ``+`` is a blank.

    Raises:
        Unread: ``format`` for a percent sign that begins no escape; ``charset`` for what is not UTF-8.
    """
    if b"%" not in raw and b"+" not in raw:
        return utf8(raw)
    return utf8(b"".join(map(_value(plus=plus), _units(raw))))


def respell(raw: bytes, text: str, *, plus: bool, safe: bytes = b"") -> bytes:
    """*text* encoded; what *raw* says in the same way at its head and tail stays as spelled there.

    Args:
        raw: What stood there, which ``decode`` takes.
        text: What is to stand there.
        plus: Whether ``+`` is a blank.
        safe: What need not be encoded besides letters, digits and ``-._~*``.
    """
    units, new = _units(raw), text.encode()
    old = b"".join(map(_value(plus=plus), units))
    head = _alike(old, new)
    tail = min(_alike(old[::-1], new[::-1]), len(old) - head, len(new) - head)
    middle = new[head : len(new) - tail]
    kept = _UNRESERVED | frozenset(safe)
    spelled = b"".join(
        b"+" if plus and c == _BLANK else bytes((c,)) if c in kept else b"%%%02X" % c
        for c in middle
    )
    return b"".join([*units[:head], spelled, *units[len(units) - tail :]])


def _units(raw: bytes) -> list[bytes]:
    """Each spells one byte."""
    units = _UNIT.findall(raw)
    if sum(map(len, units)) != len(raw):
        raise Unread("format", "a percent sign that begins no escape")
    return units


def _value(*, plus: bool) -> Callable[[bytes], bytes]:
    def value(unit: bytes) -> bytes:
        if len(unit) > 1:
            return bytes.fromhex(unit[1:].decode())
        return b" " if plus and unit == b"+" else unit

    return value


def _alike(one: bytes, other: bytes) -> int:
    """How many bytes both begin with."""
    most = min(len(one), len(other))
    low = 0
    # By halves, so that long values are compared at C speed.
    while low < most:
        step = (low + most + 1) // 2
        if one[low:step] == other[low:step]:
            low = step
        else:
            most = step - 1
    return low
