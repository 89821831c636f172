"""Published address ranges are read as they are meant, or refused with their faults."""

import ipaddress
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.region import feedformats
from residency.core.region.feedformats import parse
from residency.core.region.feeds import Origin, Ranges, lay
from residency.errors import ConfigurationError
from tests.feeds import aws, azure, dump, google, oracle


def ask(feed: Ranges, address: str) -> tuple[Origin, ...]:
    return feed.find(ipaddress.ip_address(address))


def test_aws() -> None:
    feed = parse(
        aws(("3.5.0.0/16", "eu-central-1"), ("3.5.9.0/24", "eu-central-1", "eu-central-1-waw-1"),
            ("120.52.22.96/27", "GLOBAL"), ("2a05:d014::/36", "eu-central-1")),
        "f",
    )  # fmt: skip

    assert ask(feed, "3.5.1.1") == (Origin("aws", "eu-central-1"),)
    assert ask(feed, "3.5.9.1") == (Origin("aws", "eu-central-1", "eu-central-1-waw-1"),)
    assert ask(feed, "3.5.10.0") == (Origin("aws", "eu-central-1"),)
    assert ask(feed, "120.52.22.97") == (Origin("aws", anycast=True),)
    assert ask(feed, "2a05:d014::1") == (Origin("aws", "eu-central-1"),)
    assert ask(feed, "3.4.255.255") == ask(feed, "3.6.0.0") == ask(feed, "::3.5.1.1") == ()
    assert (feed.name, feed.count, feed.published) == ("aws", 4, "2026-11-20-10-00-00")
    assert feed.regions() == {"eu-central-1", "eu-central-1-waw-1"}


def test_google() -> None:
    feed = parse(google(("34.80.0.0/15", "asia-east1"), ("34.1.0.0/16", "global"), ("2600:1900::/28", "europe-west1")), "f")  # fmt: skip

    assert ask(feed, "34.81.0.1") == (Origin("google", "asia-east1"),)
    assert ask(feed, "34.1.2.3") == (Origin("google", anycast=True),)
    assert feed.name == "google"


def test_googles_own_services_have_no_region_and_a_name_of_their_own() -> None:
    feed = parse(google(("8.8.8.0/24", None)), "f")

    assert ask(feed, "8.8.8.8") == (Origin("google"),)
    assert feed.name == "google-services"


def test_azure() -> None:
    feed = parse(
        azure(("AzureCloud.germanywc", "germanywc", "20.52.0.0/16"), ("AzureCloud", "", "20.52.0.0/24"),
              ("Storage.WestEurope", "westeurope", "20.60.0.0/16"), ("AzureFrontDoor.Frontend", "", "20.52.9.0/24")),
        "f",
    )  # fmt: skip

    assert ask(feed, "20.52.0.1") == (Origin("azure", "germanywc"),)
    assert ask(feed, "20.60.0.1") == (Origin("azure", "westeurope"),)
    assert ask(feed, "20.52.9.1") == (Origin("azure", anycast=True),)
    assert feed.name == "azure-public"
    assert (
        parse(azure(("A.x", "chinaeast", "40.72.0.0/16"), cloud="China"), "f").name
        == "azure-china"
    )


def test_oracle() -> None:
    assert ask(parse(oracle(("129.146.0.0/21", "us-phoenix-1")), "f"), "129.146.0.1") == (
        Origin("oracle", "us-phoenix-1"),
    )


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"173.245.48.0/20\n103.21.244.0/22\n", "cloudflare-v4"),
        (b"\xef\xbb\xbf2400:cb00::/32\r\n2606:4700::/32", "cloudflare-v6"),
        (dump({"result": {"ipv4_cidrs": ["173.245.48.0/20"], "ipv6_cidrs": ["2400:cb00::/32"]}, "success": True}), "cloudflare"),
    ],
)  # fmt: skip
def test_cloudflare(data: bytes, name: str) -> None:
    feed = parse(data, "f")
    address = "2400:cb00::1" if name == "cloudflare-v6" else "173.245.48.1"

    assert feed.name == name
    assert ask(feed, address) == (Origin("cloudflare", anycast=True),)


def test_equal_prefixes_speak_together_and_repeated_ones_once() -> None:
    feed = parse(aws(("3.5.0.0/16", "eu-central-1"), ("3.5.0.0/16", "us-east-1"), ("3.5.0.0/16", "us-east-1")), "f")  # fmt: skip

    assert ask(feed, "3.5.1.1") == (Origin("aws", "eu-central-1"), Origin("aws", "us-east-1"))


