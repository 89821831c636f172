"""Messages are exactly one JSON document, or they do not pass."""

import pytest

from residency.core.answer import Returning
from residency.core.mask.fields import MaskField, MaskSet
from residency.core.mask.path import compile as path
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets
from residency.core.mask.weave import Originals
from residency.core.message import mask_received, mask_sent
from residency.errors import Unread

SETS = MaskSets(
    (
        MaskSet(
            name="s",
            why="-",
            fields=(MaskField(path("$.email")),),
            directions=frozenset({"request"}),
        ),
    )
)
NAMES = ("s",)


@pytest.mark.parametrize(
    "raw",
    [b"", b"x", b"{} {}", b'{"a": 1, "a": 2}', b"NaN", b"\xff", b'{"a": "' + b"x" * 99 + b'"}'],
)
def test_what_is_not_one_short_document_is_not_sent(raw: bytes) -> None:
    with pytest.raises(Unread):
        mask_sent(raw, SETS, NAMES, Session(), limit=99)


def test_a_field_is_masked_and_all_else_stays_byte_for_byte() -> None:
    masked, _ = mask_sent(b'{ "email":"a@b.c", "n":1.0 }', SETS, NAMES, Session(), limit=99)
    assert masked.raw == b'{ "email":"***", "n":1.0 }'


def test_a_token_comes_back_in_a_message() -> None:
    token = "<email:0123456789abcdef>"
    returning = Returning(SETS, (), Session(), Originals({token: '"a@b.c"'}))
    got = mask_received(f'{{"to": "{token}"}}'.encode(), returning, limit=99)
    assert got.raw == b'{"to": "a@b.c"}'


@pytest.mark.parametrize(("raw", "got"), [(b'{"email":"a"}', b'{"email":"***"}'), (b"a", None)])
def test_a_message_from_the_server_is_masked_by_sets_for_responses_or_does_not_pass(
    raw: bytes, got: bytes | None
) -> None:
    sets = MaskSets(
        (
            MaskSet(
                name="s",
                why="-",
                fields=(MaskField(path("$.email")),),
                directions=frozenset({"response"}),
            ),
        )
    )
    returning = Returning(sets, NAMES, Session(), Originals({}))
    try:
        found: bytes | None = mask_received(raw, returning, limit=99).raw
    except Unread:
        found = None

    assert found == got
