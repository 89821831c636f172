"""JSON texts one after another: NDJSON (also called JSON lines) and text sequences (RFC 7464)."""

from residency.core.mask.formats.part import Part, counted
from residency.errors import Unread

#: Media types by which NDJSON goes; none is registered.
NDJSON = frozenset(
    f"application/{name}"
    for name in ("x-ndjson", "ndjson", "jsonl", "x-jsonl", "jsonlines", "x-jsonlines", "json-lines", "x-json-stream",
                 "stream+json")
)  # fmt: skip
_BLANK = b" \t\r"
_RS = b"\x1e"


def ndjson(data: bytes) -> list[Part]:
    """Each line that is not blank is a document."""
    parts: list[Part] = []
    at = 0
    for line in counted_lines(data):
        if line.strip(_BLANK):
            parts.append(Part(at, at + len(line), line))
        at += len(line) + 1
    return parts


def counted_lines(data: bytes) -> list[bytes]:
    """The lines of *data*.

    Raises:
        Unread: ``too-large``: more than a body may have parts, blank ones apart.
    """
    lines = data.split(b"\n")
    counted([Part(0, 0, b"") for line in lines if line.strip(_BLANK)])
    return lines


def sequence(data: bytes) -> list[Part]:
    """Each text between a record separator and a line feed is a document.

    Raises:
        Unread: ``format``: one is truncated or empty, or something comes before the first. Readers are to skip such
            (RFC 7464, section 2.1), but then they also skip what is in them, or do not.
    """
    head, *texts = data.split(_RS)
    if head:
        raise Unread("format", "a sequence that does not begin with a record separator")
    parts: list[Part] = []
    at = 0
    for text in texts:
        at += 1
        if not text.endswith(b"\n") or not text.strip():
            raise Unread("format", "a text in a sequence that is truncated or empty")
        parts.append(Part(at, at + len(text), text))
        at += len(text)
    return counted(parts)
