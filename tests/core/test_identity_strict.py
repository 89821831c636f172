"""RFC 7515, 2: base64url "with all trailing '=' characters omitted and without … any line breaks"."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.identity.strict import json_object, unbase64url


@pytest.mark.parametrize(
    "text", ["YQ==", "YQ=", "YR", "Y", "+/8", "-/8", "YW\n", " YWJj", "YWJj\n", "YWJj====", "é"]
)
def test_another_spelling_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the kind is the promise, the words are not
        unbase64url(text)


@given(st.binary())
def test_the_one_spelling_is_read(raw: bytes) -> None:
    assert unbase64url(base64.urlsafe_b64encode(raw).rstrip(b"=").decode()) == raw


@pytest.mark.parametrize("text", ["{", "[]", '{"a": 1, "a": 1}', '{"a": NaN}', '{"a": -Infinity}'])
def test_json_that_means_two_things_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(ValueError, match="JSON object") as caught:
        json_object(text)

    assert caught.value.__context__ is None
