"""A witness hears what a provider says about where a call ran, bounded, and never breaks anything."""

import gzip
import json

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from residency.core.places import ANYWHERE, UNKNOWN, Places
from residency.core.region.attest import Witness, drifts
from residency.core.region.says import Saying
from tests.atlases import build, shipped

US, DE = Places(frozenset({"US"})), Places(frozenset({"DE"}))
JSON = (("content-type", "application/json; charset=utf-8"),)
SSE = (("content-type", "text/event-stream"),)
MESSAGES = shipped().says["anthropic-messages"]
ANSWER = {"id": "msg_1", "content": [{"text": "x"}], "usage": {"input_tokens": 3, "inference_geo": "us"}}  # fmt: skip
START = {"type": "message_start", "message": {"usage": {"inference_geo": "us"}}}
STREAM = (
    b"event: message_start\ndata: " + json.dumps(START).encode() + b"\n\n"
    b'event: ping\ndata: {"type": "ping"}\n\n'
    b'event: message_stop\ndata: {"type": "message_stop"}\n\n'
)


def hear(
    body: bytes,
    headers: tuple[tuple[str, str], ...] = JSON,
    *,
    sayings: tuple[Saying, ...] = MESSAGES,
    limit: int = 1 << 20,
    step: int = 7,
) -> Places | None:
    witness = Witness(sayings, headers, limit=limit)
    for at in range(0, len(body), step):
        witness.hear(body[at : at + step])
    return witness.said()


def test_a_json_answer_says_where_it_ran() -> None:
    assert hear(json.dumps(ANSWER).encode()) == US


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("step", [1, 7, 10_000])
def test_a_stream_says_where_it_ran(ends: bytes, step: int) -> None:
    assert hear(STREAM.replace(b"\n", ends), SSE, step=step) == US


def test_data_on_several_lines_is_one_event() -> None:
    text = json.dumps(START, indent=1).encode()
    stream = b"".join(b"data:" + line + b"\r\n" for line in text.splitlines()) + b"\r\n"

    assert hear(stream, SSE) == US


def test_an_event_that_has_not_ended_says_nothing() -> None:
    assert hear(STREAM.split(b"\n\n")[0], SSE) is None


@pytest.mark.parametrize(
    ("name", "packed"),
    [("gzip", lambda b: gzip.compress(b, mtime=0)), ("br", brotli.compress), ("zstd", zstandard.compress)],
)  # fmt: skip
def test_a_compressed_answer_is_read(name: str, packed: object) -> None:
    assert callable(packed)
    coded = ("content-encoding", name)

    assert hear(packed(json.dumps(ANSWER).encode()), (*JSON, coded)) == US
    assert hear(packed(STREAM), (*SSE, coded)) == US


@pytest.mark.parametrize(
    ("value", "said"),
    [("us", US), ("global", ANYWHERE), ("mars", UNKNOWN), ("not_available", None), (None, None), (["us"], None)],
)  # fmt: skip
def test_what_each_value_says(value: object, said: Places | None) -> None:
    assert hear(json.dumps({"usage": {"inference_geo": value}}).encode()) == said


def test_different_values_are_all_said() -> None:
    other = STREAM.replace(b'"us"', b'"global"')

    assert hear(STREAM + other, SSE) == ANYWHERE


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"", JSON),
        (b"not json", JSON),
        (b'{"usage": {"inference_geo": "us", "inference_geo": "global"}}', JSON),
        (b'{"usage": [{"inference_geo": "us"}]}', JSON),
        (b'"inference_geo"', JSON),
        (b"[" * 100_000 + b'"inference_geo"', JSON),
        (json.dumps(ANSWER).encode(), ()),
        (json.dumps(ANSWER).encode(), (("content-type", "text/html"),)),
        (json.dumps(ANSWER).encode(), (*JSON, ("content-encoding", "gzip"))),
        (json.dumps(ANSWER).encode(), (*JSON, ("content-encoding", "compress"))),
        (json.dumps(ANSWER).encode(), (*JSON, ("content-encoding", "gzip"), ("content-encoding", "br"))),
        (gzip.compress(json.dumps(ANSWER).encode(), mtime=0)[:-3], (*JSON, ("content-encoding", "gzip"))),
        (gzip.compress(b'"inference_geo"' + b" " * 10_000_000, mtime=0), (*JSON, ("content-encoding", "gzip"))),
        (json.dumps(ANSWER).encode("utf-16"), JSON),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_nothing(
    body: bytes, headers: tuple[tuple[str, str], ...]
) -> None:
    assert hear(body, headers, step=50_000) is None


