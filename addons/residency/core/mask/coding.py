"""Content codings: a body without its compression, bounded and to the last byte.

A decoder that stops early shows less than the target reads, so a stream must be complete and
nothing may follow it. What decoders skip in silence, gzip header fields and zstd skippable frames,
is refused. Brotli's metadata blocks (RFC 7932, section 9.2) cannot be seen from outside its
decoder; a body that is masked is compressed anew and loses them.
"""

import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress

import brotli
import zstandard

from residency.errors import Unread

type Decoder = Callable[[bytes, int], bytes]
type Encoder = Callable[[bytes], bytes]

#: A gzip member that has none of FTEXT, FHCRC, FEXTRA, FNAME, FCOMMENT (RFC 1952, section 2.3.1).
_GZIP = b"\x1f\x8b\x08\x00"
#: More members than this are refused: every further one copies what is left once more.
_MEMBERS = 64
_ZSTD = b"\x28\xb5\x2f\xfd"
#: 8 MiB, the largest window that a sender may use in HTTP (RFC 9659, section 3).
_WINDOW = 1 << 23
#: Beyond the first MiB, what comes out may be at most this many times what went in; JSON shrinks 5 to 50 times.
_RATIO = 200
_SMALL = 1 << 20


def decode(raw: bytes, codings: Sequence[str], *, limit: int) -> bytes:
    """The body behind *raw*, at most *limit* bytes.

    Args:
        raw: The body as sent.
        codings: The values of all Content-Encoding headers as sent; none is ``identity``.
        limit: In bytes. No more than this, and one chunk of a decoder, is ever held.

    Raises:
        Unread: ``coding`` if there is more than one coding, one that is not known here, or a
            stream that is broken, cut short, followed by more, or has room for bytes that nobody
            decodes; ``bomb`` if more than *limit* bytes come out, or too many for what went in;
            ``too-large`` if *raw* is not
            compressed and longer than *limit*.
    """
    decoder, _ = _named(codings)
    return decoder(raw, min(limit, max(_SMALL, _RATIO * len(raw))))


def encode(data: bytes, codings: Sequence[str]) -> bytes:
    """*data* in the one coding that *codings* names: equal input gives equal output.

    Raises:
        Unread: ``coding``, as ``decode`` says.
    """
    _, encoder = _named(codings)
    return encoder(data)


def _named(codings: Sequence[str]) -> tuple[Decoder, Encoder]:
    if not codings:
        return _CODINGS["identity"]
    name = codings[0].strip(" \t").lower()
    if len(codings) > 1 or name not in _CODINGS:
        raise Unread("coding", "not exactly one of identity, gzip, deflate, br, zstd")
    return _CODINGS[name]


def _plain(raw: bytes, limit: int) -> bytes:
    # The ratio is no limit here: one in, one out.
    if len(raw) > limit:
        raise Unread("too-large")
    return raw


def _decompress(raw: bytes, limit: int) -> bytes:
    return _whole(*_inflate(raw, zlib.MAX_WBITS, limit))


def _gunzip(raw: bytes, limit: int) -> bytes:
    """All members of a gzip stream (RFC 1952, section 2.2: a file is a series of members)."""
    parts: list[bytes] = []
    for _ in range(_MEMBERS):
        if not raw.startswith(_GZIP):
            raise Unread("coding", "not gzip, or with optional header fields")
        part, raw = _inflate(raw, 16 + zlib.MAX_WBITS, limit - sum(map(len, parts)))
        parts.append(part)
        if not raw:
            return b"".join(parts)
    raise Unread("coding", f"more than {_MEMBERS} gzip members")


def _inflate(raw: bytes, wbits: int, room: int) -> tuple[bytes, bytes]:
    """One zlib or gzip stream of at most *room* bytes, and what follows it."""
    stream = zlib.decompressobj(wbits)
    data: bytes | None = None
    # Each fault is raised apart from the decoder's, which may hold what it has read.
    with suppress(zlib.error):
        data = stream.decompress(raw, room + 1)
    if data is None:
        raise Unread("coding", "broken stream")
    if len(data) > room:
        raise Unread("bomb")
    if not stream.eof:
        raise Unread("coding", "incomplete stream")
    return data, stream.unused_data


def _unbrotli(raw: bytes, limit: int) -> bytes:
    stream = brotli.Decompressor()
    data: bytes | None = None
    with suppress(brotli.error):
        # Bytes after the stream are an error to brotli itself.
        data = stream.process(raw, output_buffer_limit=limit + 1)
    if data is None:
        raise Unread("coding", "broken stream")
    if len(data) > limit:
        raise Unread("bomb")
    if not stream.is_finished():
        raise Unread("coding", "incomplete stream")
    return data


def _unzstd(raw: bytes, limit: int) -> bytes:
    """One zstd frame (RFC 8878, section 3.1.1). Its magic number tells it from a skippable one."""
    if not raw.startswith(_ZSTD):
        raise Unread("coding", "not a zstd frame")
    context = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    size = 0
    data: bytes | None = None
    rest = b""
    with suppress(zstandard.ZstdError):
        # The reader is bounded, but only the object, which is not, tells where the frame ends.
        size = len(context.stream_reader(raw).read(limit + 1))
        if size <= limit:
            stream = context.decompressobj()
            data = stream.decompress(raw)
            rest = stream.unused_data if stream.eof else raw
    if size > limit:
        raise Unread("bomb")
    if data is None:
        raise Unread("coding", "broken stream")
    return _whole(data, rest)


def _whole(data: bytes, rest: bytes) -> bytes:
    if rest:
        raise Unread("coding", "incomplete stream, or bytes after it")
    return data


_CODINGS: dict[str, tuple[Decoder, Encoder]] = {
    "identity": (_plain, lambda data: data),
    "gzip": (_gunzip, lambda data: zlib.compress(data, wbits=16 + zlib.MAX_WBITS)),
    "deflate": (_decompress, zlib.compress),
    # The default quality, 11, takes seconds for a megabyte.
    "br": (_unbrotli, lambda data: bytes(brotli.compress(data, quality=4))),
    "zstd": (_unzstd, lambda data: zstandard.ZstdCompressor().compress(data)),
}
