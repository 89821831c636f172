"""Lines of a pipe, as they come: a batch is answered while it is still being written, in bounded memory."""

from collections.abc import Iterator
from typing import BinaryIO

#: Bytes that are asked for at once.
CHUNK = 64 * 1024
#: Bytes of one line; what is longer is no call that a gateway would read (residency_read_limit is 8 MiB).
MAX_LINE = 16 * 1024 * 1024


def batches(stream: BinaryIO, *, longest: int = MAX_LINE) -> Iterator[list[bytes | None]]:
    """Whole lines without their LF, in lists of those that came together; ``None`` for one that is too long.

    The last line needs no LF.
    """
    kept: list[bytes] = []
    size, dropped = 0, False
    read = getattr(stream, "read1", stream.read)
    while chunk := read(CHUNK):
        *ended, rest = chunk.split(b"\n")
        found: list[bytes | None] = []
        for part in ended:
            whole = b"".join([*kept, part])
            found.append(None if dropped or len(whole) > longest else whole)
            kept, size, dropped = [], 0, False
        size += len(rest)
        dropped = dropped or size > longest
        kept = [] if dropped else [*kept, rest] if rest else kept
        if found:
            yield found
    if dropped or kept:
        yield [None if dropped else b"".join(kept)]
