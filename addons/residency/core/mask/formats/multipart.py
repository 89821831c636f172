"""Multipart bodies (RFC 2046, section 5.1; RFC 7578): their parts are members of one object, or documents without a name.

Multipart readers differ in all that is not plain: preambles, bare line feeds, boundaries with blanks behind them,
folded headers, encodings, ``filename*``. Two readers that differ see different parts, so all that is refused.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial

from residency.core.mask.formats import lines, media
from residency.core.mask.formats.media import Media
from residency.core.mask.formats.part import Part, counted, plain
from residency.core.mask.text import utf8
from residency.errors import Unread

#: RFC 2046, section 5.1.1, without the blank, which readers strip or do not.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=?-]{1,70}")
_HEADER = re.compile(rb"([A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)")
_HEADERS = frozenset(
    {"content-disposition", "content-type", "content-transfer-encoding", "content-id", "content-length", "mime-version"}
)  # fmt: skip
_AS_IT_IS = frozenset({"7bit", "8bit", "binary"})
_LENGTH = re.compile(r"0|[1-9][0-9]{0,9}")
#: What browsers write for a quote and for line ends in a name (the HTML standard, "multipart/form-data").
_ESCAPED = re.compile(r"%(?:22|0[AaDd])")
_ODD = "the headers of a part are malformed"
_MOST_HEADERS = 4096


@dataclass(frozen=True, slots=True)
class _Body:
    """One part as it stands: its headers by name, each with the extent of its value, and the extent of its content."""

    headers: dict[str, tuple[str, int, int]]
    start: int
    end: int

    def value(self, name: str) -> str | None:
        return self.headers[name][0] if name in self.headers else None


def multipart(data: bytes, of: Media) -> list[Part]:
    """The parts of *data*: JSON documents, texts, and the names of files as notes.

    Raises:
        Unread: ``format`` for anything that readers may differ about, and for a part that is neither JSON nor text;
            ``charset``.
    """
    boundary = of.parameters.get("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        raise Unread("format", "a multipart body without a plain boundary")
    found: list[Part] = []
    form = of.kind == "multipart/form-data"
    for start, end in _between(data, b"--" + boundary.encode()):
        # A part goes with the delimiter before it. Elsewhere than in a form its place may say what it is.
        outer = (start - len(boundary) - 4, end + 2) if form else None
        parts = _parts(data, _read(data, start, end), named=form)
        found += (replace(part, outer=outer) for part in parts)
    return counted(found)


def _between(data: bytes, delimiter: bytes) -> Iterator[tuple[int, int]]:
    """Where the parts stand, with their headers."""
    if not data.startswith(delimiter):
        raise Unread("format", "a multipart body that does not begin with its boundary")
    at, delimiters = len(delimiter), 1
    while data[at : at + 2] == b"\r\n":
        # A part without content and headers begins with the line end that its delimiter begins with.
        end = data.find(b"\r\n" + delimiter, at)
        if end < 0:
            raise Unread("format", "a multipart body without an end")
        yield at + 2, end
        at = end + 2 + len(delimiter)
        delimiters += 1
    # Nothing behind the end, and no delimiter that this reader has passed over and another may not.
    if data[at:] not in (b"--", b"--\r\n") or data.count(delimiter) != delimiters:
        raise Unread("format", "a boundary that readers may differ about")


def _read(data: bytes, start: int, end: int) -> _Body:
    stop = data.find(b"\r\n\r\n", start, min(end, start + _MOST_HEADERS))
    if stop < 0:
        raise Unread("format", _ODD)
    headers: dict[str, tuple[str, int, int]] = {}
    at = start
    for line in data[start:stop].split(b"\r\n"):
        found = _HEADER.fullmatch(line)
        name = found[1].decode().lower() if found else ""
        if not found or name not in _HEADERS or name in headers:
            raise Unread("format", _ODD)
        headers[name] = utf8(found[2]), at + found.start(2), at + found.end(2)
        at += len(line) + 2
    return _Body(headers, stop + 4, end)


def _parts(data: bytes, body: _Body, *, named: bool) -> Iterator[Part]:
    encoding = (body.value("content-transfer-encoding") or "binary").strip(" \t").lower()
    if encoding not in _AS_IT_IS:
        raise Unread("format", "a part in a transfer encoding")
    name, file = _disposition(body, named=named)
    if file:
        yield _note(data, body, file)
    content = data[body.start : body.end]
    of = media.parse([v] if (v := body.value("content-type")) is not None else [])
    length = _length(body, len(content))
    for part in _content(content, of, name, file=bool(file)):
        yield replace(
            part, start=body.start + part.start, end=body.start + part.end, length=length
        )


def _content(content: bytes, of: Media, name: str | None, *, file: bool) -> list[Part]:
    """The parts in one part's content."""
    if not content:
        return []
    if of.kind in lines.NDJSON:
        found = lines.ndjson(content)
        # Which field such a line is of, only the part's name says.
        if name is not None and any(part.data.lstrip()[:1] != b"{" for part in found):
            raise Unread("format", "JSON lines with a name that are no objects")
        return found
    if "json" in of.kind or content.lstrip()[:1] in (b"{", b"["):
        return [Part(0, len(content), content, name=name)]
    if of.kind == "text/plain" or (not of.kind and not file):
        plain(content)
        return [Part(0, len(content), content, "text", name)]
    raise Unread("format", "a part that is neither JSON nor plain text")


def _disposition(body: _Body, *, named: bool) -> tuple[str | None, str]:
    """The part's name, and its file's name, empty if it is none (RFC 7578, section 4.2)."""
    value = body.value("content-disposition")
    if value is None:
        if named:
            raise Unread("format", "a part of a form without a name")
        return None, ""
    kind, semicolon, rest = value.partition(";")
    given = media.parse_parameters(semicolon + rest, _ODD)
    kind = kind.strip(" \t").lower()
    if kind != "form-data" if named else kind not in ("form-data", "attachment", "inline"):
        raise Unread("format", _ODD)
    if not given.keys() <= {"name", "filename"} or (named and "name" not in given):
        raise Unread("format", "a part's disposition that readers differ about")
    name = given.get("name")
    if name is not None and (_ESCAPED.search(name) or name == "_charset_"):
        raise Unread("format", "a part whose name readers differ about")
    return name, given.get("filename", "")


def _note(data: bytes, body: _Body, file: str) -> Part:
    """The name of a file, which may be data: where it stands in its header."""
    _, start, end = body.headers["content-disposition"]
    at = data.rfind(b"filename", start, end)
    at = data.index(file.encode(), data.index(b"=", at), end)
    return Part(
        at, at + len(file.encode()), file.encode(), "note", spell=partial(_quoted, data[at - 1])
    )


def _quoted(before: int, text: bytes) -> bytes:
    if before != ord('"') or re.search(rb'["\\\x00-\x1f\x7f]', text):
        raise Unread("format", "a file's name that cannot be spelled")
    return text


def _length(body: _Body, size: int) -> tuple[int, int] | None:
    if "content-length" not in body.headers:
        return None
    value, start, end = body.headers["content-length"]
    if not _LENGTH.fullmatch(value) or int(value) != size:
        raise Unread("format", "a part's length that is not its own")
    return start, end
