"""The compressors behind ``coding``, each as one class that takes a body chunk by chunk, or whole."""

import zlib
from typing import Protocol

import brotli
import zstandard

#: The default quality of brotli, 11, takes seconds for a megabyte.
_QUALITY = 4


class Packer(Protocol):
    """What makes one compressed stream. ``whole`` does all at once, and better."""

    def feed(self, data: bytes) -> bytes: ...
    def close(self) -> bytes: ...
    def whole(self, data: bytes) -> bytes: ...


class AsIs:
    """No coding."""

    def feed(self, data: bytes) -> bytes:
        return data

    def close(self) -> bytes:
        return b""

    def whole(self, data: bytes) -> bytes:
        return data


class Zlib:
    """zlib, or gzip with other *wbits*."""

    def __init__(self, wbits: int = zlib.MAX_WBITS) -> None:
        self._wbits = wbits
        self._stream = zlib.compressobj(wbits=wbits)

    def feed(self, data: bytes) -> bytes:
        return self._stream.compress(data) + self._stream.flush(zlib.Z_SYNC_FLUSH)

    def close(self) -> bytes:
        return self._stream.flush()

    def whole(self, data: bytes) -> bytes:
        return zlib.compress(data, wbits=self._wbits)


class Gzip(Zlib):
    """One gzip member without a name or time."""

    def __init__(self) -> None:
        super().__init__(16 + zlib.MAX_WBITS)


class Brotli:
    """A brotli stream."""

    def __init__(self) -> None:
        self._stream = brotli.Compressor(quality=_QUALITY)

    def feed(self, data: bytes) -> bytes:
        return bytes(self._stream.process(data) + self._stream.flush())

    def close(self) -> bytes:
        return bytes(self._stream.finish())

    def whole(self, data: bytes) -> bytes:
        return bytes(brotli.compress(data, quality=_QUALITY))


class Zstd:
    """One zstd frame."""

    def __init__(self) -> None:
        self._stream = zstandard.ZstdCompressor().compressobj()

    def feed(self, data: bytes) -> bytes:
        first = self._stream.compress(data)
        return first + self._stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)

    def close(self) -> bytes:
        return self._stream.flush()

    def whole(self, data: bytes) -> bytes:
        return zstandard.ZstdCompressor().compress(data)
