"""Address feeds in their publishers' formats, small."""

import json
import struct
from collections.abc import Mapping
from typing import Any


def aws(*rows: tuple[str, str] | tuple[str, str, str]) -> bytes:
    """Prefix, region and, if it is another, network border group."""
    v4: list[dict[str, str]] = []
    v6: list[dict[str, str]] = []
    for prefix, region, *group in rows:
        into, key = (v6, "ipv6_prefix") if ":" in prefix else (v4, "ip_prefix")
        into.append({key: prefix, "region": region, "service": "AMAZON",
                     "network_border_group": group[0] if group else region})  # fmt: skip
    return dump(
        {
            "syncToken": "1",
            "createDate": "2026-11-20-10-00-00",
            "prefixes": v4,
            "ipv6_prefixes": v6,
        }
    )


def google(*rows: tuple[str, str | None]) -> bytes:
    prefixes = [
        {"ipv6Prefix" if ":" in p else "ipv4Prefix": p, "service": "Google Cloud"} | ({"scope": s} if s else {})
        for p, s in rows
    ]  # fmt: skip
    return dump({"syncToken": "1", "creationTime": "2026-11-20T10:00:00", "prefixes": prefixes})


def azure(*rows: tuple[str, str, str], cloud: str = "Public") -> bytes:
    """Tag, region and prefix."""
    values = [
        {"name": name, "id": name, "properties": {"changeNumber": 1, "region": region, "regionId": 1,
         "platform": "Azure", "systemService": "", "addressPrefixes": [prefix]}}
        for name, region, prefix in rows
    ]  # fmt: skip
    return dump({"changeNumber": 1, "cloud": cloud, "values": values})


def oracle(*rows: tuple[str, str]) -> bytes:
    regions = [{"region": r, "cidrs": [{"cidr": c, "tags": ["OCI"]}]} for c, r in rows]
    return dump({"last_updated_timestamp": "2026-11-20T10:00:00.0", "regions": regions})


def dump(value: object) -> bytes:
    return json.dumps(value).encode()


def mmdb(networks: Mapping[str, Any], *, kind: str = "DBIP-Country-Lite") -> bytes:
    """An MMDB of IPv4 networks (MaxMind DB file format specification 2.0), records of 24 bits."""
    import ipaddress

    nodes: list[list[Any]] = [[None, None]]
    data, offsets = b"", {}
    for text, value in networks.items():
        offsets[text] = len(data)
        data += _field(value)
        network = ipaddress.IPv4Network(text)
        bits = f"{int(network.network_address):032b}"[: network.prefixlen]
        at = 0
        for bit in map(int, bits[:-1]):
            if not isinstance(nodes[at][bit], int):
                nodes.append([None, None])
                nodes[at][bit] = len(nodes) - 1
            at = nodes[at][bit]
        nodes[at][int(bits[-1])] = text
    count = len(nodes)
    tree = b""
    for node in nodes:
        for side in node:
            number = (
                count
                if side is None
                else side
                if isinstance(side, int)
                else count + 16 + offsets[side]
            )
            tree += struct.pack(">I", number)[1:]
    meta = {
        "node_count": count, "record_size": 24, "ip_version": 4, "database_type": kind, "languages": ["en"],
        "binary_format_major_version": 2, "binary_format_minor_version": 0, "build_epoch": 1763600000,
        "description": {"en": "a test's"},
    }  # fmt: skip
    return tree + bytes(16) + data + b"\xab\xcd\xefMaxMind.com" + _field(meta)


def _field(value: object) -> bytes:
    if isinstance(value, dict):
        inner = b"".join(_field(k) + _field(v) for k, v in value.items())
        return bytes([7 << 5 | len(value)]) + inner
    if isinstance(value, list):
        return bytes([len(value), 4]) + b"".join(map(_field, value))
    if isinstance(value, str):
        raw = value.encode()
        assert len(raw) < 29
        return bytes([2 << 5 | len(raw)]) + raw
    assert isinstance(value, int)
    raw = value.to_bytes(4)
    return bytes([6 << 5 | 4]) + raw
