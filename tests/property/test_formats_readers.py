"""Whatever form or multipart body is accepted, other readers read the same fields in it: nothing is seen by them alone."""

import email
import email.policy
import logging
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tornado.httputil import HTTPFile, HTTPInputError, parse_multipart_form_data

from residency.core.mask.formats import splitter
from residency.errors import Unread

MULTIPART = "multipart/form-data; boundary=XX"
PIECES = [
    b"--XX", b"--XX--", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b"--", b" ", b"x", b"\t", b"Content-Disposition: form-data",
    b'; name="a"', b"; name=b", b'; name="a;b"', b'; filename="f"', b'; filename=""', b"; name*=utf-8''c", b"Content-Type: text/plain", b"; charset=utf-8",
    b"Content-Transfer-Encoding: base64", b"Content-Length: 1", b"secret", b'{"k":1}', b"--XXX", b"%22", b'\\"', b":",
]  # fmt: skip
HEAD = b'--XX\r\nContent-Disposition: form-data; name="a"\r\n'


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """tornado warns of what it takes all the same."""
    log = logging.getLogger("tornado.general")
    before, log.disabled = log.disabled, True
    yield
    log.disabled = before


def ours(data: bytes, kind: str) -> list[tuple[str | None, bytes]] | None:
    try:
        parts = splitter(data, [kind])(data)
    except Unread:
        return None
    return sorted(((p.name, p.data) for p in parts if p.kind != "note" and p.data), key=repr)


def tornados(data: bytes) -> list[tuple[str, bytes]]:
    arguments: dict[str, list[bytes]] = {}
    files: dict[str, list[HTTPFile]] = {}
    with suppress(HTTPInputError):
        parse_multipart_form_data(b"XX", data, arguments, files)
    found = [(name, value) for name, values in arguments.items() for value in values]
    found += [(name, file.body) for name, several in files.items() for file in several]
    return sorted(((n, v) for n, v in found if v), key=repr)


def emails(data: bytes) -> list[tuple[str, bytes]]:
    head = b"Content-Type: " + MULTIPART.encode() + b"\r\n\r\n"
    message = email.message_from_bytes(head + data, policy=email.policy.HTTP)
    parts = [p for p in message.walk() if not p.is_multipart()]
    found = [
        (p.get_param("name", header="content-disposition"), p.get_payload(decode=True))
        for p in parts
    ]
    return sorted(((str(n), v) for n, v in found if isinstance(v, bytes) and v), key=repr)


@settings(max_examples=400)
@given(
    st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join), max_size=4),
    st.sampled_from([b"--XX--", b"--XX--\r\n", b""]),
)
def test_no_reader_sees_another_multipart_body(contents: list[bytes], end: bytes) -> None:
    data = b"".join(HEAD + content + b"\r\n" for content in contents) + end

    found = ours(data, MULTIPART)

    if found is not None:
        assert found == tornados(data) == emails(data)


@settings(max_examples=400)
@given(
    st.lists(
        st.sampled_from(
            [
                b"a",
                b"b",
                b"=",
                b"&",
                b"+",
                b"%41",
                b"%26",
                b"%3D",
                b"%",
                b";",
                b" ",
                b"%00",
                b"\xc3",
                b"%C3%A9",
                b"[x]",
                b".",
            ]
        ),
        max_size=12,
    ).map(b"".join)
)
def test_no_reader_sees_another_form(data: bytes) -> None:
    # What begins like JSON is read as JSON, or not at all.
    found = (
        None
        if data.lstrip()[:1] in (b"", b"[")
        else ours(data, "application/x-www-form-urlencoded")
    )

    if found is not None:
        read = parse_qsl(data.decode(), strict_parsing=False)
        assert found == sorted(((n, v.encode()) for n, v in read), key=repr)
