"""A call's body and head, counted and masked as one."""

import base64
import gzip
import hashlib

import pytest

from residency.core.body import Content, inspect_body, mask_body
from residency.core.mask import coding
from residency.core.mask.fields import Direction, MaskField, MaskSet, Place
from residency.core.mask.path import compile as path
from residency.core.mask.sets import MaskSets
from residency.errors import Unread

BODY = b'{"email": "secret", "n": 1.0}'
MASKED = b'{"email": "***", "n": 1.0}'
EMAIL = MaskField(path("$.email"))
QUERY = MaskField(place=Place("query", "email"))


def sets(*fields: MaskField, direction: Direction = "request") -> MaskSets:
    return MaskSets(
        (MaskSet(name="s", why="-", fields=fields, directions=frozenset({direction})),)
    )


@pytest.mark.parametrize("name", ["gzip", "deflate", "br", "zstd"])
def test_a_compressed_body_is_masked_and_compressed_again(name: str) -> None:
    content = Content(coding.encode(BODY, [name]), (("content-encoding", name),))

    found = mask_body(content, sets(EMAIL), ["s"], limit=1000)

    assert coding.decode(found.raw, [name], limit=1000) == MASKED


def test_what_has_nothing_to_mask_is_the_very_same() -> None:
    content = Content(
        gzip.compress(b'{"n":1}', 9, mtime=7), (("content-encoding", "gzip"),), "/a", "b=%7e"
    )

    found = mask_body(content, sets(EMAIL, QUERY), ["s"], limit=1000)

    assert found.raw is content.raw
    assert (found.target, found.headers) == (None, {})


def test_body_and_head_are_counted_together() -> None:
    content = Content(BODY, (), "/a", "email=1&email=2")

    assert inspect_body(content, sets(EMAIL, QUERY), ["s"], limit=1000).counts == {
        "s": {"$.email": 1, "query:email": 2}
    }
    found = mask_body(content, sets(EMAIL, QUERY), ["s"], limit=1000)
    assert (found.raw, found.target) == (MASKED, "/a?email=***&email=***")
    assert found.counts == {"s": {"$.email": 1, "query:email": 2}}


def test_fields_of_the_head_need_no_body_that_can_be_read() -> None:
    content = Content(b"\x89PNG", (("content-type", "image/png"),), "/a", "email=1")

    assert mask_body(content, sets(QUERY), ["s"], limit=1000).target == "/a?email=***"
    assert inspect_body(content, sets(QUERY), ["s"], limit=1000).state == "read"
    assert inspect_body(content, sets(QUERY, EMAIL), ["s"], limit=1000).reason == "format"


def test_e11_a_digest_of_a_masked_body_is_of_what_is_sent() -> None:
    def digest(raw: bytes) -> str:
        return f"sha-256=:{base64.b64encode(hashlib.sha256(raw).digest()).decode()}:"

    content = Content(BODY, (("accept", "*"), ("content-digest", digest(BODY))))

    found = mask_body(content, sets(EMAIL), ["s"], limit=1000)

    assert found.headers == {1: digest(MASKED)}


@pytest.mark.parametrize("content", [
    Content(BODY, (("signature", "x"),)),
    Content(b"", (("authorization", "AWS4-HMAC-SHA256 x"),), "/a", "email=1"),
    Content(BODY, (), "/a", "X-Amz-Signature=1"),
    Content(BODY, (("content-md5", "x"),)),
])  # fmt: skip
def test_e12_a_signed_call_is_not_changed(content: Content) -> None:
    assert inspect_body(content, sets(EMAIL, QUERY), ["s"], limit=1000).signed

    with pytest.raises(Unread, match="signed"):
        mask_body(content, sets(EMAIL, QUERY), ["s"], limit=1000)


def test_a_signed_call_with_nothing_to_mask_stays() -> None:
    content = Content(b"{}", (("signature", "x"),))

    assert mask_body(content, sets(EMAIL), ["s"], limit=1000).raw is content.raw


def test_a_required_field_may_stand_anywhere_in_the_call() -> None:
    needed = MaskField(path("$.email"), required=True)

    assert mask_body(Content(BODY), sets(needed), ["s"], limit=1000).raw == MASKED
    for raw in (b"", b"{}"):
        with pytest.raises(Unread, match="required"):
            mask_body(Content(raw), sets(needed), ["s"], limit=1000)


def test_sets_for_answers_are_not_looked_for_in_requests() -> None:
    for_answers = sets(EMAIL, direction="response")

    assert mask_body(Content(BODY), for_answers, ["s"], limit=1000).raw is BODY
    assert (
        mask_body(Content(BODY), for_answers, ["s"], limit=1000, direction="response").raw
        == MASKED
    )


def test_nothing_shows_what_is_in_a_call() -> None:
    content = Content(BODY, (("x", "secret"),), "/secret", "secret")

    assert "secret" not in repr(content) + repr(mask_body(content, sets(EMAIL), ["s"], limit=99))


def test_a_set_that_there_is_none_of_is_no_empty_one() -> None:
    with pytest.raises(KeyError):
        inspect_body(Content(b"\xff"), sets(EMAIL), ["other"], limit=1000)
