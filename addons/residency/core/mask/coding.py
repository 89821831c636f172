"""Content codings: a body without its compression, bounded and to the last byte; whole, or chunk by chunk.

A decoder that stops early shows less than the target reads, so a stream must be complete and
nothing may follow it. What decoders skip in silence, gzip header fields and zstd skippable frames,
is refused. Brotli's metadata blocks (RFC 7932, section 9.2) cannot be seen from outside its
decoder; a body that is masked is compressed anew and loses them.
"""

from collections.abc import Callable, Sequence

from residency.core.mask import pack, unpack
from residency.core.mask.pack import Packer
from residency.core.mask.unpack import Unpacker
from residency.errors import Unread

#: Beyond the first MiB, what comes out may be at most this many times what went in; JSON shrinks 5 to 50 times.
_RATIO = 200
_SMALL = 1 << 20


class Decoder:
    """One body in one coding, chunk by chunk. After an error it is of no more use."""

    def __init__(self, codings: Sequence[str], *, limit: int | None = None) -> None:
        """A decoder at the beginning of a body.

        Args:
            codings: The values of all Content-Encoding headers as sent; none is ``identity``.
            limit: The most bytes that may come out; ``None``: as many as the ratio lets.

        Raises:
            Unread: ``coding`` if there is more than one coding, or one that is not known here.
        """
        self._name = _named(codings)
        self._unpacker = _CODINGS[self._name][0]()
        self._limit = limit
        self._read = self._made = 0

    def feed(self, chunk: bytes) -> bytes:
        """All that *chunk*, the next of the body, adds to what is decoded.

        Raises:
            Unread: ``coding`` for a stream that is broken, is followed by more, or has room for bytes that nobody
                decodes; ``bomb`` if more than the limit comes out, or too much for what went in; ``too-large`` if
                more than the limit came that is not compressed.
        """
        self._read += len(chunk)
        most = max(_SMALL, _RATIO * self._read)
        most = most if self._limit is None else min(self._limit, most)
        data = self._unpacker.feed(chunk, most - self._made)
        self._made += len(data)
        # The ratio is no limit for what is not compressed: one in, one out.
        if self._made > most:
            raise Unread("too-large" if self._name == "identity" else "bomb")
        return data

    def close(self) -> None:
        """See that the body is whole.

        Raises:
            Unread: ``coding``: the stream has not come to its end.
        """
        if not self._unpacker.complete:
            raise Unread("coding", "incomplete stream")


class Encoder:
    """A body put into one coding, chunk by chunk: each can be read by the receiver as soon as it has it."""

    def __init__(self, codings: Sequence[str]) -> None:
        """An encoder at the beginning of a body.

        Raises:
            Unread: ``coding``, as for ``Decoder``.
        """
        self._packer = _CODINGS[_named(codings)][1]()

    def feed(self, data: bytes) -> bytes:
        """*data* in the coding, to its last byte."""
        return self._packer.feed(data) if data else b""

    def close(self) -> bytes:
        """The end of the stream."""
        return self._packer.close()


def decode(raw: bytes, codings: Sequence[str], *, limit: int) -> bytes:
    """The body behind *raw*, at most *limit* bytes.

    Args:
        raw: The body as sent.
        codings: The values of all Content-Encoding headers as sent; none is ``identity``.
        limit: In bytes. No more than this, and one chunk of a decoder, is ever held.

    Raises:
        Unread: As in ``Decoder``.
    """
    decoder = Decoder(codings, limit=limit)
    data = decoder.feed(raw)
    decoder.close()
    return data


def encode(data: bytes, codings: Sequence[str]) -> bytes:
    """*data* in the one coding that *codings* names: equal input gives equal output.

    Raises:
        Unread: ``coding``, as for ``Decoder``.
    """
    packer = _CODINGS[_named(codings)][1]()
    return packer.whole(data)


def _named(codings: Sequence[str]) -> str:
    if not codings:
        return "identity"
    name = codings[0].strip(" \t").lower()
    if len(codings) > 1 or name not in _CODINGS:
        raise Unread("coding", "not exactly one of identity, gzip, deflate, br, zstd")
    return name


_CODINGS: dict[str, tuple[Callable[[], Unpacker], Callable[[], Packer]]] = {
    "identity": (unpack.Plain, pack.AsIs),
    "gzip": (unpack.Gunzip, pack.Gzip),
    # RFC 9110, section 8.4.1.2: deflate is zlib; what some send raw is not.
    "deflate": (unpack.Unzlib, pack.Zlib),
    "br": (unpack.Unbrotli, pack.Brotli),
    "zstd": (unpack.Unzstd, pack.Zstd),
}
