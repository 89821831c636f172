"""One plain request to one target, or none at all."""

import pytest

from residency.core.framing import (
    METHODS,
    RawHeaders,
    Target,
    asks_for_websocket,
    check_form,
    check_target,
    hop_by_hop,
    split,
)
from residency.errors import RegionError

HOST = (b"Host", b"api.test")


def form(
    *headers: tuple[bytes, bytes],
    method: str = "POST",
    path: str = "/v1/x?y=1",
    version: str = "HTTP/1.1",
    alpn: bytes | None = None,
) -> str:
    """The code of the refusal, or ``ok``."""
    try:
        check_form(method=method, path=path, version=version, alpn=alpn, headers=(HOST, *headers))
    except RegionError as e:
        return e.code
    return "ok"


@pytest.mark.parametrize(
    "method", ["CONNECT", "TRACE", "get", "", "GET ", "PRI", "PROPFIND", "G\u0130T"]
)
def test_a_method_out_of_the_ordinary_is_refused(method: str) -> None:
    assert form(method=method) == "request-malformed"


@pytest.mark.parametrize(
    "path",
    [
        "", "x", "http://evil.test/", "//evil.test@x\n", "/a b", "/a\tb", "/a\x00", "/é", "/\x7f", "/a#b", "*", "/a\r\nX: y",
    ],
)  # fmt: skip
def test_a_target_that_is_not_in_origin_form_is_refused(path: str) -> None:
    assert form(path=path) == "request-malformed"


def test_the_asterisk_is_for_options_alone() -> None:
    assert form(path="*", method="OPTIONS") == "ok"


@pytest.mark.parametrize(
    ("version", "alpn"),
    [
        ("HTTP/0.9", None), ("HTTP/2.0", None), ("HTTP/2.0", b"http/1.1"), ("HTTP/1.1", b"h2"), ("HTTP/1.1", b"h3"), ("", None),
        ("HTTP/1.2", None),
    ],
)  # fmt: skip
def test_a_version_that_is_not_the_connections_is_refused(
    version: str, alpn: bytes | None
) -> None:
    assert form(version=version, alpn=alpn) == "request-malformed"


@pytest.mark.parametrize(
    ("version", "alpn"),
    [("HTTP/1.0", None), ("HTTP/1.1", b"http/1.1"), ("HTTP/2.0", b"h2"), ("HTTP/3", b"h3")],
)
def test_a_version_that_is_the_connections_passes(version: str, alpn: bytes | None) -> None:
    assert form(version=version, alpn=alpn) == "ok"


@pytest.mark.parametrize(
    "name",
    [b"", b"A B", b"A:", b"A\t", b"\xe9", b"A\n", b"Content-Length ", b"(x)", b":authority"],
)
def test_a_header_name_that_is_no_token_is_refused(name: bytes) -> None:
    assert form((name, b"x")) == "request-malformed"


@pytest.mark.parametrize("value", [b"a\rb", b"a\nb", b"a\r\n b", b"a\x00b", b"\x7f", b"\x1b[0m"])
def test_a_header_value_with_a_control_character_is_refused(value: bytes) -> None:
    assert form((b"X-A", value)) == "request-malformed"


@pytest.mark.parametrize("value", [b"", b"a\tb", "é".encode(), b"\xff"])
def test_a_header_value_may_have_tabs_and_high_bytes(value: bytes) -> None:
    assert form((b"X-A", value)) == "ok"


@pytest.mark.parametrize(
    "name",
    [
        b"host", b"Authorization", b"PROXY-AUTHORIZATION", b"content-type", b"Content-Length", b"content-encoding",
        b"Transfer-Encoding",
    ],
)  # fmt: skip
def test_a_header_that_may_stand_once_is_refused_twice(name: bytes) -> None:
    assert form((name, b"chunked"), (name.swapcase(), b"chunked")) == "request-malformed"


@pytest.mark.parametrize(
    ("header", "code"),
    [
        ((b"Upgrade", b"websocket"), "upgrade-refused"),
        ((b"upgrade", b"H2C"), "upgrade-refused"),
        ((b"HTTP2-Settings", b"AA"), "upgrade-refused"),
        ((b"Trailer", b"X"), "trailers-refused"),
        ((b"Transfer-Encoding", b"gzip, chunked"), "request-malformed"),
        ((b"Transfer-Encoding", b"identity"), "request-malformed"),
        ((b"Transfer-Encoding", b"xchunked"), "request-malformed"),
        ((b"Transfer-Encoding", b""), "request-malformed"),
        ((b"Connection", b"close, Content-Length"), "request-malformed"),
        ((b"Connection", b"Authorization"), "request-malformed"),
        ((b"Connection", b"x,transfer-encoding"), "request-malformed"),
        ((b"Connection", b" HOST "), "request-malformed"),
        ((b"Expect", b"200-ok"), "request-malformed"),
    ],
)
def test_a_header_that_makes_it_another_request_is_refused(
    header: tuple[bytes, bytes], code: str
) -> None:
    assert form(header) == code


