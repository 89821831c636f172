"""A URL says one target to every client, or none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.url import parse
from residency.errors import RegionError


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "query"),
    [
        ("https://a.example", "a.example", 443, "/", ""),
        ("HTTPS://A.Example./x?y=1#z", "a.example", 443, "/x", "y=1"),
        ("http://a.example:8080?q", "a.example", 8080, "/", "q"),
        ("https://a.example:/x", "a.example", 443, "/x", ""),
        ("https://a.example#@b.example/", "a.example", 443, "/", ""),
        ("https://a.example/@b.example:1", "a.example", 443, "/@b.example:1", ""),
        ("https://[2001:DB8::1]:8443/", "2001:db8::1", 8443, "/", ""),
        ("https://bücher.example/", "xn--bcher-kva.example", 443, "/", ""),
        ("https://192.0.2.1/", "192.0.2.1", 443, "/", ""),
        ("https://a.example:0/", "a.example", 0, "/", ""),
    ],
)
def test_the_parts_of_a_url(url: str, host: str, port: int, path: str, query: str) -> None:
    found = parse(url)

    assert (found.host, found.port, found.path, found.query) == (host, port, path, query)


def test_userinfo_is_no_part_of_the_host() -> None:
    found = parse("https://eu.api.openai.com:443@evil.example/")

    assert (found.host, found.userinfo) == ("evil.example", True)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "request-malformed"),
        ("a.example/x", "request-malformed"),
        ("ftp://a.example/", "request-malformed"),
        ("https:/a.example/", "request-malformed"),
        ("https:a.example", "request-malformed"),
        (" https://a.example/", "request-malformed"),
        ("https://a.exam\tple/", "request-malformed"),
        ("https://a.example/\nx", "request-malformed"),
        ("https://a.example\\@b.example/", "request-malformed"),
        ("https://a@b@c.example/", "request-malformed"),
        ("https://a.example:65536/", "request-malformed"),
        ("https://a.example:4٤3/", "request-malformed"),
        ("https://a.example:-1/", "request-malformed"),
        ("https:///x", "host-invalid"),
        ("https://%65u.example/", "host-invalid"),
        ("https://127.1/", "host-invalid"),
        ("https://2130706433/", "host-invalid"),
        ("https://0x7f.0.0.1/", "host-invalid"),
        ("https://0177.0.0.1/", "host-invalid"),
        ("https://[::1/", "host-invalid"),
        ("https://[::1%25lo]/", "host-invalid"),
        ("https://a..example/", "host-invalid"),
    ],
)
def test_what_clients_read_in_two_ways_is_refused(url: str, code: str) -> None:
    with pytest.raises(RegionError) as e:
        parse(url)

    assert e.value.code == code


@given(st.text() | st.text().map("https://".__add__) | st.from_regex(r"https?://[^/]{0,20}/?"))
def test_nothing_but_its_own_error_is_raised(url: str) -> None:
    try:
        found = parse(url)
    except RegionError:
        return

    assert found.host
    assert 0 <= found.port <= 65535
    assert found.path.startswith("/")
