"""Where named values stand in a path, a query and a cookie header, and what they say."""

import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from residency.core.mask.formats import percent
from residency.core.mask.formats.names import called
from residency.core.mask.names import Names
from residency.errors import Unread

#: RFC 6265, section 4.1.1, without what percent-encoding leaves alone anyway and without ``%`` itself.
_COOKIE = b"!#$&'()+/:<=>?@[]^`{|}"
#: RFC 3986, section 3.3, likewise.
_SEGMENT = b"!$&'()+,=:@"
_QUERY = b"!$'(),:@/?"
#: Where some readers begin another cookie.
_PIECES = re.compile(r"[ \t,]+")


@dataclass(frozen=True, slots=True)
class Spot:
    """A value that fields name: the extent of its spelling, and what it says.

    ``outer`` is what goes if it is removed. ``plus``: whether ``+`` is a blank in its percent-encoding; ``None`` if it
    has none. ``safe`` is what this place need not encode.
    """

    start: int
    end: int
    text: str = field(repr=False)
    fields: tuple[int, ...]
    outer: tuple[int, int]
    plus: bool | None = None
    safe: bytes = b""


def in_query(query: str, names: Names) -> Iterator[Spot]:
    """The values in *query* of the fields in *names*.

    Raises:
        Unread: ``format`` or ``charset`` if a part of the query cannot be decoded, or ``;`` may part two fields.
    """
    at = 0
    for pair in query.split("&"):
        end = at + len(pair)
        name, equals, value = pair.partition("=")
        found = _named(_decoded(name, plus=True), names) or names.get(_decoded(name, plus=False))
        if found and equals:
            begun = at + len(name) + 1
            outer = (max(at - 1, 0), end if at else min(end + 1, len(query)))
            yield Spot(begun, end, _decoded(value, plus=True), tuple(found), outer, True, _QUERY)
        elif ";" in pair:
            # Some readers take it for an ampersand (the URL standard's readers do not).
            for piece in pair.split(";"):
                if _named(_decoded(piece.partition("=")[0], plus=True), names):
                    raise Unread("format", "a query in which ; may part two fields")
        at = end + 1


def in_cookie(line: str, names: Names) -> Iterator[Spot]:
    """The values in one Cookie header (RFC 6265, section 4.2) of the fields in *names*.

    Raises:
        Unread: ``format`` where some readers part two cookies and others do not: at a ``;`` in quotes, a comma, a blank.
    """
    at = 0
    for pair in line.split(";"):
        end = at + len(pair)
        name, equals, value = pair.partition("=")
        bare = name.strip(" \t")
        found = _named(_lenient(bare), names)
        if value.count('"') % 2:
            raise Unread("format", "a cookie with a quote that does not end")
        if not found and any(
            _named(_lenient(piece.partition("=")[0]), names) for piece in _PIECES.split(pair)[1:]
        ):
            raise Unread(
                "format", "a cookie header in which a comma or a blank may part two cookies"
            )
        if found and equals:
            begun = at + len(name) + 1 + len(value) - len(value.lstrip(" \t"))
            ends = begun + len(value.strip(" \t"))
            text = line[begun:ends]
            if len(text) > 1 and text[0] == text[-1] == '"':
                begun, ends, text = begun + 1, ends - 1, text[1:-1]
            outer = (max(at - 1, 0), end if at else min(end + 1, len(line)))
            said = _decoded(text, plus=False) if "%" in text else _utf8(text)
            yield Spot(begun, ends, said, tuple(found), outer, False, _COOKIE)
        at = end + 1


def in_path(path: str, templates: Sequence[tuple[str, str, int]]) -> Iterator[Spot]:
    """The segments of *path* for which a name stands in *templates*: template, name and field.

    Raises:
        Unread: ``format`` if the path is one of a template only once it is normalised, in case too, as the far side may do;
            ``format`` or ``charset`` if it cannot be decoded.
    """
    raw = path.split("/")
    segments = [_decoded(segment, plus=False) for segment in raw]
    normal = _normal("/".join(segments).replace("\\", "/").casefold())
    spots: dict[int, list[int]] = {}
    for template, name, number in templates:
        wanted = template.split("/")
        place = wanted.index(f"{{{name}}}")
        if _fits(wanted, segments):
            if segments[place] in ("", ".", ".."):
                raise Unread("format", "a segment that is no value")
            spots.setdefault(place, []).append(number)
        elif _fits(_normal(template.casefold()), normal):
            raise Unread("format", "a path that has to be normalised to be a mask set's")
    for place, numbers in sorted(spots.items()):
        begun = sum(len(segment) + 1 for segment in raw[:place])
        end = begun + len(raw[place])
        text = segments[place]
        yield Spot(begun, end, text, tuple(numbers), (begun, end), False, _SEGMENT)


def _fits(template: Sequence[str], segments: Sequence[str]) -> bool:
    return len(template) == len(segments) and all(
        t == s or (t.startswith("{") and t.endswith("}"))
        for t, s in zip(template, segments, strict=True)
    )


def _normal(path: str) -> list[str]:
    """The segments of *path* without those that mean nothing, and without parameters (RFC 3986, sections 3.3, 5.2.4)."""
    segments: list[str] = []
    for segment in path.split("/"):
        bare = segment.partition(";")[0]
        if bare == "..":
            segments = segments[:-1]
        elif bare not in ("", "."):
            segments.append(bare)
    return segments


def _named(name: str, names: Names) -> Sequence[int]:
    """The fields that some reader sees in what is called *name*.

    Raises:
        Unread: ``format``: a NUL in the name, which ends it for some.
    """
    if "\x00" in name:
        raise Unread("format", "a NUL in a name")
    return sorted({number for one in called(name) for number in names.get(one)})


def _decoded(text: str, *, plus: bool) -> str:
    raw = None
    with suppress(UnicodeEncodeError):
        raw = text.encode("latin-1")
    if raw is None:
        raise Unread("charset", "a head that is not of bytes")
    return percent.decode(raw, plus=plus)


def _lenient(text: str) -> str:
    """The name of a cookie, decoded if it is encoded: some readers do."""
    try:
        return _decoded(text, plus=False)
    except Unread:
        return text


def _utf8(text: str) -> str:
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text
