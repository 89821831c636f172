"""However a stream is cut into chunks, what leaves is the same: every cut into two, and any cuts at all."""

import base64
import gzip
import json
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator

import brotli
import pytest
import zstandard
from chunk_invariance import ChunkInvarianceError, assert_chunk_invariant
from chunk_invariance.strategies import splits_of
from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask import eventstream
from residency.core.mask.coding import Decoder, Encoder, decode
from residency.core.mask.fields import MaskField, MaskSet
from residency.core.mask.frames import kind_of
from residency.core.mask.job import Job
from residency.core.mask.method import parse as method
from residency.core.mask.nest import Nest
from residency.core.mask.path import compile as path
from residency.core.mask.session import Session
from residency.core.mask.stream import Masking, Stream
from residency.core.mask.weave import Originals
from residency.errors import Unread

type Filter = Callable[[Iterable[bytes]], Iterator[bytes]]

LIMIT = 4096
MAIL, COUNT = "<email:0123456789abcdef>", "<count:00000000000000bb>"
KNOWN = Originals({MAIL: '"a@b.example"', COUNT: "17"})
FIELDS = (
    MaskField(path("$..email")),
    MaskField(path("$..phone"), method("partial:2")),
    MaskField(path("$..gone"), method("remove")),
)
RESPONSE = MaskSet(name="s", why="w", fields=FIELDS, directions=frozenset({"response"}))


def said(text: str, **more: object) -> str:
    return json.dumps({"contentBlockIndex": 0, "delta": {"text": text}, **more})


def message(payload: bytes) -> bytes:
    name, value = b":event-type", b"contentBlockDelta"
    header = bytes([len(name)]) + name + b"\x07" + struct.pack("!H", len(value)) + value
    return eventstream.Message(header, payload).to_bytes()


#: A token that is cut, one whole string that is a number, fields, escapes, and letters of several bytes.
TEXTS = [
    said('é "to" <em', email="secret", gone=1),
    said("ail:0123456789abcdef>!"),
    said(COUNT, phone="secret-12", n=COUNT),
]
BODIES = {
    "text/event-stream": b": note\r\nevent: m\r\ndata:%s\r\n\r\nid: 1\rdata: %s\r\r\ndata: %s\n\ndata: [DONE]\n\n"
    % tuple(t.encode() for t in TEXTS),
    "application/x-ndjson": "\r\n".join([*TEXTS[:2], "", TEXTS[2]]).encode(),
    "application/json-seq": "".join(f"\x1e{text}\n" for text in TEXTS).encode(),
    "application/vnd.amazon.eventstream": b"".join(
        [
            *(message(text.encode()) for text in TEXTS),
            message(b'{"bytes":"%s"}' % base64.b64encode(TEXTS[0].encode())),
        ]
    ),
    "text/plain": f"é {{}} {MAIL}, {COUNT} and <email:0123".encode(),
}
DOCUMENTS = sorted(set(BODIES) - {"text/plain"})
CODERS: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": lambda data: gzip.compress(data[:9], mtime=0) + gzip.compress(data[9:], mtime=0),
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


def answer(media: str, *, coding: str = "identity", mask: bool = False) -> Filter:
    """An answer that streams; what comes out without its coding, and at an error nothing but its reason."""

    def stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
        kind = kind_of([media])
        assert kind
        masking = Masking(Job([RESPONSE], "response"), Session()) if mask else None
        of = Stream(kind, [coding], originals=KNOWN, limit=LIMIT, masking=masking)
        out = b""
        try:
            out = b"".join([*map(of.feed, chunks), of.close()])
        except Unread as e:
            yield b"unread: " + e.reason.encode()
            return
        yield decode(out, [coding], limit=1 << 20)

    return stream


def decoded(coding: str) -> Filter:
    def stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
        decoder = Decoder([coding], limit=LIMIT)
        out = b""
        try:
            out = b"".join(map(decoder.feed, chunks))
            decoder.close()
        except Unread as e:
            out = b"unread: " + e.reason.encode()
        yield out

    return stream


def at_once(stream: Filter) -> Callable[[bytes], bytes]:
    return lambda data: b"".join(stream([data]))


def check(stream: Filter, data: bytes, chunks: list[bytes] | None = None) -> bytes:
    """Two chunks cut anywhere, a byte at a time, and if they are given these chunks; what comes out."""
    assert_chunk_invariant(stream, at_once(stream), data)
    single = [data[n : n + 1] for n in range(len(data))]
    assert_chunk_invariant(stream, at_once(stream), data, splits=[single, chunks or [data]])
    return at_once(stream)(data)


def test_the_law_sees_a_filter_that_looks_at_chunks_alone() -> None:
    with pytest.raises(ChunkInvarianceError):
        check(lambda chunks: (c.replace(b"secret", b"***") for c in chunks), b"a secret")


