"""Content codings: all of a stream is read, within a bound, or the body is unread."""

import gzip
import io
import struct
import tracemalloc
import zlib
from collections.abc import Iterable

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from residency.core.mask.coding import Decoder, Encoder, decode, encode
from residency.errors import Unread

DATA = b'{"ssn": "123-45-6789"}' * 9
CODINGS = ["identity", "gzip", "deflate", "br", "zstd"]
COMPRESSED = CODINGS[1:]


def reason(raw: bytes, codings: list[str], limit: int = 10_000) -> str:
    with pytest.raises(Unread) as caught:
        decode(raw, codings, limit=limit)
    return caught.value.reason


def named_gzip(**header: str) -> bytes:
    out = io.BytesIO()
    with gzip.GzipFile(filename=header["name"], mode="wb", fileobj=out) as f:
        f.write(DATA)
    return out.getvalue()


@pytest.mark.parametrize("coding", CODINGS)
@given(data=st.binary(max_size=2000))
def test_decode_undoes_encode(coding: str, data: bytes) -> None:
    assert decode(encode(data, [coding]), [coding], limit=2000) == data


@pytest.mark.parametrize("coding", COMPRESSED)
def test_encode_compresses(coding: str) -> None:
    assert len(encode(DATA, [coding])) < len(DATA)


def test_no_header_is_identity() -> None:
    assert decode(DATA, [], limit=10_000) == DATA
    assert encode(DATA, []) == DATA


@pytest.mark.parametrize("value", [" gzip", "GZIP\t", "GzIp"])
def test_blanks_and_case_of_a_coding_do_not_matter(value: str) -> None:
    assert decode(encode(DATA, ["gzip"]), [value], limit=10_000) == DATA


@pytest.mark.parametrize(
    "codings",
    [
        ["gzip", "gzip"],
        ["identity", "identity"],
        ["gzip, br"],
        ["gzip;q=1"],
        ["x-gzip"],
        ["compress"],
        ["aws-chunked"],
        ["hex"],
        ["base64"],
        ["rot13"],
        ["utf-16"],
        ["none"],
        ["deflateraw"],
        [""],
        [","],
        ["gzip,"],
    ],
    ids=repr,
)
def test_anything_but_one_known_coding_is_unread(codings: list[str]) -> None:
    assert reason(encode(DATA, ["gzip"]), codings) == "coding"

    with pytest.raises(Unread, match="coding"):
        encode(DATA, codings)


@pytest.mark.parametrize("coding", COMPRESSED)
def test_bytes_after_the_stream_are_unread(coding: str) -> None:
    assert reason(encode(DATA, [coding]) + b"x", [coding]) == "coding"


@pytest.mark.parametrize("coding", COMPRESSED)
def test_a_stream_that_is_cut_anywhere_is_unread(coding: str) -> None:
    whole = encode(DATA, [coding])

    assert {reason(whole[:end], [coding]) for end in range(len(whole))} == {"coding"}


@pytest.mark.parametrize("coding", COMPRESSED)
def test_plain_text_under_a_label_is_unread(coding: str) -> None:
    assert reason(DATA, [coding]) == "coding"


@pytest.mark.parametrize("coding", COMPRESSED)
@given(raw=st.binary(max_size=60))
def test_random_bytes_raise_nothing_but_unread(coding: str, raw: bytes) -> None:
    try:
        decode(raw, [coding], limit=1000)
    except Unread as e:
        assert e.reason in ("coding", "bomb")  # noqa: PT017 - any outcome is fine but another error


@pytest.mark.parametrize("coding", COMPRESSED)
def test_the_limit_is_inclusive(coding: str) -> None:
    raw = encode(DATA, [coding])

    assert decode(raw, [coding], limit=len(DATA)) == DATA
    assert reason(raw, [coding], limit=len(DATA) - 1) == "bomb"


@pytest.mark.parametrize("coding", COMPRESSED)
def test_a_bomb_is_stopped_while_decoding(coding: str) -> None:
    raw = encode(bytes(30_000_000), [coding])
    tracemalloc.start()

    try:
        assert reason(raw, [coding], limit=1000) == "bomb"
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


def test_a_plain_body_over_the_limit_is_too_large() -> None:
    assert reason(DATA, [], limit=len(DATA) - 1) == "too-large"


def test_every_gzip_member_is_read() -> None:
    """An empty first member hides the second from a decoder that stops at the first."""
    raw = gzip.compress(b"") + gzip.compress(DATA) + gzip.compress(b"end")

    assert decode(raw, ["gzip"], limit=10_000) == DATA + b"end"


def test_gzip_members_share_one_limit() -> None:
    assert reason(gzip.compress(DATA) * 2, ["gzip"], limit=2 * len(DATA) - 1) == "bomb"


def test_thousands_of_gzip_members_are_unread() -> None:
    assert reason(gzip.compress(b"") * 10_000, ["gzip"]) == "coding"


@pytest.mark.parametrize("flag", [0x01, 0x02, 0x04, 0x08, 0x10, 0x20], ids=hex)
def test_optional_gzip_header_fields_are_unread(flag: int) -> None:
    raw = bytearray(gzip.compress(DATA))
    raw[3] |= flag

    assert reason(bytes(raw), ["gzip"]) == "coding"


def test_a_gzip_file_name_could_carry_data_and_is_unread() -> None:
    raw = named_gzip(name="123-45-6789")
    assert gzip.decompress(raw) == DATA

    assert reason(raw, ["gzip"]) == "coding"


