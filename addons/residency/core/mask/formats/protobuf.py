"""Protobuf messages by an operator's descriptor set, seen as JSON objects whose members are named as in the ``.proto``.

A field that the descriptors do not have could hold anything, so it makes the message unread; so does ``Any``. ``bytes``
are base64. Only what a mask can be spelled as is masked: text becomes text, a number a number, and any field can go.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from residency.core.mask import coding
from residency.core.mask.formats.message import Message
from residency.core.mask.formats.part import Part, counted
from residency.errors import Unread

_HEAD = 5
#: gRPC's own two, as they are spelled there; and zstd, which several of its libraries offer.
_COMPRESSED = frozenset({"gzip", "deflate", "zstd"})


@dataclass(frozen=True, slots=True)
class Schema:
    """A descriptor set, as ``protoc --include_imports --descriptor_set_out`` writes it."""

    raw: bytes = field(repr=False)

    def message(self, path: str) -> Descriptor:
        """The type of the requests to the method that *path* ends in: ``/package.Service/Method``.

        Raises:
            Unread: ``format``: there is no such method.
        """
        service, _, method = path.rpartition("/")
        service = service.rpartition("/")[2]
        found = methods(self.raw).get(f"{service}/{method}")
        if found is None:
            raise Unread("format", "a method that no descriptor has")
        return found


@lru_cache(maxsize=8)
def methods(raw: bytes) -> dict[str, Descriptor]:
    """By ``package.Service/Method``, the types of requests.

    Raises:
        ValueError: *raw* is no descriptor set that is whole.
    """
    pool = DescriptorPool()
    try:
        files = FileDescriptorSet.FromString(raw).file
        for file in files:
            pool.Add(file)
        services = [
            s for f in files for s in pool.FindFileByName(f.name).services_by_name.values()
        ]
    except Exception:  # noqa: BLE001 - the library raises its own and others
        services = []
    if not services:
        raise ValueError(
            "is no descriptor set with services; write the base64 of what protoc --include_imports "
            "--descriptor_set_out=FILE writes"
        )
    return {f"{s.full_name}/{m.name}": m.input_type for s in services for m in s.methods}


@dataclass(frozen=True, slots=True)
class Call:
    """What a request's head says of the protobuf in its body.

    ``path`` tells the type of messages, ``codings`` (the values of all grpc-encoding headers) how those are compressed
    that say so of themselves; ``limit`` is the most bytes that all of those together may decode to.
    """

    path: str = ""
    codings: Sequence[str] = ()
    limit: int = 0


def grpc(of: Descriptor, call: Call, data: bytes) -> list[Part]:
    """Each message of a gRPC body is a document (grpc.io, "gRPC over HTTP2", "Compression").

    Raises:
        Unread: ``coding`` for a message that is compressed in no way that is known here; ``bomb``; ``format``.
    """
    parts: list[Part] = []
    at, room = 0, call.limit
    while at < len(data):
        end = at + _HEAD + int.from_bytes(data[at + 1 : at + _HEAD])
        if at + _HEAD > len(data) or end > len(data):
            raise Unread("format", "a gRPC message that is cut")
        codings = _codings(data[at], call)
        message = data[at + _HEAD : end]
        if codings:
            message = coding.decode(message, codings, limit=room)
            room -= len(message)
        (one,) = single(of, call, message)
        parts.append(Part(at, end, one.data, spell=partial(_framed, one.spell, codings)))
        at = end
    return counted(parts)


def _codings(flag: int, call: Call) -> Sequence[str]:
    """The coding of a message with this flag; none if it is not compressed.

    Raises:
        Unread: ``coding``.
    """
    if not flag:
        return ()
    if flag > 1 or len(call.codings) != 1 or call.codings[0] not in _COMPRESSED:
        raise Unread("coding", "a gRPC message that is not compressed by gzip, deflate or zstd")
    return call.codings


def single(of: Descriptor, _call: Call, data: bytes) -> list[Part]:
    """A body that is one message."""
    message = Message(of, data)
    document = json.dumps(message.members, separators=(",", ":")).encode()
    return [Part(0, len(data), document, spell=partial(_spelled, message))]


def _framed(spell: Callable[[bytes], bytes], codings: Sequence[str], document: bytes) -> bytes:
    message = coding.encode(spell(document), codings)
    return bytes([bool(codings)]) + len(message).to_bytes(_HEAD - 1) + message


def _spelled(message: Message, document: bytes) -> bytes:
    value = json.loads(document)
    if not isinstance(value, dict):
        raise Unread("format", "a message that is masked as a whole")
    return message.spelled(value)
