"""Answers of every framing reach every client as they were sent, and one that broke off is not made whole."""

import gzip
from collections.abc import Mapping

import pytest

from tests.clients.farside import PRIVATE, Exchange, FarSide
from tests.clients.run import CLIENTS, CURLS, http_call

URL = f"https://{PRIVATE}/answer"
TEXT = b'{"says": "' + b"as it was sent, " * 500 + b'"}'
# With a name and a time in its head, that no gateway would write in the same way.
GZIPPED = b"\x1f\x8b\x08\x08\x15\xcd\x5b\x07\x00\x03name\x00" + gzip.compress(TEXT, 6)[10:]


def answer_with(far: FarSide, head: bytes, body: bytes = b"", *, last: bool = False) -> None:
    """Every request is answered with these bytes; with *last*, and the end of the connection."""

    def serve(exchange: Exchange) -> None:
        for _ in exchange.body():
            pass
        exchange.raw(head.replace(b"\n", b"\r\n") + b"\r\n" + body)
        if last:
            exchange.hang_up()

    far.serve = serve


def chunks(body: bytes) -> bytes:
    """*body* in chunks of 1, 2, 3, … bytes, with their extensions."""
    framed, start, size = b"", 0, 1
    while start < len(body):
        piece = body[start : start + size]
        framed += b"%x;n=1\r\n%s\r\n" % (len(piece), piece)
        start, size = start + size, size + 1
    return framed


@pytest.mark.parametrize("client", CLIENTS)
def test_the_answer_to_head_has_its_length_and_no_body(
    far: FarSide, far_env: Mapping[str, str], client: str
) -> None:
    answer_with(far, b'HTTP/1.1 200 OK\nContent-Length: 20000000\nETag: "x"\n')

    seen = http_call(client, far_env, URL, method="HEAD")

    assert (seen.status, seen.body, seen.complaint) == (200, b"", "")
    assert (seen.headers["content-length"], seen.headers["etag"]) == ("20000000", '"x"')


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 204 No Content\nX-Lab: 1\n",
        b'HTTP/1.1 304 Not Modified\nETag: "x"\n',
        b'HTTP/1.1 304 Not Modified\nETag: "x"\nContent-Length: 4711\n',
        b"HTTP/1.1 200 OK\nContent-Length: 0\n",
    ],
    ids=["204", "304", "304-with-the-length-of-what-it-stands-for", "empty"],
)
@pytest.mark.parametrize("client", CLIENTS)
def test_an_answer_without_a_body_ends_at_once(
    far: FarSide, far_env: Mapping[str, str], client: str, head: bytes
) -> None:
    answer_with(far, head)

    seen = http_call(client, far_env, URL, method="GET")

    assert (seen.status, seen.body, seen.complaint) == (int(head.split()[1]), b"", "")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("framing", ["length", "chunked", "to-the-end"])
def test_an_answer_is_whole_however_it_is_framed(
    far: FarSide, far_env: Mapping[str, str], client: str, framing: str
) -> None:
    if framing == "length":
        answer_with(far, b"HTTP/1.1 200 OK\nContent-Length: %d\n" % len(TEXT), TEXT)
    elif framing == "chunked":
        body = chunks(TEXT) + b"0\r\n\r\n"
        answer_with(far, b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n", body)
    else:
        answer_with(far, b"HTTP/1.1 200 OK\nConnection: close\n", TEXT, last=True)

    seen = http_call(client, far_env, URL, b"{}")

    assert (seen.status, seen.body, seen.complaint) == (200, TEXT, "")


GZIP = b'HTTP/1.1 200 OK\nContent-Encoding: gzip\nETag: "x"\nContent-Length: %d\n' % len(GZIPPED)


@pytest.mark.parametrize("client", CURLS)
def test_a_gzip_answer_stays_byte_for_byte(
    far: FarSide, far_env: Mapping[str, str], client: str
) -> None:
    answer_with(far, GZIP, GZIPPED)

    seen = http_call(client, far_env, URL, b"{}")

    assert seen.body == GZIPPED
    assert (seen.headers["content-encoding"], seen.headers["etag"]) == ("gzip", '"x"')
    assert seen.headers["content-length"] == str(len(GZIPPED))


@pytest.mark.parametrize("client", ["requests", "httpx-h1", "httpx-h2"])
def test_a_gzip_answer_is_decoded_by_the_client(
    far: FarSide, far_env: Mapping[str, str], client: str
) -> None:
    answer_with(far, GZIP, GZIPPED)

    assert http_call(client, far_env, URL, b"{}").body == TEXT


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_an_answer_that_broke_off_is_an_error(
    far: FarSide, far_env: Mapping[str, str], client: str, framing: str
) -> None:
    if framing == "length":
        answer_with(far, b"HTTP/1.1 200 OK\nContent-Length: 99999\n", TEXT, last=True)
    else:
        head = b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n"
        answer_with(far, head, chunks(TEXT), last=True)

    seen = http_call(client, far_env, URL, b"{}")

    assert seen.complaint or seen.status >= 500
