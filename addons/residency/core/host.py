"""Hosts in one spelling, so that rules, catalogue and tunnel compare equal things.

What a resolver and a careless reader could take for two different hosts is refused rather than
guessed: ``127.1`` and ``2130706433`` reach loopback, yet no address parser calls them addresses.
"""

import functools
import ipaddress
import re

import idna

from residency.errors import RegionError

_MAX_INPUT = 1024  # characters; UTS-46 mapping is not linear, so it never sees more
_MAX_NAME = 253  # RFC 1035 2.3.4, without the root's own dot
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")


#: Few hosts are called, each often; so many answers are kept.
REMEMBERED = 4096


@functools.lru_cache(maxsize=REMEMBERED)
def canonical(host: str) -> str:
    """The one spelling of *host*: A-labels in lower case without the root's dot, or an address.

    IPv4 is accepted in plain dotted form only; IPv6, in brackets or bare, becomes its compressed
    form without brackets. Answering its own answer again changes nothing.

    Raises:
        RegionError: ``host-invalid``: a port, userinfo, percent sign, control or other character
            that no host name has, an empty or overlong label or name, a label that IDNA refuses,
            or a number that resolvers read as an address in more than one way.

    Sources:
        UTS 46 non-transitional processing; WHATWG URL, "ends in a number checker"; RFC 5952
        (IPv4-mapped addresses excepted: hexadecimal, as in WHATWG URL).
    """
    if not host or len(host) > _MAX_INPUT:
        raise RegionError("host-invalid", "the host is empty or too long")
    if host[0] == "[" or ":" in host:
        return _ipv6(host[1:-1] if host[0] == "[" and host[-1] == "]" else host)
    name = host.lower() if host.isascii() else _mapped(host)
    labels = name.removesuffix(".").split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(".".join(labels))
    if not all(map(_LABEL.fullmatch, labels)):
        raise RegionError(
            "host-invalid", "a label is empty, too long or has a character of no host name"
        )
    for label in labels:
        if label.startswith("xn--"):
            _check_a_label(label)
    name = ".".join(labels)
    if len(name) > _MAX_NAME:
        raise RegionError("host-invalid", f"the name is longer than {_MAX_NAME} characters")
    return name


def is_address(host: str) -> bool:
    """Whether *host*, in canonical form, is an IP address and not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _mapped(host: str) -> str:
    try:
        mapped = idna.uts46_remap(host, std3_rules=False, transitional=False)
        if mapped.isascii():  # full-width letters and the like
            return mapped.lower()
        return idna.encode(mapped).decode("ascii").lower()
    except (ValueError, IndexError) as e:  # IDNAError is a ValueError
        raise RegionError("host-invalid", "the host is not a name that IDNA allows") from e


def _check_a_label(label: str) -> None:
    try:
        same = idna.alabel(idna.ulabel(label)).decode("ascii") == label
    except (ValueError, IndexError) as e:
        raise RegionError("host-invalid", "an A-label does not decode") from e
    if not same:
        raise RegionError("host-invalid", "an A-label is not in its own canonical form")


def _ipv4(text: str) -> str:
    try:
        return str(ipaddress.IPv4Address(text))
    except ValueError as e:
        raise RegionError(
            "host-invalid", "a number that is not a plain dotted IPv4 address"
        ) from e


def _ipv6(text: str) -> str:
    if "%" in text:
        raise RegionError("host-invalid", "an IPv6 address with a zone")
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError as e:
        raise RegionError("host-invalid", "a colon, and not an IPv6 address") from e
    if address.ipv4_mapped is not None:  # spelled differently by Python 3.12 and 3.13
        low = int(address.ipv4_mapped)
        return f"::ffff:{low >> 16:x}:{low & 0xFFFF:x}"
    return str(address)
