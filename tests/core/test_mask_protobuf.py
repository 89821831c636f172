"""Protobuf by an operator's descriptors: selected fields go, every other record stays, and what is not known is unread."""

import base64
import gzip
import pickle
from typing import Any

import pytest
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given
from hypothesis import strategies as st

from residency.core.body import Content, inspect_body, mask_body
from residency.core.document import read
from residency.core.faults import Faults
from residency.core.mask.coding import decode, encode
from residency.core.mask.fields import MaskField, MaskSet
from residency.core.mask.formats.protobuf import Schema
from residency.core.mask.method import parse as method
from residency.core.mask.path import compile as path
from residency.core.mask.sets import MaskSets, parse
from residency.errors import Unread

F = FieldDescriptorProto
PATH = "/shop.Orders/Create"
TYPES = {
    "string": F.TYPE_STRING, "int64": F.TYPE_INT64, "sint32": F.TYPE_SINT32, "double": F.TYPE_DOUBLE, "bool": F.TYPE_BOOL,
    "bytes": F.TYPE_BYTES, "fixed32": F.TYPE_FIXED32, "message": F.TYPE_MESSAGE,
}  # fmt: skip


def descriptors() -> bytes:
    files = FileDescriptorSet()
    file = files.file.add(name="shop.proto", package="shop", syntax="proto3")
    person = file.message_type.add(name="Person")
    order = file.message_type.add(name="Order")
    entry = order.nested_type.add(name="NotesEntry")
    entry.options.map_entry = True

    def add(
        message: Any, number: int, name: str, kind: str, *, many: bool = False, of: str = ""
    ) -> None:
        label = F.LABEL_REPEATED if many else F.LABEL_OPTIONAL
        message.field.add(
            number=number, name=name, type=TYPES[kind], label=label, type_name=of or None
        )

    add(entry, 1, "key", "string")
    add(entry, 2, "value", "string")
    add(person, 1, "email", "string")
    add(person, 2, "age", "int64")
    add(person, 3, "friend", "message", of=".shop.Person")
    add(order, 1, "person", "message", of=".shop.Person")
    add(order, 2, "people", "message", many=True, of=".shop.Person")
    add(order, 3, "tags", "string", many=True)
    add(order, 4, "amounts", "sint32", many=True)
    add(order, 5, "price", "double")
    add(order, 6, "notes", "message", many=True, of=".shop.Order.NotesEntry")
    add(order, 7, "paid", "bool")
    add(order, 8, "photo", "bytes")
    add(order, 9, "code", "fixed32")
    service = file.service.add(name="Orders")
    service.method.add(name="Create", input_type=".shop.Order", output_type=".shop.Person")
    return files.SerializeToString()


SCHEMA = Schema(descriptors())


POOL = DescriptorPool()
for each in FileDescriptorSet.FromString(SCHEMA.raw).file:
    POOL.Add(each)
order: Any = GetMessageClass(POOL.FindMessageTypeByName("shop.Order"))


FULL = order(
    person={"email": "secret", "age": 7, "friend": {"email": "secret", "age": -1}},
    people=[{"email": "secret"}, {"age": 2}, {"email": "x"}], tags=["a", "b"], amounts=[1, -2, 3], price=1.5,
    notes={"k": "n"}, paid=True, photo=b"\xff\x00", code=9,
)  # fmt: skip


def frame(message: bytes, flag: int = 0) -> bytes:
    return bytes([flag]) + len(message).to_bytes(4) + message


def masked(
    raw: bytes,
    *rows: tuple[str, str],
    kind: str = "application/grpc",
    at: str = PATH,
    encoding: tuple[str, ...] = (),
) -> bytes:
    fields = tuple(MaskField(path(p), method(m)) for p, m in rows or (("$..email", "constant"),))
    sets = MaskSets((MaskSet(name="s", why="-", fields=fields),), SCHEMA)
    headers = (("content-type", kind), *(("grpc-encoding", one) for one in encoding))
    content = Content(raw, headers, at)
    found = mask_body(content, sets, ["s"], limit=100_000)

    seen = inspect_body(content, sets, ["s"], limit=100_000)
    assert seen.counts["s"] == {p: n for p, n in found.counts["s"].items() if n}
    return found.raw


def reason(
    raw: bytes, *rows: tuple[str, str], at: str = PATH, encoding: tuple[str, ...] = ()
) -> str:
    with pytest.raises(Unread) as caught:
        masked(raw, *rows, at=at, encoding=encoding)
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None
    return caught.value.reason


def test_selected_texts_go_and_another_reader_reads_all_else() -> None:
    wanted = order()
    wanted.CopyFrom(FULL)
    wanted.person.email = wanted.person.friend.email = wanted.people[0].email = wanted.people[
        2
    ].email = "***"

    new = masked(frame(FULL.SerializeToString(deterministic=True)))

    assert new == frame(wanted.SerializeToString(deterministic=True))


