"""Which addresses may be connected to at all; the resolver's tests walk the table of unfit ones."""

import pytest

from residency.core.address import fits, led_to, read


@pytest.mark.parametrize(
    ("text", "leads"),
    [
        ("8.8.8.8", "8.8.8.8"), ("::ffff:8.8.8.8", "8.8.8.8"), ("64:ff9b::808:808", "8.8.8.8"), ("2002:808:808::", "8.8.8.8"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "192.0.2.45"), ("2606:4700::1111", "2606:4700::1111"),
        ("[2606:4700::1111]", "2606:4700::1111"), ("fe80::1%eth0", "fe80::1"),
    ],
)  # fmt: skip
def test_an_embedded_address_is_what_counts(text: str, leads: str) -> None:
    ip = read(text)

    assert ip is not None
    assert str(led_to(ip)) == leads


@pytest.mark.parametrize("text", ["", "x", "1.2.3", "1.2.3.4.5", "08.8.8.8", "2130706433"])
def test_what_is_no_address_fits_nowhere(text: str) -> None:
    assert read(text) is None
    assert not fits(text, private=True)


def test_a_private_address_fits_a_private_host_alone() -> None:
    assert [fits("10.0.0.1", private=p) for p in (True, False)] == [True, False]
    assert not fits("169.254.169.254", private=True)


@pytest.mark.parametrize(
    "text",
    [
        "fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "100.100.100.200", "192.0.0.192", "168.63.129.16",
        "::ffff:168.63.129.16", "64:ff9b::a83f:8110",
    ],
)  # fmt: skip
def test_a_cloud_machines_metadata_is_no_private_host(text: str) -> None:
    assert not fits(text, private=True)
    assert not fits(text, private=False)