@pytest.mark.parametrize("media", BODIES)
def test_tokens_come_back_wherever_an_answer_is_cut(media: str) -> None:
    out = check(answer(media), BODIES[media])

    assert b"@b.example" in out
    assert b"17" in out


@pytest.mark.parametrize("media", DOCUMENTS)
def test_fields_are_masked_wherever_an_answer_is_cut(media: str) -> None:
    out = check(answer(media, mask=True), BODIES[media])

    assert b"secret" not in out
    assert base64.b64encode(TEXTS[0].encode()) not in out
    assert b"***" in out


@pytest.mark.parametrize("coding", CODERS)
@pytest.mark.parametrize("media", ["text/event-stream", "application/x-ndjson"])
def test_codings_change_nothing_wherever_an_answer_is_cut(media: str, coding: str) -> None:
    raw = CODERS[coding](BODIES[media])

    out = check(answer(media, coding=coding, mask=True), raw)
    assert out == at_once(answer(media, mask=True))(BODIES[media])


@given(st.data())
@pytest.mark.parametrize("mask", [False, True], ids=["restored", "masked"])
@pytest.mark.parametrize("media", DOCUMENTS)
def test_any_cuts_of_an_answer_give_the_same(media: str, mask: bool, data: st.DataObject) -> None:  # noqa: FBT001
    stream, body = answer(media, mask=mask), BODIES[media]
    chunks = data.draw(splits_of(body))

    assert_chunk_invariant(stream, at_once(stream), body, splits=[chunks])


@pytest.mark.parametrize("media", DOCUMENTS)
def test_an_answer_that_breaks_off_is_told_wherever_it_is_cut(media: str) -> None:
    """Without a coding a stream of lines may end anywhere; what a record or message needs to be whole is missed."""
    check(answer(media, mask=True), BODIES[media][:-30])


# The bodies of requests, and the codings of both


@pytest.mark.parametrize("coding", CODERS)
def test_a_body_is_decoded_the_same_wherever_it_is_cut(coding: str) -> None:
    body = BODIES["application/x-ndjson"] * 3

    assert check(decoded(coding), CODERS[coding](body)) == body


@given(
    st.sampled_from(sorted(CODERS)),
    st.one_of(
        st.just(b""),
        st.binary(max_size=2),
        st.just(b"\x1f\x8b\x08\x00"),
        st.just(b"\x28\xb5\x2f\xfd"),
    ),
    st.integers(0, 6),
)
def test_what_is_behind_a_body_or_missing_is_told_the_same(
    coding: str, behind: bytes, missing: int
) -> None:
    raw = CODERS[coding](BODIES["text/plain"])

    check(decoded(coding), raw[: len(raw) - missing] + behind)


@given(st.sampled_from(sorted(set(CODERS) - {"identity"})), st.data())
def test_a_body_with_one_wrong_bit_is_told_the_same(coding: str, data: st.DataObject) -> None:
    raw = bytearray(CODERS[coding](BODIES["text/plain"]))
    at = data.draw(st.integers(0, len(raw) * 8 - 1))
    raw[at // 8] ^= 1 << at % 8
    chunks = data.draw(splits_of(bytes(raw)))

    assert_chunk_invariant(
        decoded(coding), at_once(decoded(coding)), bytes(raw), splits=[chunks, [bytes([b]) for b in raw]]
    )  # fmt: skip


@pytest.mark.parametrize("coding", CODERS)
def test_too_much_of_a_body_is_told_the_same(coding: str) -> None:
    assert check(decoded(coding), CODERS[coding](b"x" * (LIMIT + 1))).startswith(b"unread: ")


@pytest.mark.parametrize("coding", CODERS)
def test_what_is_encoded_reads_the_same_wherever_it_was_cut(coding: str) -> None:
    def stream(chunks: Iterable[bytes]) -> Iterator[bytes]:
        encoder = Encoder([coding])
        raw = b"".join([*map(encoder.feed, chunks), encoder.close()])
        yield decode(raw, [coding], limit=LIMIT)

    assert check(stream, BODIES["text/plain"]) == BODIES["text/plain"]


def test_how_deep_a_place_in_strings_of_json_is_does_not_depend_on_chunks() -> None:
    inner = json.dumps({"b": json.dumps({"c": '"'})})
    text = json.dumps({"a": inner + "\\"})

    def depth(chunks: Iterable[str]) -> Iterator[str]:
        nest = Nest()
        for chunk in chunks:
            nest.feed(chunk)
        yield str(nest.depth)

    for end in range(len(text)):
        assert_chunk_invariant(depth, lambda said: "".join(depth([said])), text[:end])