def test_each_message_of_a_stream_is_masked() -> None:
    one, other = order(person={"email": "a"}), order(tags=["b"])
    raw = frame(one.SerializeToString()) + frame(other.SerializeToString())

    one.person.email = "***"
    assert masked(raw) == frame(one.SerializeToString()) + frame(other.SerializeToString())


@pytest.mark.parametrize(
    "kind", ["application/proto", "application/x-protobuf", "application/protobuf"]
)
@pytest.mark.parametrize("at", [PATH, "/twirp" + PATH])
def test_a_message_by_itself_is_masked(kind: str, at: str) -> None:
    raw = order(person={"email": "a"}).SerializeToString()

    assert masked(raw, kind=kind, at=at) == order(person={"email": "***"}).SerializeToString()


def test_records_in_an_odd_order_stay_where_they_are() -> None:
    tag, people = (
        order(tags=["a"]).SerializeToString(),
        order(people=[{"email": "x"}]).SerializeToString(),
    )

    new = order(people=[{"email": "***"}]).SerializeToString()
    assert masked(frame(tag + people + tag)) == frame(tag + new + tag)


@pytest.mark.parametrize(
    ("row", "gone"),
    [
        (("$.person", "remove"), "person"), (("$.price", "remove"), "price"), (("$.amounts", "remove"), "amounts"),
        (("$.tags", "remove"), "tags"), (("$.photo", "remove"), "photo"), (("$.notes", "remove"), "notes"),
        (("$.people", "remove"), "people"),
    ],
)  # fmt: skip
def test_any_field_can_be_removed(row: tuple[str, str], gone: str) -> None:
    wanted = order()
    wanted.CopyFrom(FULL)
    wanted.ClearField(gone)
    raw = FULL.SerializeToString(deterministic=True)

    assert order.FromString(masked(frame(raw), row)[5:]) == wanted


def test_numbers_can_be_rounded_and_maps_be_masked() -> None:
    new = order.FromString(
        masked(frame(FULL.SerializeToString()), ("$..age", "round:-1"), ("$.notes.*", "constant"))[
            5:
        ]
    )

    assert (new.person.age, new.person.friend.age, dict(new.notes)) == (10, 0, {"k": "***"})


@pytest.mark.parametrize(
    "row",
    [("$.price", "constant"), ("$..age", "constant"), ("$.person", "constant"), ("$.paid", "constant"), ("$.photo", "constant"),
     ("$.tags", "constant"), ("$.tags[?@ == 'a']", "remove"), ("$.amounts[0]", "constant"), ("$.notes.*~", "constant"),
     ("$.person.email~", "constant"), ("$", "constant"), ("$.code", "constant")],
)  # fmt: skip
def test_a_mask_that_a_field_cannot_hold_makes_the_message_unread(row: tuple[str, str]) -> None:
    assert reason(frame(FULL.SerializeToString()), row) == "format"


@pytest.mark.parametrize("row", [("$.notes.k", "remove"), ("$.person.email", "null")])
def test_what_a_message_cannot_say_makes_it_unread(row: tuple[str, str]) -> None:
    """Neither null nor an empty map has a spelling."""
    assert reason(frame(FULL.SerializeToString()), row) in ("drift", "format")


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (frame(b"\xfa\x01\x06secret"), "format"),  # a field that no descriptor has
        (frame(b"\x0a\x02\x08\x01"), "format"),  # a number where the e-mail is text
        (frame(b"\x0a\x08\x0a\x06secre"), "format"),  # cut
        (frame(b"\x0a\x03\x0a\x01a\x0a\x03\x0a\x01b"), "format"),  # one person twice
        (frame(b"\x0a\x08\x0a\x01a\x0a\x03sec"), "format"),  # one e-mail twice
        (frame(b"\x0a\x03\x0a\x01\xff"), "charset"),
        (frame(b"\x0b\x0c"), "format"),  # a group
        (frame(b"\x8a\x00\x03\x0a\x01a"), "format"),  # a tag with padding
        (frame(b"\x38\x02"), "format"),  # a bool that is 2
        (frame(b"\x22\x02\x01\x80"), "format"),  # packed numbers that are cut
        (frame(b"\x22\x00"), "format"),
        (frame(b"\x32\x03\x0a\x01k"), "format"),  # a map's entry without a value
        (frame(b"\x32\x06\x0a\x01k\x12\x01a" * 2), "format"),  # a key twice
        (frame(b"\x00"), "format"),
        (frame(b"", flag=1), "coding"),
        (frame(b"", flag=0x80), "coding"),
        (frame(b"")[:4], "format"),
        (frame(b"x" * 9)[:9], "format"),
        (frame(b"") + b"\x00", "format"),
    ],
)  # fmt: skip
def test_a_message_that_readers_differ_about_is_unread(raw: bytes, why: str) -> None:
    assert reason(raw) == why


def test_messages_in_messages_without_end_are_unread() -> None:
    deep: Any = {"email": "a"}
    for _ in range(40):
        deep = {"friend": deep}

    assert reason(frame(order(person=deep).SerializeToString())) == "depth"


