"""Messages of ``application/vnd.amazon.eventstream``, in which Amazon Bedrock and Lambda stream their answers.

::

    total length, headers' length, CRC-32 of these two     4 bytes each, big-endian
    headers, payload
    CRC-32 of all before it                                4 bytes

Source: "Event stream encoding" in the Amazon Lex V2 developer guide; botocore 1.44 ``eventstream.py`` for the limits.
"""

import struct
import zlib
from dataclasses import dataclass, field

from residency.errors import Unread

_PRELUDE = struct.Struct("!III")
_CRC = struct.Struct("!I")
#: What a message has besides headers and payload, in bytes.
OVERHEAD = _PRELUDE.size + _CRC.size
#: The most bytes of headers that a reader takes.
_MOST_HEADERS = 128 * 1024
_ANY = 1 << 32


@dataclass(frozen=True, slots=True)
class Message:
    """One message. Its headers stay as they are. The payload is never shown."""

    headers: bytes = field(repr=False)
    payload: bytes = field(repr=False)

    def to_bytes(self) -> bytes:
        total = OVERHEAD + len(self.headers) + len(self.payload)
        lengths = struct.pack("!II", total, len(self.headers))
        begun = lengths + _CRC.pack(zlib.crc32(lengths)) + self.headers + self.payload
        return begun + _CRC.pack(zlib.crc32(begun))


def length(data: bytes, *, limit: int) -> int | None:
    """How many bytes the message takes that *data* begins with; ``None`` if too few have come to tell.

    Raises:
        Unread: ``stream``: that is no message; ``too-large``: more than *limit* bytes.
    """
    if len(data) < _PRELUDE.size:
        return None
    total, headers, crc = _PRELUDE.unpack_from(data)
    if crc != zlib.crc32(data[: _PRELUDE.size - _CRC.size]):
        raise Unread("stream", "a message whose lengths do not add up to their checksum")
    if headers > min(total - OVERHEAD, _MOST_HEADERS):
        raise Unread("stream", "a message with impossible lengths")
    if total > limit:
        raise Unread("too-large", "a message of a stream")
    return int(total)


def message(data: bytes) -> Message:
    """The one message that *data* is.

    Raises:
        Unread: ``stream``: it is none, or not what was sent.
    """
    if length(data, limit=_ANY) != len(data):
        raise Unread("stream", "an incomplete message")
    if _CRC.unpack_from(data, len(data) - _CRC.size)[0] != zlib.crc32(data[: -_CRC.size]):
        raise Unread("stream", "a message that does not add up to its checksum")
    start = _PRELUDE.size + _PRELUDE.unpack_from(data)[1]
    return Message(data[_PRELUDE.size : start], data[start : -_CRC.size])