HOSTILE: dict[str, bytes] = {
    "nothing": b"",
    "no text": b"\xff\xfe",
    "another format": b'{"prefixes": []}',
    "a list": b"[1, 2]",
    "broken": b'{"prefixes": [',
    "deep": b'{"a":' + b"[" * 100_000,
    "a huge number": b'{"changeNumber": ' + b"9" * 5000 + b', "cloud": "Public", "values": []}',
    "no range": aws(),
    "no list": dump({"createDate": "", "prefixes": {}, "ipv6_prefixes": []}),
    "no object": dump({"createDate": "", "prefixes": ["3.5.0.0/16"], "ipv6_prefixes": []}),
    "no prefix": dump({"createDate": "", "prefixes": [{"region": "x"}], "ipv6_prefixes": []}),
    "a number for a prefix": dump({"createDate": "", "prefixes": [{"ip_prefix": 50462976, "region": "x"}], "ipv6_prefixes": []}),
    "no region": dump({"createDate": "", "prefixes": [{"ip_prefix": "3.5.0.0/16"}], "ipv6_prefixes": []}),
    "host bits": aws(("3.5.0.1/16", "x")),
    "the Internet": aws(("0.0.0.0/0", "eu-central-1")),
    "half of it": aws(("128.0.0.0/1", "eu-central-1")),
    "all of IPv6": aws(("::/0", "eu-central-1")),
    "a region with control characters": aws(("3.5.0.0/16", "eu\x1b[31m")),
    "a long region": aws(("3.5.0.0/16", "x" * 61)),
    "an odd scope": google(("34.80.0.0/15", "asia east")),
    "no properties": dump({"changeNumber": 1, "cloud": "Public", "values": [{"name": "A"}]}),
    "prefixes that are no list": dump({"changeNumber": 1, "cloud": "Public", "values": [{"name": "A.x", "properties": {"region": "x", "addressPrefixes": "x"}}]}),
    "a cloud that is no name": azure(("A.x", "x", "20.0.0.0/16"), cloud="../../etc"),
    "no cloud": azure(("A.x", "x", "20.0.0.0/16"), cloud=""),
    "a cloud that is a number": dump({"changeNumber": 1, "cloud": 1, "values": []}),
    "no cidr": dump({"last_updated_timestamp": "", "regions": [{"region": "x", "cidrs": [{}]}]}),
    "a result that is none": dump({"result": None, "success": False}),
    "cidrs that are no list": dump({"result": {"ipv4_cidrs": "x"}, "success": True}),
    "a web page": b"<html>Please sign in</html>",
}  # fmt: skip


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_feed_is_refused_with_its_fault(data: bytes) -> None:
    with pytest.raises(ConfigurationError) as e:
        parse(data, "the-file")

    assert all(f.source == "the-file" for f in e.value.faults)
    assert "\x1b" not in str(e.value)


def test_a_fault_says_where_it_is_and_all_are_told_up_to_a_bound() -> None:
    with pytest.raises(ConfigurationError) as e:
        parse(aws(*[("x", "eu-central-1")] * 500), "f")

    assert len(e.value.faults) == feedformats.MAX_FAULTS
    assert "prefixes[3].ip_prefix" in [f.where for f in e.value.faults]


def test_a_file_is_not_read_beyond_its_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    data = aws(("3.5.0.0/16", "a"), ("3.6.0.0/16", "a"), ("3.7.0.0/16", "a"))
    monkeypatch.setattr(feedformats, "MAX_RANGES", 2)
    with pytest.raises(ConfigurationError, match="more than 2 ranges"):
        parse(data, "f")
    monkeypatch.setattr(feedformats, "MAX_BYTES", 10)
    with pytest.raises(ConfigurationError, match="larger than"):
        parse(data, "f")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda v: st.lists(v, max_size=3) | st.dictionaries(st.sampled_from(["prefixes", "values", "regions", "properties", "region", "cidrs", "result", "ip_prefix", "name"]), v, max_size=4),
    max_leaves=10,
)  # fmt: skip


@given(
    kind=st.sampled_from(list(feedformats._FORMATS)),
    more=st.dictionaries(st.sampled_from(["prefixes", "ipv6_prefixes", "values", "regions", "result", "cloud"]), json_values),
)  # fmt: skip
def test_whatever_stands_in_a_file_it_is_a_feed_or_a_fault(
    kind: str, more: dict[str, Any]
) -> None:
    value = {key: [] for key in feedformats._FORMATS[kind][0]} | more
    try:
        found = parse(json.dumps(value).encode(), "f")
    except ConfigurationError:
        return
    assert found.count


@st.composite
def networks(draw: st.DrawFn) -> ipaddress.IPv4Network:
    size = draw(st.integers(24, 32))
    return ipaddress.IPv4Network((draw(st.integers(0, 511)) << 2, size), strict=False)


@given(st.lists(st.tuples(networks(), st.sampled_from("abc")), max_size=12))
def test_the_longest_prefix_speaks(rows: list[tuple[ipaddress.IPv4Network, str]]) -> None:
    """As a walk over all of them finds it, for every address."""
    count, starts, labels = lay((n, Origin("aws", r)) for n, r in rows)
    feed = Ranges("x", "x", "", count, starts, labels)
    for value in itertools.chain(range(0, 2200, 3), (n.num_addresses for n, _ in rows)):
        ip = ipaddress.IPv4Address(value)
        around = [n for n, _ in rows if ip in n]
        longest = max((n.prefixlen for n in around), default=-1)
        said = {r for n, r in rows if ip in n and n.prefixlen == longest}

        assert {o.region for o in feed.find(ip)} == said
