"""Forms (``application/x-www-form-urlencoded``, the URL standard, section 5): their fields are members of one object."""

import re
from functools import partial

from residency.core.mask.formats import percent
from residency.core.mask.formats.part import Part, counted
from residency.core.mask.text import utf8
from residency.errors import Unread

#: What serializers write; and some marks that they would escape, but that mean nothing else to any reader.
_PLAIN = re.compile(rb"[A-Za-z0-9*\-._~+%=&!'(),/:?@$\[\]{|}]*")
#: A reader that honours it takes all other fields in another charset.
_CHARSET = "_charset_"


def form(data: bytes) -> list[Part]:
    """Each field that has a value is a part, called as the field is, and a name alone a note; both are decoded once.

    Raises:
        Unread: ``format`` for a character that a form has none of (``;`` among them, which some take for ``&``), an
            escape that is none, a NUL in a name, or a field by which others are read in another charset.
    """
    if not _PLAIN.fullmatch(data):
        raise Unread("format", "a form with a character that forms escape")
    parts: list[Part] = []
    at = 0
    for pair in data.split(b"&"):
        name, equals, value = pair.partition(b"=")
        said = percent.decode(name, plus=True)
        if "\x00" in said or said == _CHARSET:
            raise Unread("format", "a form field whose name readers differ about")
        if equals:
            start, end = at + len(name) + 1, at + len(pair)
            # With the & before it, or the one behind the first.
            outer = (max(at - 1, 0), end if at else min(end + 1, len(data)))
            text = percent.decode(value, plus=True).encode()
            parts.append(Part(start, end, text, "text", said, partial(_spelled, value), outer))
        elif pair:
            # A name alone may be data, too, for whatever looks at all of the body.
            spell = partial(_spelled, pair)
            parts.append(Part(at, at + len(pair), said.encode(), "note", spell=spell))
        at += len(pair) + 1
    return counted(parts)


def _spelled(value: bytes, data: bytes) -> bytes:
    return percent.respell(value, utf8(data), plus=True)
