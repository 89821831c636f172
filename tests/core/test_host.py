# ruff: noqa: RUF001
"""Hosts have one spelling, and what could be read as two is refused."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from residency.core.host import canonical, is_address
from residency.errors import RegionError


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "127.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "0x7f000001",
        "1.2.3.4.5",
        "256.1.1.1",
        "1.2.3.04",
        "a.0x",
        "127.0.0.0x1",
        "１２７.１",
    ],
)
def test_a_number_that_is_no_plain_address_is_refused(host: str) -> None:
    with pytest.raises(RegionError) as refused:
        canonical(host)

    assert refused.value.code == "host-invalid"


@pytest.mark.parametrize(
    "host",
    [
        "", ".", "a..b", ".a", "a..", "user@a.example", "a.example:443", "a%2eexample", "a b", "a\x00b", "a\nb", "a/b", "a\\b",
        "a#b", "a?b", "-a.example", "a-.example", "x" * 64 + ".example", ".".join(["x" * 60] * 5), "[::1", "[::1]:443",
        "fe80::1%eth0", "xn--.example", "xn--a.example", "a\u2044b", "\ud800", "ａ：８０", "xn--" + "9" * 59, "x" * 2000,
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused(host: str) -> None:
    with pytest.raises(RegionError):
        canonical(host)


@pytest.mark.parametrize(
    ("host", "spelled"),
    [
        ("API.OpenAI.com", "api.openai.com"),
        ("api.openai.com.", "api.openai.com"),
        ("ＡＰＩ.openai。com", "api.openai.com"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("XN--bcher-kva.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("127.0.0.1", "127.0.0.1"),
        ("[2001:DB8:0:0::1]", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("::ffff:127.0.0.1", "::ffff:7f00:1"),
        ("my_bucket.s3.amazonaws.com", "my_bucket.s3.amazonaws.com"),
        ("tag---svc-1.a.run.app", "tag---svc-1.a.run.app"),
    ],
)
def test_one_spelling(host: str, spelled: str) -> None:
    assert canonical(host) == spelled


def test_a_cyrillic_look_alike_stays_another_host() -> None:
    assert canonical("api.\u043epenai.com") != "api.openai.com"


@pytest.mark.parametrize(
    ("host", "address"), [("127.0.0.1", True), ("::1", True), ("a.example", False)]
)
def test_addresses_are_told_from_names(host: str, *, address: bool) -> None:
    assert is_address(host) is address


@settings(deadline=None)
@given(st.text(max_size=80) | st.from_regex(r"[\[\]0-9a-fx:.%-]{1,40}", fullmatch=True))
@example("xn--0.pt")
@example("\u200d.a")
def test_the_spelling_of_the_spelling_is_itself(host: str) -> None:
    """And nothing but ``RegionError`` comes out."""
    try:
        once = canonical(host)
    except RegionError:
        return

    assert canonical(once) == once
