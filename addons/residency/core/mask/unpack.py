"""The decompressors behind ``coding``, each as one class that takes a body chunk by chunk.

``feed`` gets the room that is left, in bytes, and answers at most one more, by which its caller sees
that there is too much. Faults are raised apart from the decoder's own, which may hold what it has read.
"""

import zlib
from contextlib import suppress
from typing import Protocol

import brotli
import zstandard

from residency.errors import Unread

#: A gzip member that has none of FTEXT, FHCRC, FEXTRA, FNAME, FCOMMENT (RFC 1952, section 2.3.1).
_GZIP = b"\x1f\x8b\x08\x00"
#: More members than this are refused: each costs a decoder.
_MEMBERS = 64
#: A zstd frame (RFC 8878, section 3.1.1). Its magic number tells it from a skippable one.
_ZSTD = b"\x28\xb5\x2f\xfd"
#: 8 MiB, the largest window that a sender may use in HTTP (RFC 9659, section 3).
_WINDOW = 1 << 23
#: Four bytes may be a zstd block of 128 KiB, and the library has no bound for what one call answers.
_SLICES = (32, 256)


class Unpacker(Protocol):
    """One compressed stream. ``complete`` once its end has been seen."""

    @property
    def complete(self) -> bool: ...

    def feed(self, raw: bytes, room: int) -> bytes: ...


class Plain:
    """No coding: what comes in is what comes out."""

    complete = True

    def feed(self, raw: bytes, room: int) -> bytes:
        return raw if len(raw) <= room else raw[: max(room, 0) + 1]


class Unzlib:
    """A zlib stream (RFC 1950); with other *wbits* a gzip member."""

    def __init__(self, wbits: int = zlib.MAX_WBITS) -> None:
        self._stream = zlib.decompressobj(wbits)

    @property
    def complete(self) -> bool:
        return self._stream.eof

    @property
    def rest(self) -> bytes:
        """What came behind the end."""
        return self._stream.unused_data

    def feed(self, raw: bytes, room: int) -> bytes:
        data = self.member(raw, room)
        if self.rest:
            raise Unread("coding", "bytes after the stream")
        return data

    def member(self, raw: bytes, room: int) -> bytes:
        """As ``feed``, and more may follow."""
        data: bytes | None = None
        with suppress(zlib.error):
            data = self._stream.decompress(raw, room + 1)
        if data is None:
            raise Unread("coding", "broken stream")
        return data


class Gunzip:
    """All members of a gzip stream (RFC 1952, section 2.2: a file is a series of members)."""

    def __init__(self) -> None:
        self._head = b""
        self._member: Unzlib | None = None
        self._members = 0

    @property
    def complete(self) -> bool:
        return self._members > 0 and self._member is None and not self._head

    def feed(self, raw: bytes, room: int) -> bytes:
        parts: list[bytes] = []
        while (raw or self._head) and room >= 0:
            if self._member is None:
                raw, self._head = self._head + raw, b""
                if len(raw) < len(_GZIP) and _GZIP.startswith(raw):
                    self._head = raw
                    break
                self._member = self._begun(raw)
            data = self._member.member(raw, room)
            parts.append(data)
            room -= len(data)
            raw = self._member.rest
            if not self._member.complete:
                break
            self._member = None
        return b"".join(parts)

    def _begun(self, raw: bytes) -> Unzlib:
        if not raw.startswith(_GZIP):
            raise Unread("coding", "not gzip, or with optional header fields")
        self._members += 1
        if self._members > _MEMBERS:
            raise Unread("coding", f"more than {_MEMBERS} gzip members")
        return Unzlib(16 + zlib.MAX_WBITS)


class Unbrotli:
    """A brotli stream (RFC 7932)."""

    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    @property
    def complete(self) -> bool:
        return bool(self._stream.is_finished())

    def feed(self, raw: bytes, room: int) -> bytes:
        parts: list[bytes] = []
        if raw and self.complete:
            raise Unread("coding", "bytes after the stream")
        # Bytes after the stream are an error to brotli itself if they are in the same chunk.
        while raw or (room >= 0 and not self._stream.can_accept_more_data()):
            data: bytes | None = None
            with suppress(brotli.error):
                data = self._stream.process(raw, output_buffer_limit=room + 1)
            if data is None:
                raise Unread("coding", "broken stream")
            parts.append(data)
            room -= len(data)
            raw = b""
        return b"".join(parts)


class Unzstd:
    """One zstd frame (RFC 8878, section 3.1.1)."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj()
        self._head: bytes | None = b""
        self._slice = _SLICES[0]

    @property
    def complete(self) -> bool:
        return self._stream.eof

    def feed(self, raw: bytes, room: int) -> bytes:
        if self._head is not None:
            raw = self._head + raw
            if not (raw.startswith(_ZSTD) or _ZSTD.startswith(raw)):
                raise Unread("coding", "not a zstd frame")
            self._head = raw if len(raw) < len(_ZSTD) else None
            if self._head is not None:
                return b""
        parts: list[bytes] = []
        at = 0
        while at < len(raw) and room >= 0:
            data = self._some(raw[at : at + self._slice])
            at += self._slice
            # Small slices while they become large, so that a bomb is seen early.
            self._slice = _SLICES[0] if len(data) > _WINDOW >> 7 else _SLICES[1]
            parts.append(data)
            room -= len(data)
        return b"".join(parts)

    def _some(self, raw: bytes) -> bytes:
        data: bytes | None = None
        with suppress(zstandard.ZstdError):
            if not self._stream.eof:
                data = self._stream.decompress(raw)
        if data is None or self._stream.unused_data:
            raise Unread("coding", "broken stream, or bytes after it")
        return data
