"""The formats of published address ranges: recognised by their own keys, and refused with every fault.

Sources:
    AWS: "AWS IP address ranges" (VPC guide): ``prefixes``, ``ipv6_prefixes``; region ``GLOBAL``; ``network_border_group``
    names the Local or Wavelength Zone. Google: cloud.json with ``scope``, goog.json without. Azure: "Virtual network
    service tags": ``values[].properties``. Oracle: "IP Address Ranges": ``regions[].cidrs``. Cloudflare: ips-v4,
    ips-v6 and the API's ``result``.
"""

import ipaddress
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from residency.core.region.feeds import Network, Origin, Ranges, lay
from residency.errors import ConfigurationError, Fault

MAX_BYTES: Final = 64 * 1024 * 1024
MAX_RANGES: Final = 1_000_000
#: Shortest prefixes that a range may have. A wider one would claim a good part of the Internet.
WIDEST: Final = {4: 8, 6: 16}
#: How many faults of one file are told.
MAX_FAULTS = 20


class _Reader:
    """Collects ranges and faults of one file."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.faults: list[Fault] = []
        self.ranges: list[tuple[Network, Origin]] = []

    def fault(self, where: str, message: str, mend: str = "") -> None:
        if len(self.faults) < MAX_FAULTS:
            self.faults.append(Fault(self.source, 0, 0, where, message, mend))

    def check(self) -> None:
        if self.faults:
            raise ConfigurationError(self.faults)

    def items(self, value: object, where: str) -> Iterator[tuple[str, dict[str, Any]]]:
        if not isinstance(value, list):
            self.fault(where, "is no list")
            return
        for i, item in enumerate(value):
            if isinstance(item, dict):
                yield f"{where}[{i}]", item
            else:
                self.fault(f"{where}[{i}]", "is no object")

    def code(self, value: object, where: str) -> str:
        if isinstance(value, str) and _CODE.fullmatch(value):
            return value
        self.fault(where, "is no name of a region")
        return ""

    def add(self, text: object, where: str, origin: Origin) -> None:
        try:
            if not isinstance(text, str):
                raise ValueError  # noqa: TRY301, TRY004 - an int is a network to ip_network
            network = ipaddress.ip_network(text)
        except ValueError:
            self.fault(where, "is no network in CIDR form")
            return
        if network.prefixlen < WIDEST[network.version]:
            self.fault(where, f"is wider than /{WIDEST[network.version]}")
        self.ranges.append((network, origin))
        if len(self.ranges) > MAX_RANGES:
            self.fault("", f"has more than {MAX_RANGES:,} ranges")
            self.check()


_CODE = re.compile(r"[A-Za-z0-9-]{0,60}")


def _aws(value: dict[str, Any], read: _Reader) -> None:
    for key, name in (("prefixes", "ip_prefix"), ("ipv6_prefixes", "ipv6_prefix")):
        for where, item in read.items(value.get(key), key):
            region = read.code(item.get("region"), f"{where}.region")
            group = read.code(
                item.get("network_border_group", ""), f"{where}.network_border_group"
            )
            everywhere = region == "GLOBAL"
            zone = "" if everywhere or group in ("", region) else group
            origin = Origin("aws", "" if everywhere else region, zone, anycast=everywhere)
            read.add(item.get(name), f"{where}.{name}", origin)


def _google(value: dict[str, Any], read: _Reader) -> None:
    for where, item in read.items(value.get("prefixes"), "prefixes"):
        scope = read.code(item.get("scope", ""), f"{where}.scope")
        everywhere = scope == "global"
        origin = Origin("google", "" if everywhere else scope, anycast=everywhere)
        name = "ipv6Prefix" if "ipv6Prefix" in item else "ipv4Prefix"
        read.add(item.get(name), f"{where}.{name}", origin)


def _azure(value: dict[str, Any], read: _Reader) -> None:
    for where, item in read.items(value.get("values"), "values"):
        name, properties = item.get("name"), item.get("properties")
        if not isinstance(name, str) or not isinstance(properties, dict):
            read.fault(where, "has no name or properties")
            continue
        region = read.code(properties.get("region", ""), f"{where}.properties.region").lower()
        everywhere = name.startswith("AzureFrontDoor.") and not region
        # A service's worldwide list says nothing of where each range is; AzureCloud.REGION does.
        if not region and not everywhere:
            continue
        prefixes = properties.get("addressPrefixes")
        if not isinstance(prefixes, list):
            read.fault(f"{where}.properties.addressPrefixes", "is no list")
            continue
        for j, prefix in enumerate(prefixes):
            origin = Origin("azure", region, anycast=everywhere)
            read.add(prefix, f"{where}.properties.addressPrefixes[{j}]", origin)


def _oracle(value: dict[str, Any], read: _Reader) -> None:
    for where, item in read.items(value.get("regions"), "regions"):
        region = read.code(item.get("region"), f"{where}.region")
        for key in ("cidrs", "ipv6_cidrs"):
            for place, cidr in read.items(item.get(key, []), f"{where}.{key}"):
                read.add(cidr.get("cidr"), f"{place}.cidr", Origin("oracle", region))


def _cloudflare(value: dict[str, Any], read: _Reader) -> None:
    result = value.get("result")
    if not isinstance(result, dict):
        read.fault("result", "is no object")
        return
    for key in ("ipv4_cidrs", "ipv6_cidrs"):
        cidrs = result.get(key, [])
        if not isinstance(cidrs, list):
            read.fault(f"result.{key}", "is no list")
            continue
        for i, cidr in enumerate(cidrs):
            read.add(cidr, f"result.{key}[{i}]", Origin("cloudflare", anycast=True))


#: Kind → the keys that a file of it has, how it is read, and where it says when it was published.
_FORMATS: dict[str, tuple[frozenset[str], Callable[[dict[str, Any], _Reader], None], str]] = {
    "aws": (frozenset({"createDate", "prefixes", "ipv6_prefixes"}), _aws, "createDate"),
    "google": (frozenset({"creationTime", "prefixes"}), _google, "creationTime"),
    "azure": (frozenset({"changeNumber", "cloud", "values"}), _azure, ""),
    "oracle": (frozenset({"last_updated_timestamp", "regions"}), _oracle, "last_updated_timestamp"),
    "cloudflare": (frozenset({"result", "success"}), _cloudflare, ""),
}  # fmt: skip
KINDS: Final = tuple(_FORMATS)


def parse(data: bytes, source: str) -> Ranges:
    """The feed that *data* is, its format told by its own keys. Faults name *source*.

    A list of networks, one a line, is Cloudflare's: the only one published so.

    Raises:
        ConfigurationError: It is no known feed, or has faults; at most ``MAX_FAULTS`` are told.
    """
    read = _Reader(source)
    if len(data) > MAX_BYTES:
        read.fault("", f"is larger than {MAX_BYTES >> 20} MiB")
        read.check()
    try:
        text = data.decode("utf-8-sig")
        value = json.loads(text) if text.lstrip()[:1] == "{" else text.split()
    except (ValueError, RecursionError):
        read.fault("", "is neither JSON nor a list of networks, in UTF-8")
        read.check()
    name, published = "", ""
    if isinstance(value, list):
        name = _lines(value, read)
    else:
        name, published = _told(value, read)
    if not read.faults and not read.ranges:
        read.fault("", "has no range")
    read.check()
    return Ranges(name, name.partition("-")[0], published, *lay(read.ranges))


def _lines(lines: Sequence[str], read: _Reader) -> str:
    for i, line in enumerate(lines[: MAX_RANGES + 1]):
        read.add(line, f"line {i + 1}", Origin("cloudflare", anycast=True))
        if read.faults:
            break
    versions = {network.version for network, _ in read.ranges}
    return f"cloudflare-v{versions.pop()}" if len(versions) == 1 else "cloudflare"


def _told(value: dict[str, Any], read: _Reader) -> tuple[str, str]:
    for kind, (keys, ranges, dated) in _FORMATS.items():
        if keys <= value.keys():
            ranges(value, read)
            part = value["cloud"] if kind == "azure" else ""
            if kind == "google" and not any(o.region for _, o in read.ranges):
                part = "services"
            if kind == "azure" and not read.code(part, "cloud"):
                read.fault("cloud", "is empty")
            published = value.get(dated, "") if dated else ""
            return (
                f"{kind}-{part.lower()}" if part and isinstance(part, str) else kind,
                published if isinstance(published, str) else "",
            )
    read.fault("", "is no feed that is known", _lacks(value))
    return "", ""


def _lacks(value: dict[str, Any]) -> str:
    """What a file would have to have, to be the feed that it is most like."""
    known = f"one of {', '.join(KINDS)}, or an MMDB"
    kind = max(KINDS, key=lambda k: len(_FORMATS[k][0] & value.keys()))
    keys = _FORMATS[kind][0]
    if not keys & value.keys():
        return known
    return f"{known}; {kind}'s also has {', '.join(sorted(keys - value.keys()))}"