def test_a_gzip_checksum_is_checked() -> None:
    raw = bytearray(gzip.compress(DATA))
    raw[-5] ^= 1

    assert reason(bytes(raw), ["gzip"]) == "coding"


@pytest.mark.parametrize("wbits", [-15, 31], ids=["raw deflate", "gzip"])
def test_deflate_is_zlib_only(wbits: int) -> None:
    assert reason(zlib.compress(DATA, wbits=wbits), ["deflate"]) == "coding"


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_skippable_zstd_frame_is_unread(first: bool) -> None:  # noqa: FBT001 - a table
    frame, skipped = encode(DATA, ["zstd"]), struct.pack("<II", 0x184D2A50, 4) + b"data"

    assert reason(skipped + frame if first else frame + skipped, ["zstd"]) == "coding"


def test_a_second_zstd_frame_is_unread() -> None:
    assert reason(encode(DATA, ["zstd"]) * 2, ["zstd"]) == "coding"


def test_a_zstd_window_beyond_rfc_9659_is_unread() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=24, write_content_size=False)
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    raw = stream.compress(DATA) + stream.flush()

    assert reason(raw, ["zstd"]) == "coding"


def test_a_brotli_stream_of_two_is_unread() -> None:
    assert reason(brotli.compress(DATA) * 2, ["br"]) == "coding"


@pytest.mark.parametrize("coding", COMPRESSED)
def test_no_error_holds_the_body(coding: str) -> None:
    with pytest.raises(Unread) as caught:
        decode(DATA, [coding], limit=1000)

    assert "123-45" not in str(caught.value)
    assert caught.value.__context__ is None


# Chunk by chunk


def chunked(chunks: Iterable[bytes], decoder: Decoder) -> bytes:
    data = b"".join(map(decoder.feed, chunks))
    decoder.close()
    return data


def pieces(raw: bytes, size: int) -> list[bytes]:
    return [raw[at : at + size] for at in range(0, len(raw), size)]


def fed(raw: bytes, coding: str, size: int) -> bytes:
    return chunked(pieces(raw, size), Decoder([coding], limit=10_000))


@pytest.mark.parametrize("coding", CODINGS)
def test_a_stream_cut_at_any_byte_decodes_to_the_same(coding: str) -> None:
    raw = encode(DATA, [coding])

    for at in range(len(raw) + 1):
        decoder = Decoder([coding], limit=10_000)
        data = decoder.feed(raw[:at]) + decoder.feed(raw[at:])
        decoder.close()

        assert data == DATA


@pytest.mark.parametrize("coding", CODINGS)
def test_a_stream_decodes_byte_by_byte(coding: str) -> None:
    assert fed(encode(DATA, [coding]), coding, 1) == DATA


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_e1_every_gzip_member_is_read_wherever_chunks_end(size: int) -> None:
    raw = gzip.compress(b"") + gzip.compress(DATA) + gzip.compress(b"end")

    assert fed(raw, "gzip", size) == DATA + b"end"


@pytest.mark.parametrize("coding", COMPRESSED)
def test_e2_bytes_in_a_chunk_of_their_own_after_the_stream_are_unread(coding: str) -> None:
    decoder = Decoder([coding])
    decoder.feed(encode(DATA, [coding]))

    with pytest.raises(Unread, match="coding"):
        decoder.feed(b"x" * 20)


@pytest.mark.parametrize("coding", COMPRESSED)
def test_e2_a_single_byte_after_the_stream_is_unread(coding: str) -> None:
    with pytest.raises(Unread, match="coding"):
        chunked([encode(DATA, [coding]), b"\x1f"], Decoder([coding]))


@pytest.mark.parametrize("coding", COMPRESSED)
def test_e5_another_coding_than_the_label_says_is_unread(coding: str) -> None:
    for other in COMPRESSED:
        if other != coding:
            assert reason(encode(DATA, [other]), [coding]) == "coding"


@pytest.mark.parametrize("coding", COMPRESSED)
@pytest.mark.parametrize("size", [1, 50, 1 << 20])
def test_e6_a_bomb_in_chunks_is_stopped_by_its_ratio_without_a_limit(
    coding: str, size: int
) -> None:
    raw = encode(bytes(30_000_000), [coding])
    decoder = Decoder([coding])
    tracemalloc.start()

    try:
        # At its best gzip's ratio is about 1,000, beyond what is let through for any size.
        with pytest.raises(Unread, match="bomb"):
            chunked(pieces(raw, size), decoder)
        assert tracemalloc.get_traced_memory()[1] < 20_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("coding", CODINGS)
@given(chunks=st.lists(st.binary(max_size=100), max_size=8))
def test_each_chunk_that_is_encoded_can_be_read_at_once(coding: str, chunks: list[bytes]) -> None:
    encoder, decoder = Encoder([coding]), Decoder([coding])

    for chunk in chunks:
        assert decoder.feed(encoder.feed(chunk)) == chunk
    assert decoder.feed(encoder.close()) == b""

    decoder.close()


@pytest.mark.parametrize("coding", COMPRESSED)
@given(raw=st.binary(max_size=200), cut=st.integers(0, 200))
def test_chunks_change_nothing_about_what_is_refused(coding: str, raw: bytes, cut: int) -> None:
    def outcome(*chunks: bytes) -> bytes | None:
        decoder = Decoder([coding], limit=1000)
        try:
            data = b"".join(map(decoder.feed, chunks))
            decoder.close()
        except Unread:
            return None
        return data

    raw = encode(raw, [coding])[: max(cut, 5)] + raw[:1]

    assert outcome(raw[:cut], raw[cut:]) == outcome(raw)