def test_no_more_than_the_limit_is_kept() -> None:
    witness = Witness(MESSAGES, SSE, limit=100)
    for _ in range(1000):
        witness.hear(b"x" * 64)

    assert witness.size == 100


def test_the_beginning_of_a_long_stream_is_enough() -> None:
    assert hear(STREAM + b"data: {}\n\n" * 1000, SSE, limit=len(STREAM) + 5) == US


def test_a_json_answer_over_the_limit_says_nothing() -> None:
    assert hear(json.dumps(ANSWER).encode(), limit=30) is None


def test_nothing_is_kept_of_an_answer_that_says_nothing() -> None:
    witness = Witness(MESSAGES, (("content-type", "image/png"),))
    witness.hear(b"x" * 1000)

    assert (witness.listens, witness.size) == (False, 0)


CATALOGUE = """
version: 1
provider: aws
source: s
as_of: 2026-11-22
confidence: high
entries:
  - id: a-b
    service: s
    hosts: ["a.{region}.example"]
    where: [{regions: ["{region}"]}]
    says: [%s]
    source: s
"""


def test_a_header_says_a_region_of_the_table() -> None:
    atlas, faults = build("version: 1", CATALOGUE % "{header: X-Amz-Bucket-Region, means: region}")
    assert atlas, faults.found
    sayings = atlas.says["a-b"]

    assert hear(b"", (("x-amz-bucket-region", "eu-central-1"),), sayings=sayings) == DE
    assert hear(b"", (("x-amz-bucket-region", "eu-mars-1"),), sayings=sayings) == UNKNOWN
    assert hear(b"", sayings=sayings) is None


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("{means: region}", "give body, event or header"),
        ('{body: "usage", means: region}', "is no selector"),
        ("{header: x, means: {a: [UK]}}", "ISO 3166"),
        ("{header: x, means: {a: mars}}", "means"),
        ("{header: x}", "is missing"),
    ],
)
def test_a_bad_saying_is_a_fault_with_its_place(says: str, told: str) -> None:
    atlas, faults = build("version: 1", CATALOGUE % says)

    assert atlas is None
    assert any(told in str(fault) and fault.line for fault in faults.found), faults.found


@pytest.mark.parametrize(
    ("assumed", "said", "drift"),
    [
        (US, US, False),
        (US | DE, US, False),
        (US, US | DE, True),
        (DE, US, True),
        (US, ANYWHERE, True),
        (US, UNKNOWN, True),
        (ANYWHERE, US, False),
        (ANYWHERE, UNKNOWN, False),
        (UNKNOWN, US, False),
    ],
)
def test_a_place_that_was_not_assumed_is_drift(
    assumed: Places, said: Places, *, drift: bool
) -> None:
    assert drifts(assumed, said) is drift


headers = st.lists(
    st.tuples(
        st.sampled_from(["content-type", "content-encoding", "x"]),
        st.sampled_from(["application/json", "text/event-stream", "gzip", "br", "zstd", "deflate", "identity", ""]) | st.text(),
    ),
    max_size=4,
).map(tuple)  # fmt: skip


@settings(deadline=None)
@given(
    headers,
    st.lists(
        st.binary(max_size=64) | st.just(STREAM) | st.just(gzip.compress(STREAM, mtime=0)),
        max_size=5,
    ),
)
def test_no_answer_makes_a_witness_raise(
    head: tuple[tuple[str, str], ...], chunks: list[bytes]
) -> None:
    witness = Witness(MESSAGES, head, limit=500)
    for chunk in chunks:
        witness.hear(chunk)
    said = witness.said()

    assert said is None or isinstance(said, Places)
