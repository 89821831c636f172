"""What a human ruled on is what is sent: no two different calls have one digest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.exact import PER_ATTEMPT, RawHeaders, retryable, whole

SECRET = b"k" * 32
PARTS = ("POST", "https", "api.test", "443", "/x", "HTTP/1.1")
HEADERS: RawHeaders = ((b"Host", b"api.test"), (b"X-A", b"1"))

type Call = tuple[tuple[str, ...], RawHeaders, bytes]


@pytest.mark.parametrize(
    "other",
    [
        (("POST", "https", "api.test", "443", "/y", "HTTP/1.1"), HEADERS, b"body"),
        (("POSThttps", "", "api.test", "443", "/x", "HTTP/1.1"), HEADERS, b"body"),
        (PARTS[:-1], HEADERS, b"body"),
        (PARTS, HEADERS[:1], b"body"),
        (PARTS, ((b"Host", b"api.test"), (b"X-A", b"2")), b"body"),
        (PARTS, ((b"Host", b"api.test"), (b"X-", b"A1")), b"body"),
        (PARTS, ((b"Host", b"api.test"), (b"X-A", b"1"), (b"", b"")), b"body"),
        (PARTS, HEADERS, b"bodx"),
        (PARTS, HEADERS, b""),
    ],
)
@pytest.mark.parametrize("digest", [whole, retryable])
def test_another_call_has_another_digest(digest: type, other: Call) -> None:
    assert digest(SECRET, PARTS, HEADERS, b"body") != digest(SECRET, *other)


def test_a_digest_says_nothing_without_the_key() -> None:
    assert whole(SECRET, PARTS, HEADERS, b"4111") != whole(b"z" * 32, PARTS, HEADERS, b"4111")


@pytest.mark.parametrize("name", sorted(PER_ATTEMPT))
def test_what_sdks_write_anew_makes_no_other_call(name: bytes) -> None:
    again = (*HEADERS, (name.upper(), b"now"))

    assert retryable(SECRET, PARTS, again, b"") == retryable(SECRET, PARTS, HEADERS, b"")


@pytest.mark.parametrize("name", sorted(PER_ATTEMPT))
def test_the_whole_call_has_every_header(name: bytes) -> None:
    assert whole(SECRET, PARTS, (*HEADERS, (name, b"")), b"") != whole(SECRET, PARTS, HEADERS, b"")


def test_the_order_and_case_of_headers_make_no_other_attempt() -> None:
    again = ((b"x-a", b"1"), (b"HOST", b"api.test"))

    assert retryable(SECRET, PARTS, again, b"") == retryable(SECRET, PARTS, HEADERS, b"")


def test_a_path_with_raw_bytes_has_a_digest() -> None:
    assert len(whole(SECRET, ["/\udcff"], (), b"")) == 64


BYTES = st.binary(max_size=4)
CALLS = st.tuples(
    st.lists(st.text("a1;:", max_size=3), max_size=3).map(tuple),
    st.lists(st.tuples(BYTES, BYTES), max_size=3).map(tuple),
    BYTES,
)


@given(CALLS, CALLS)
def test_equal_digests_mean_equal_calls(first: Call, second: Call) -> None:
    assert (whole(SECRET, *first) == whole(SECRET, *second)) is (first == second)
