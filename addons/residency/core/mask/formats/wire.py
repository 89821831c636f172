"""The protobuf wire format, strictly: each value in its one spelling (protobuf.dev, "Encoding").

What one reader skips or cuts off, another shows: padded varints, groups, bits beyond a type's size are refused.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from residency.errors import Unread

VARINT, I64, LEN, I32 = 0, 1, 2, 5
_MOST = 10
_FIXED = {I64: 8, I32: 4}
_ODD = "a protobuf message that is malformed"


@dataclass(frozen=True, slots=True)
class Raw:
    """One record of a message: all of it, and its value behind tag and length, as extents in bytes."""

    number: int
    wire: int
    start: int
    value: int
    end: int


def records(data: bytes) -> Iterator[Raw]:
    """The records of the message *data*.

    Raises:
        Unread: ``format``.
    """
    at = 0
    while at < len(data):
        start = at
        tag, at = varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == VARINT:
            value = at
            _, at = varint(data, at)
        elif wire == LEN:
            size, value = varint(data, at)
            at = value + size
        elif wire in _FIXED:
            value, at = at, at + _FIXED[wire]
        else:
            raise Unread("format", _ODD)
        if at > len(data) or not number:
            raise Unread("format", _ODD)
        yield Raw(number, wire, start, value, at)


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at *at*, in its shortest form, and where it ends.

    Raises:
        Unread: ``format``.
    """
    number = 0
    for place, byte in enumerate(data[at : at + _MOST]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:  # noqa: PLR2004 - the last byte's mark
            if (not byte and place) or number >= 1 << 64:
                break
            return number, at + place + 1
    raise Unread("format", _ODD)


def spelled(number: int) -> bytes:
    """*number*, not negative, as a varint."""
    made = bytearray()
    while number > 0x7F:  # noqa: PLR2004 - seven bits a byte
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def record(number: int, wire: int, value: bytes) -> bytes:
    """A whole record."""
    size = spelled(len(value)) if wire == LEN else b""
    return spelled(number << 3 | wire) + size + value


def float_of(data: bytes, code: str) -> float | int | str:
    """A fixed-size number; what JSON has no number for is text."""
    value = struct.unpack(code, data)[0]
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 - not a number
            return str(value)
        return int(value) if value.is_integer() and abs(value) < 1e15 else value  # noqa: PLR2004 - as repr
    return int(value)
