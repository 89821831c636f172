"""Answers that are whole: masked, restored, and their heads put right; or refused."""

import gzip

import pytest

from residency.core.answer import Returning, begin, head, whole
from residency.core.call import Headers
from residency.core.mask.fields import Direction, MaskField, MaskSet, Place
from residency.core.mask.path import compile as path
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets
from residency.core.mask.weave import Originals
from residency.errors import Unread

TOKEN = "<email:0123456789abcdef>"
JSON = (("content-type", "application/json"),)
FIELDS = (MaskField(path("$..iban")), MaskField(place=Place("header", "x-customer")))


def returning(direction: Direction = "response", *, tokens: bool = True) -> Returning:
    sets = MaskSets(
        (MaskSet(name="s", why="w", fields=FIELDS, directions=frozenset({direction})),)
    )
    originals = {TOKEN: '"a@b"'} if tokens else {}
    return Returning(sets, ("s",), Session(), Originals(originals))


def test_what_is_masked_and_what_is_restored_in_one_answer() -> None:
    raw = gzip.compress(f'{{"iban":"x","to":"{TOKEN}"}}'.encode())
    headers: Headers = (*JSON, ("content-encoding", "gzip"), ("content-md5", "x"), ("x-customer", "y"))  # fmt: skip

    masked = whole(raw, headers, returning(), limit=99)

    assert gzip.decompress(masked.raw) == b'{"iban":"***","to":"a@b"}'
    assert masked.headers == {3: "***"}


def test_sets_for_requests_mask_no_answer() -> None:
    raw = b'{"iban":"x"}'

    assert whole(raw, JSON, returning("request"), limit=99).raw is raw
    assert returning("request", tokens=False).is_idle()


def test_what_cannot_be_masked_is_refused_and_what_cannot_be_restored_is_not() -> None:
    raw = f'{{"a":1,"a":"{TOKEN}"}}'.encode()

    with pytest.raises(Unread, match="duplicate-key"):
        whole(raw, JSON, returning(), limit=99)
    assert whole(b"\xff", JSON, returning("request"), limit=99).raw == b"\xff"


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (206, JSON),
        (200, (*JSON, ("content-range", "bytes 0-1/2"))),
        (200, (*JSON, ("signature", "x"))),
        (200, (*JSON, ("content-length", "100"))),
        (200, (*JSON, ("content-encoding", "gzip, gzip"))),
        (200, (*JSON, *JSON)),
        (200, (("content-type", "text/event-stream"), ("content-encoding", "snappy"))),
    ],
)
def test_some_answers_are_refused_by_their_heads(status: int, headers: Headers) -> None:
    with pytest.raises(Unread):
        begin(status, headers, returning(), limit=99)


def test_a_stream_is_told_from_what_has_to_be_whole() -> None:
    assert begin(200, (("content-type", "text/event-stream"),), returning(), limit=99)
    assert begin(200, JSON, returning(), limit=99) is None
    # A plain text streams if nothing has to be found in it.
    text = (("content-type", "text/plain"),)
    assert begin(200, text, returning("request"), limit=99)
    assert begin(200, text, returning(), limit=99) is None


def test_the_head_of_a_stream_is_masked() -> None:
    assert head((("etag", "x"), ("x-customer", "y")), returning()).headers == {1: "***"}
