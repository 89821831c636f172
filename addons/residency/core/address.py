"""Whether an address may be connected to at all: global ones, or private ones of a host that is declared private."""

import ipaddress

#: Where clouds hand out a machine's credentials and settings, other than link-local: AWS (IMDS and EKS Pod Identity over
#: IPv6), Google Cloud over IPv6, Alibaba, Oracle, and Azure, whose address is a global one.
_METADATA = tuple(
    map(
        ipaddress.ip_network,
        ("fd00:ec2::/32", "fd20:ce::254/128", "100.100.100.200/32", "192.0.0.192/32", "168.63.129.16/32"),
    )
)  # fmt: skip

type IP = ipaddress.IPv4Address | ipaddress.IPv6Address

#: RFC 6052 section 2.1.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def read(text: str) -> IP | None:
    """The address that *text* writes, its zone left out; ``None`` if it writes none."""
    try:
        return ipaddress.ip_address(text.split("%", 1)[0].strip("[]"))
    except ValueError:
        return None


def led_to(ip: IP) -> IP:
    """The IPv4 address that an IPv6 one leads to (mapped, NAT64, 6to4 of RFC 3056, Teredo of RFC 4380), else itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None) or ip


def fits(text: str, *, private: bool) -> bool:
    """Whether *text* is an address to connect to; *private* admits those of the organisation's own networks.

    Link-local ones never, nor others where a cloud hands out a machine's credentials; reserved ones neither.
    """
    ip = read(text)
    if ip is None:
        return False
    ip = led_to(ip)
    if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
        return False
    if any(ip in network for network in _METADATA):
        return False
    # Python 3.13 calls some blocks global that are reserved or withdrawn: ::7f00:1, fec0::1 (RFC 3879).
    fit = ip.is_global and not ip.is_reserved and not getattr(ip, "is_site_local", False)
    return fit or private