@pytest.mark.parametrize(
    "header",
    [
        (b"Transfer-Encoding", b" Chunked "),
        (b"Connection", b"keep-alive, Proxy-Authorization"),
        (b"Expect", b"100-Continue"),
        (b"Cookie", b"a"),
    ],
)
def test_an_ordinary_header_passes(header: tuple[bytes, bytes]) -> None:
    assert form(header) == "ok"


def test_headers_that_may_stand_twice_do() -> None:
    assert form((b"Cookie", b"a"), (b"Cookie", b"b")) == "ok"


@pytest.mark.parametrize("method", sorted(METHODS))
def test_ordinary_methods_pass(method: str) -> None:
    assert form(method=method) == "ok"


def test_connection_names_what_ends_at_the_proxy() -> None:
    headers: RawHeaders = [
        (b"connection", b"Keep-Alive, X-Hop ,"),
        (b"Connection", b"X-More, close"),
        (b"x-hop", b"1"),
    ]

    assert hop_by_hop(headers) == [b"x-hop", b"x-more"]


# The target


def target(**changes: object) -> str:
    """The canonical host, or the code of the refusal."""
    usual: dict[str, object] = {
        "scheme": "https",
        "host": "api.test",
        "port": 443,
        "tunnel": ("api.test", 443),
        "sni": "api.test",
        "host_headers": ("api.test",),
    }
    try:
        return check_target(Target(**(usual | changes)))  # type: ignore[arg-type]
    except RegionError as e:
        return e.code


@pytest.mark.parametrize(
    "changes",
    [
        {"tunnel": ("evil.test", 443)},
        {"tunnel": ("api.test", 8443)},
        {"sni": "evil.test"},
        {"authority": "evil.test"},
        {"authority": "api.test:8443"},
        {"authority": "api.test:99999"},
        {"host_headers": ("evil.test",)},
        {"host_headers": ("api.test:80",)},
        {"host": "evil.test"},
        {"port": 8443},
        {"scheme": "http"},
    ],
)
def test_two_names_for_one_target_are_refused(changes: dict[str, object]) -> None:
    assert target(**changes) == "host-mismatch"


@pytest.mark.parametrize(
    "changes",
    [{"host_headers": ("api.test", "api.test")}, {"host_headers": ()}],
)
def test_the_host_header_stands_exactly_once(changes: dict[str, object]) -> None:
    assert target(**changes) == "request-malformed"


@pytest.mark.parametrize(
    "name",
    ["user@api.test", "api.test/", "api.test ", "api.test#", "api.test:x", "api.test:", "a b", "127.1", "::1", "[::1", "api.test:123456"],
)  # fmt: skip
def test_a_host_header_that_is_no_host_is_refused(name: str) -> None:
    assert target(host_headers=(name,)) == "host-invalid"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"sni": None},
        {"sni": "API.test."},
        {"tunnel": None, "sni": None},
        {"host_headers": ("API.TEST:443",)},
        {"host_headers": (), "authority": "api.test"},
        {"host": "api.test."},
        {"scheme": "http", "port": 80, "tunnel": None, "sni": None},
    ],
)
def test_one_name_in_several_spellings_is_one_target(changes: dict[str, object]) -> None:
    assert target(**changes) == "api.test"


@pytest.mark.parametrize(
    ("authority", "found"),
    [("A.test", ("a.test", 443)), ("a.test:8443", ("a.test", 8443)), ("[::1]:80", ("::1", 80))],
)
def test_an_authority_is_host_and_port(authority: str, found: tuple[str, int]) -> None:
    assert split(authority, 443) == found


SOCKET = (
    (b"Upgrade", b"WebSocket"),
    (b"Connection", b"keep-alive, Upgrade"),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Key", b"dGhlIHNhbXBsZSBub25jZQ=="),
)


def test_a_whole_opening_handshake_passes() -> None:
    assert form(*SOCKET, method="GET") == "ok"


@pytest.mark.parametrize("missing", range(len(SOCKET)))
def test_d8_no_part_of_a_handshake_may_be_missing_or_stand_twice(missing: int) -> None:
    twice = [*SOCKET, SOCKET[missing]]
    assert not asks_for_websocket([h for h in SOCKET if h is not SOCKET[missing]])
    assert not asks_for_websocket(twice)


def test_a_handshake_is_a_get_of_http_1_1() -> None:
    assert form(*SOCKET) == "upgrade-refused"
    assert form(*SOCKET, method="GET", version="HTTP/1.0") == "upgrade-refused"
    assert form(*SOCKET, method="GET", version="HTTP/2.0", alpn=b"h2") == "upgrade-refused"
