"""Formats of bodies: what takes one apart into documents and texts, and who may read it in another way.

JSON is JSON whatever its Content-Type says, because clients that label it as a form are common. But where type and
bytes could each be read with fields in them, nobody can say which the far side will read, and the body is unread.
"""

from collections.abc import Sequence
from contextlib import suppress
from functools import partial

from residency.core.mask.formats import lines, media
from residency.core.mask.formats.events import events
from residency.core.mask.formats.form import form
from residency.core.mask.formats.media import Media
from residency.core.mask.formats.multipart import multipart
from residency.core.mask.formats.part import Part, Split, plain
from residency.core.mask.formats.protobuf import Call, Schema, grpc, single
from residency.core.mask.text import parse
from residency.errors import Unread

_FORM = "application/x-www-form-urlencoded"
_SEQUENCE = "json-seq"
_OPENING = (b"{", b"[")
_NO_CALL = Call()


def splitter(
    data: bytes, content_types: Sequence[str], call: Call = _NO_CALL, schema: Schema | None = None
) -> Split:
    """What takes *data* apart.

    Args:
        data: A body without its coding, not empty.
        content_types: The values of all Content-Type headers as sent.
        call: What else the request's head says of protobuf.
        schema: The protobuf messages that are known, if any.

    Raises:
        Unread: ``format`` if it is of none that is known here, or may be read as two; ``charset`` if the type names
            another than UTF-8; ``not-json`` if it is to be JSON by its type and does not look like it.
    """
    of = media.parse(content_types)
    looks = data.lstrip()[:1] in _OPENING
    if of.kind == _FORM:
        return _form(data, looks=looks)
    if own := _own(of, call, schema):
        return own
    if looks or "json" in of.kind or of.kind in ("", "?", "application/octet-stream"):
        return _json
    if of.kind == "text/plain":
        return _text
    raise Unread("format", "neither JSON nor another format that is known")


def _own(of: Media, call: Call, schema: Schema | None) -> Split | None:
    """What takes a body apart whose type alone says how."""
    if of.kind.startswith("multipart/"):
        return partial(multipart, of=of)
    if of.kind.endswith(_SEQUENCE):
        return lines.sequence
    if of.kind not in _PROTOBUF:
        return _BY_KIND.get(of.kind)
    if schema is None:
        raise Unread("format", "protobuf, and no descriptors of it")
    return partial(_PROTOBUF[of.kind], schema.message(call.path), call)


def _form(data: bytes, *, looks: bool) -> Split:
    if not looks:
        return form
    # Without these a form is one name, and there is nothing in it but the JSON.
    if b"=" in data or b"&" in data:
        raise Unread("format", "labelled as a form, and looks like JSON")
    return _json


def _json(data: bytes) -> list[Part]:
    return [Part(0, len(data), data)]


def _text(data: bytes) -> list[Part]:
    plain(data)
    if data.lstrip().startswith(b'"'):
        # JSON as well, if all of it is one string; else prose that begins with a quotation.
        with suppress(Unread):
            parse(data)
            return _json(data)
    return [Part(0, len(data), data, "text")]


#: gRPC; and messages by themselves, as Connect and Twirp send them, to a path that ends as gRPC's does.
_PROTOBUF = {
    **dict.fromkeys(("application/grpc", "application/grpc+proto"), grpc),
    **dict.fromkeys(
        ("application/proto", "application/protobuf", "application/x-protobuf"), single
    ),
}
_BY_KIND: dict[str, Split] = {
    "text/event-stream": events,
    **dict.fromkeys(lines.NDJSON, lines.ndjson),
}
