"""A body as the parts in which fields may be, and all of it again with other parts."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from residency.core.mask.text import utf8
from residency.errors import Unread

#: Each part is masked by itself; more of them than this take too long.
MAX_PARTS = 20_000


def _same(data: bytes) -> bytes:
    return data


@dataclass(frozen=True, slots=True)
class Part:
    """One value in a body, spelled at ``start`` to ``end``, in bytes.

    ``data`` is what it says: ``json`` a document, ``text`` UTF-8, ``note`` UTF-8 beside the data, such as a file's
    name, in which only detectors look. A part with a ``name`` is a member of the object that the body is. ``spell``
    says new data as the format does; ``outer`` is the extent of all that goes if the part is removed, notes with the same
    among it; ``length`` that of a number that tells how long the spelling is.
    """

    start: int
    end: int
    data: bytes = field(repr=False)
    kind: Literal["json", "text", "note"] = "json"
    name: str | None = None
    spell: Callable[[bytes], bytes] = _same
    outer: tuple[int, int] | None = None
    length: tuple[int, int] | None = None


#: What a format is: it takes a body apart. Bytes that are in no part stay as they are.
type Split = Callable[[bytes], list[Part]]


def join(data: bytes, parts: Sequence[Part], new: Sequence[bytes | None]) -> bytes:
    """*data* with *new* in the place of *parts*; ``None`` removes one. What says the same keeps its spelling.

    Raises:
        Unread: ``format``: a part cannot go, or cannot be spelled.
    """
    edits: list[tuple[int, int, bytes]] = []
    for part, value in zip(parts, new, strict=True):
        if value is None:
            if part.outer is None:
                raise Unread("format", "a part that cannot be removed from its body")
            edits.append((*part.outer, b""))
    for part, value in left(parts, new):
        if value != part.data:
            spelled = part.spell(value)
            edits.append((part.start, part.end, spelled))
            if part.length:
                edits.append((*part.length, b"%d" % len(spelled)))
    pieces: list[bytes] = []
    at = 0
    for start, end, text in sorted(edits):
        pieces += data[at:start], text
        at = max(at, end)
    return b"".join([*pieces, data[at:]])


def left(parts: Sequence[Part], new: Sequence[bytes | None]) -> Iterator[tuple[Part, bytes]]:
    """The parts that are not removed, nor go with one that is, and what each says then."""
    gone = {part.outer for part, value in zip(parts, new, strict=True) if value is None}
    for part, value in zip(parts, new, strict=True):
        if value is not None and (part.outer is None or part.outer not in gone):
            yield part, value


def counted(parts: list[Part]) -> list[Part]:
    """*parts*, if they are not too many.

    Raises:
        Unread: ``too-large``.
    """
    if len(parts) > MAX_PARTS:
        raise Unread("too-large", f"more than {MAX_PARTS} parts")
    return parts


def plain(data: bytes) -> str:
    """*data* as text that is shown: with a NUL it may be UTF-16, in which other readers find other characters.

    Raises:
        Unread: ``charset``.
    """
    text = utf8(data)
    if "\x00" in text:
        raise Unread("charset", "a text with a NUL")
    return text