@pytest.mark.parametrize(
    "at", ["/shop.Orders/Delete", "/shop.Order/Create", "", "/Create", "/a/b"]
)
def test_a_method_that_is_not_described_is_unread(at: str) -> None:
    assert reason(frame(b""), at=at) == "format"


def test_without_descriptors_protobuf_is_unread() -> None:
    sets = MaskSets((MaskSet(name="s", why="-", fields=(MaskField(path("$.a")),)),))
    content = Content(frame(b""), (("content-type", "application/grpc"),), PATH)

    assert inspect_body(content, sets, ["s"], limit=99).reason == "format"


# Compressed messages (grpc.github.io, "Compression"): each by itself, as the call's grpc-encoding says

CODINGS = ["gzip", "deflate", "zstd"]


@pytest.mark.parametrize("coding", CODINGS)
def test_a_compressed_message_is_masked_and_compressed_again(coding: str) -> None:
    one, other = order(person={"email": "secret"}), order(person={"email": "secret2"}, tags=["b"])
    plain, clean = one.SerializeToString(), order(tags=["c"]).SerializeToString()
    packed = encode(other.SerializeToString(), [coding])
    kept = frame(encode(clean, [coding]), 1)

    new = masked(frame(plain) + frame(packed, 1) + kept, encoding=(coding,))

    one.person.email = other.person.email = "***"
    first = frame(one.SerializeToString())
    assert new.startswith(first)
    assert new.endswith(kept)
    second = new[len(first) : -len(kept)]
    assert second[0] == 1
    assert int.from_bytes(second[1:5]) == len(second) - 5
    assert decode(second[5:], [coding], limit=999) == other.SerializeToString()


def test_a_compressed_message_without_fields_stays_byte_for_byte() -> None:
    raw = frame(gzip.compress(order(tags=["a"]).SerializeToString(), 1, mtime=7), 1)

    assert masked(raw, encoding=("gzip",)) == raw


def test_another_reader_reads_the_compressed_message() -> None:
    raw = frame(gzip.compress(order(person={"email": "secret"}).SerializeToString()), 1)

    new = masked(raw, encoding=("gzip",))

    assert order.FromString(gzip.decompress(new[5:])) == order(person={"email": "***"})


@pytest.mark.parametrize(
    ("encoding", "flag", "message"),
    [
        ((), 1, b""),  # compressed, and nobody says how
        (("identity",), 1, b""),
        (("snappy",), 1, b""),
        (("br",), 1, encode(b"", ["br"])),  # no coding of gRPC's
        (("GZIP",), 1, encode(b"", ["gzip"])),
        (("gzip, zstd",), 1, encode(b"", ["gzip"])),
        (("gzip", "zstd"), 1, encode(b"", ["gzip"])),
        (("gzip",), 1, b""),
        (("gzip",), 1, encode(b"", ["gzip"])[:-1]),
        (("gzip",), 1, encode(b"", ["gzip"]) + b"secret"),
        (("gzip",), 1, encode(b"", ["deflate"])),
        (("gzip",), 2, encode(b"", ["gzip"])),
        (("gzip",), 3, encode(b"", ["gzip"])),
    ],
)
def test_a_message_whose_compression_is_not_sure_is_unread(
    encoding: tuple[str, ...], flag: int, message: bytes
) -> None:
    assert reason(frame(message, flag), encoding=encoding) == "coding"


@pytest.mark.parametrize("coding", CODINGS)
def test_all_messages_of_a_body_together_are_no_more_than_a_body_may_be(coding: str) -> None:
    """The body may have 100,000 bytes; each of these messages has 60,000."""
    packed = frame(encode(order(tags=["x" * 60_000]).SerializeToString(), [coding]), 1)

    assert masked(packed, encoding=(coding,)) == packed
    assert reason(packed * 2, encoding=(coding,)) == "bomb"


@given(st.binary(max_size=60))
def test_no_bytes_raise_anything_but_unread(data: bytes) -> None:
    try:
        again = masked(frame(data))
    except Unread as e:
        assert e.__context__ is None  # noqa: PT017 - any outcome is fine but another error
    else:
        order.FromString(again[5:])


FILE = "version: 1\nprotobuf: |\n  {}\nsets: [{{name: s, why: x, fields: [{{path: $.a}}]}}]\n"


def test_masks_yaml_holds_the_descriptors_in_base64() -> None:
    faults = Faults()
    text = "\n  ".join(base64.encodebytes(SCHEMA.raw).decode().splitlines())
    sets = parse(read(FILE.format(text), "masks.yaml", faults), faults)

    assert sets, faults.found
    assert sets.schema == SCHEMA
    assert pickle.loads(pickle.dumps(sets)).schema == SCHEMA  # noqa: S301 - its own


@pytest.mark.parametrize(
    "text", ["x", "AAAA", "%%%", base64.b64encode(b"\x0a\x02\x0a\x00").decode()]
)
def test_what_is_no_descriptor_set_is_a_fault(text: str) -> None:
    faults = Faults()

    assert parse(read(FILE.format(text), "masks.yaml", faults), faults) is None
    assert [(f.line, "descriptor" in str(f)) for f in faults.found] == [(2, True)]
