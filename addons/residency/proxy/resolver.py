"""Which addresses the gateway may connect to: only released targets, and only fit addresses of theirs.

mitmproxy 12.2.3 resolves names with ``loop.getaddrinfo`` in ``asyncio.open_connection``. Standing in for that
function gives one checked answer, keeps the connection's name (TLS verification and reuse work as before),
and lets nothing be looked up for a host that no decision has released. IP literals never get there, so
``may_connect`` judges them itself.
"""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable
from typing import Any

from residency.core.host import canonical, is_address
from residency.errors import RegionError, ResidencyError

logger = logging.getLogger("residency.resolver")

type Address = tuple[str, int]


class Resolver:
    """Keeps the released targets of each client connection, and resolves for them alone."""

    def __init__(self) -> None:
        self._released: dict[str, set[Address]] = {}
        self._hosts: dict[str, int] = {}
        self._overrides: dict[str, Address] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._original: Any = None
        self._is_private: Callable[[str], bool] = lambda _host: False

    def override(self, entries: Iterable[str]) -> None:
        """Take ``HOST=ADDRESS:PORT`` entries, loopback addresses only: they are for demonstrations.

        Raises:
            ResidencyError: An entry is not of that form, or its address is not loopback.
        """
        for entry in entries:
            host, _, target = entry.partition("=")
            address, _, port = target.rpartition(":")
            try:
                loopback = ipaddress.ip_address(address.strip("[]")).is_loopback
                self._overrides[canonical(host)] = (address.strip("[]"), int(port))
            except (ValueError, RegionError) as e:
                raise ResidencyError(
                    f"option residency_resolve: {entry!r} is not HOST=ADDRESS:PORT"
                ) from e
            if not loopback:
                raise ResidencyError(
                    f"option residency_resolve: {address} is not a loopback address"
                )
        if self._overrides:
            logger.warning(
                "NOT FOR PRODUCTION: residency_resolve sends %s to loopback",
                ", ".join(self._overrides),
            )

    @property
    def overridden(self) -> frozenset[str]:
        return frozenset(self._overrides)

    def release(self, client: str, address: Address) -> None:
        """A decision permits *client* to reach *address*."""
        targets = self._released.setdefault(client, set())
        if address not in targets:
            targets.add(address)
            self._hosts[address[0]] = self._hosts.get(address[0], 0) + 1

    def forget(self, client: str) -> None:
        """*client* has gone."""
        for host, _ in self._released.pop(client, ()):
            self._hosts[host] -= 1
            if not self._hosts[host]:
                del self._hosts[host]

    def may_connect(self, client: str, address: Address) -> bool:
        """True if a decision released *address* for *client*, and an IP literal is a fit one."""
        host = str(address[0])
        if (host, address[1]) not in self._released.get(client, ()):
            return False
        return not is_address(canonical(host)) or self._fits(canonical(host), canonical(host))

    def install(self, loop: asyncio.AbstractEventLoop, is_private: Callable[[str], bool]) -> None:
        """Stand in for the loop's name resolution. *is_private* tells hosts that may have private addresses."""
        self._loop, self._original, self._is_private = loop, loop.getaddrinfo, is_private
        loop.getaddrinfo = self._getaddrinfo  # type: ignore[method-assign]

    def uninstall(self) -> None:
        if self._loop is not None:
            self._loop.getaddrinfo = self._original  # type: ignore[method-assign]
            self._loop = None

    async def _getaddrinfo(self, host: Any, port: Any, **kwargs: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        if name in _LOCAL and name not in self._hosts:
            # The gateway's own listening. Keys are fetched with a resolver of their own.
            return await self._original(host, port, **kwargs)
        if not isinstance(name, str) or name not in self._hosts:
            raise OSError("residency: no decision permits a look-up of this name")
        if (override := self._overrides.get(canonical(name))) is not None:
            family = socket.AF_INET6 if ":" in override[0] else socket.AF_INET
            return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", override)]
        answers = await self._original(host, port, **kwargs)
        if not answers or not all(self._fits(canonical(name), a[4][0]) for a in answers):
            raise OSError("residency: the target's address is not permitted")
        return answers

    def _fits(self, host: str, address: str) -> bool:
        """Global addresses, or private ones of a host that is declared to be private."""
        try:
            ip = ipaddress.ip_address(address.split("%", 1)[0].strip("[]"))
        except ValueError:
            return False
        ip = _embedded(ip) or ip
        if ip.is_link_local or ip.is_multicast or ip.is_unspecified:
            return False
        # Python 3.13 calls some blocks global that are reserved or withdrawn: ::7f00:1, fec0::1 (RFC 3879).
        fit = ip.is_global and not ip.is_reserved and not getattr(ip, "is_site_local", False)
        return fit or self._is_private(host)


#: RFC 6052 section 2.1.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def _embedded(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 one leads to: mapped, NAT64, 6to4 (RFC 3056) or Teredo (RFC 4380)."""
    if isinstance(ip, ipaddress.IPv4Address):
        return None
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


_LOCAL = frozenset({None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})  # noqa: S104
