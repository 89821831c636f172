"""Answers that stream: masked and restored message by message, however they are chunked, or cut."""

import base64
import gzip
import itertools
import json
import struct
import zlib
from collections.abc import Sequence

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask import eventstream
from residency.core.mask.detect import spec as detectors
from residency.core.mask.fields import MaskField, MaskSet
from residency.core.mask.frames import kind_of
from residency.core.mask.job import Job
from residency.core.mask.path import compile as path
from residency.core.mask.session import Session
from residency.core.mask.stream import Masking, Stream
from residency.core.mask.weave import Originals
from residency.errors import Unread

MAIL = "<email:0123456789abcdef>"
ODD = "<name:00000000000000aa>"
KNOWN = Originals({MAIL: '"a@b.example"', ODD: r'"x\n\"y\" 😀"'})
NOTHING = Originals({})
LIMIT = 4096
DIRECTIONS = frozenset({"request", "response"})


def masking(*fields: MaskField, **more: object) -> Masking:
    fields = fields or (MaskField(path("$..email")),)
    one = MaskSet(name="s", why="w", fields=fields, directions=DIRECTIONS, **more)  # type: ignore[arg-type]
    return Masking(Job([one], "response"), Session())


def stream(media: str, coding: str = "identity", *, originals: Originals = KNOWN, mask: Masking | None = None) -> Stream:  # fmt: skip
    kind = kind_of([media])
    assert kind
    return Stream(kind, [coding], originals=originals, limit=LIMIT, masking=mask)


def passed(chunks: Sequence[bytes], of: Stream) -> bytes:
    return b"".join([*map(of.feed, chunks), of.close()])


def message(payload: bytes) -> bytes:
    name, value = b":event-type", b"contentBlockDelta"
    header = bytes([len(name)]) + name + b"\x07" + struct.pack("!H", len(value)) + value
    return eventstream.Message(header, payload).to_bytes()


def delta(text: str) -> bytes:
    return json.dumps({"contentBlockIndex": 0, "delta": {"text": text}}).encode()


CHAT = [json.dumps({"choices": [{"index": 0, "delta": {"content": t}}]}) for t in ("to <em", "ail:0123456789abcdef", "> é 😀")]  # fmt: skip
SSE = "".join(f": ping\r\nevent: m\ndata:{c}\n\n" for c in CHAT).encode() + b"data: [DONE]\r\n\r\n"
BODIES = {
    "text/event-stream": SSE,
    "application/x-ndjson": "\n".join(CHAT).encode() + b"\r\n\n" + CHAT[0].encode(),
    "application/json-seq": "".join(f"\x1e{c}\n" for c in CHAT).encode(),
    "text/plain": f"é to {{}} {MAIL} and 12 {ODD} <email:".encode(),
    "application/vnd.amazon.eventstream": b"".join(
        message(delta(t)) for t in ("to <em", "ail:0123456789abcdef>", " x")
    ),
}
CODERS = {
    "identity": bytes,
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}
DECODERS = {
    "identity": bytes,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
    "br": brotli.decompress,
    "zstd": lambda data: zstandard.ZstdDecompressor().decompressobj().decompress(data),
}


@pytest.mark.parametrize("media", BODIES)
def test_two_chunks_cut_anywhere_give_the_same(media: str) -> None:
    body = BODIES[media]
    whole = passed([body], stream(media))

    assert b"b.example" in whole
    assert {passed([body[:n], body[n:]], stream(media)) for n in range(len(body))} == {whole}


@pytest.mark.parametrize("media", BODIES)
def test_byte_by_byte_gives_the_same(media: str) -> None:
    body = BODIES[media]

    assert passed([bytes([b]) for b in body], stream(media)) == passed([body], stream(media))


@given(st.sampled_from(sorted(BODIES)), st.lists(st.integers(0, 400), max_size=9).map(sorted))
def test_any_chunks_give_the_same(media: str, cuts: list[int]) -> None:
    body = BODIES[media]
    chunks = [body[a:b] for a, b in itertools.pairwise([0, *cuts, len(body)])]

    assert passed(chunks, stream(media)) == passed([body], stream(media))


@pytest.mark.parametrize("coding", CODERS)
def test_codings_stay_and_each_event_can_be_read_at_once(coding: str) -> None:
    of = stream("text/event-stream", coding)
    raw = CODERS[coding](SSE)

    out = b"".join([*(of.feed(bytes([b])) for b in raw), of.close()])

    assert DECODERS[coding](out) == passed([SSE], stream("text/event-stream"))


def test_the_first_event_leaves_when_it_is_complete() -> None:
    of = stream("text/event-stream")

    assert of.feed(b"data: {}\n") == b""
    assert of.feed(b"\n") == b"data: {}\n\n"


def test_events_stay_byte_for_byte_where_nothing_changes() -> None:
    body = b': c\r\ndata:  {"a":1.0 }\rid: 7\r\n\r\n\ndata\n\nretry: 1\n\ndata: {"b":\ndata: 2}\n\nend'

    assert passed([body], stream("text/event-stream")) == body


def test_a_value_with_line_ends_stays_one_event() -> None:
    body = f"event: t\ndata: {ODD}\nid: 1\n\n".encode()

    assert passed([body], stream("text/event-stream")) == (
        'event: t\ndata: x\ndata: "y" 😀\nid: 1\n\n'.encode()
    )


# Masking


def test_fields_are_masked_event_by_event_and_counted() -> None:
    of = stream("text/event-stream", mask=masking())
    body = b'data: {"email":"a","to":"' + MAIL.encode() + b'"}\n\ndata: [DONE]\n\n'

    assert passed([body], of) == b'data: {"email":"***","to":"a@b.example"}\n\ndata: [DONE]\n\n'
    assert of.counts == {"s": {"$..email": 1}}


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("application/x-ndjson", b'{"email":"a"}\n\n{"email":"b"}'),
        ("application/json-seq", b'\x1e{"email":"a"}\n\x1e{\n"email":"b"}\n'),
        ("application/vnd.amazon.eventstream", message(b'{"email":"a"}') + message(b'{"email":"b"}')),
        ("application/vnd.amazon.eventstream", message(b'{"bytes":"' + base64.b64encode(b'{"email":"a"}') + b'","p":"x"}')),
    ],
)  # fmt: skip
def test_fields_are_masked_in_every_format(media: str, body: bytes) -> None:
    out = b"".join(
        passed([bytes([b]) for b in body], stream(media, originals=NOTHING, mask=masking()))
        for _ in range(1)
    )

    assert b"***" in out or base64.b64encode(b'{"email":"***"}') in out
    assert b'"a"' not in out
    assert base64.b64encode(b'{"email":"a"}') not in out


@pytest.mark.parametrize(
    ("media", "body", "reason"),
    [
        ("text/event-stream", b"data: canary\n\n", "format"),
        ("text/event-stream", b'data: {"a":1,"a":2}\n\n', "duplicate-key"),
        ("text/event-stream", b"data: \xff\n\n", "charset"),
        ("text/event-stream", b"data: " + b"x" * 2 * LIMIT, "too-large"),
        ("application/x-ndjson", b"canary\n", "not-json"),
        ("application/json-seq", b'{"email":"canary"}\n', "format"),
        ("application/vnd.amazon.eventstream", b"\0" * 16, "stream"),
        ("application/vnd.amazon.eventstream", message(b'{"a":1}')[:-1] + b"x", "stream"),
        ("application/vnd.amazon.eventstream", message(b'{"a":1}')[:-1], "stream"),
        ("application/vnd.amazon.eventstream", message(b'{"email":1}' + b" " * 2 * LIMIT), "too-large"),
        ("application/vnd.amazon.eventstream", message(b'{"p":1,"bytes":"e30="}'), "stream"),
        ("application/vnd.amazon.eventstream", message(b'{"bytes":"e30=","email":"canary"}'), "stream"),
    ],
)  # fmt: skip
def test_what_cannot_be_masked_ends_the_answer_and_does_not_pass(
    media: str, body: bytes, reason: str
) -> None:
    of = stream(media, mask=masking())
    out = b""
    found = ""
    try:
        for byte in body:
            out += of.feed(bytes([byte]))
        of.close()
    except Unread as e:
        found = e.reason

    assert (found, out) == (reason, b"")


@pytest.mark.parametrize("media", ["text/event-stream", "application/vnd.amazon.eventstream"])
def test_bytes_behind_what_was_cut_do_not_pass(media: str) -> None:
    of = stream(media, "gzip", mask=masking())

    with pytest.raises(Unread, match="coding"):
        of.feed(b"canary")


@pytest.mark.parametrize(
    "mask",
    [
        masking(MaskField(path("$..email"), detect=(detectors.parse("email"),))),
        masking(MaskField(path("$.id"), required=True)),
        masking(json=(path("$.arguments"),)),
        masking(text_or_json=(path("$.arguments"),)),
    ],
    ids=["detect", "required", "json", "text_or_json"],
)
def test_what_needs_the_whole_answer_is_refused_at_its_beginning(mask: Masking) -> None:
    with pytest.raises(Unread, match="stream"):
        stream("text/event-stream", mask=mask)


def test_a_plain_text_has_to_be_whole_to_be_masked() -> None:
    with pytest.raises(Unread, match="stream"):
        stream("text/plain", mask=masking())


# Restoring alone never stands in the way


@pytest.mark.parametrize(
    ("media", "body"),
    [
        ("text/event-stream", b"data: " + b"x" * 2 * LIMIT + b"\n\ndata: y\n\n"),
        ("application/vnd.amazon.eventstream", message(delta("<em")) + b"\0" * 100),
        ("application/vnd.amazon.eventstream", message(delta("<em"))[:-1] + b"x" + message(b"{}")),
        ("application/vnd.amazon.eventstream", message(delta("<em")) + message(b"{}")[:-3]),
        ("text/plain", b"to <em\xff\xfe rest"),
        ("text/plain", b"to <em\xf0\x9f"),
        ("application/json-seq", b"{\x1e<em\n\x1e"),
    ],
)
def test_what_cannot_be_read_passes_as_it_is_if_nothing_is_masked(media: str, body: bytes) -> None:
    assert passed([bytes([b]) for b in body], stream(media)) == body
    assert passed([body], stream(media)) == body


@pytest.mark.parametrize(
    "media", ["application/json", "", "text/html", "application/octet-stream", "nonsense"]
)
def test_what_is_no_stream_has_no_kind(media: str) -> None:
    assert kind_of([media]) is None


@given(st.binary(max_size=40), st.binary(max_size=200))
def test_messages_survive_a_round_trip(headers: bytes, payload: bytes) -> None:
    made = eventstream.Message(headers, payload)

    assert eventstream.message(made.to_bytes()) == made


@given(st.data())
def test_a_message_with_one_wrong_bit_is_refused(data: st.DataObject) -> None:
    raw = bytearray(message(b'{"a":1}'))
    at = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[at // 8] ^= 1 << at % 8

    with pytest.raises(Unread):
        eventstream.message(bytes(raw))


def test_nothing_that_was_read_is_shown() -> None:
    assert "canary" not in repr(eventstream.Message(b"canary", b"canary"))
