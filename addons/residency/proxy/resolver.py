"""Which addresses the gateway may connect to: only released targets, and only the addresses that were judged for them.

A call's target is looked up once its decision permits it, and the decision is judged again with what the addresses
say; what was judged is pinned to the client's connection. mitmproxy 12.2.3 resolves with ``loop.getaddrinfo`` in
``asyncio.open_connection``, in the task that has just run ``server_connect``. So that hook leaves the pin in a context
variable, and what stands in for ``getaddrinfo`` answers from it and from nothing else: the connection keeps its name
(TLS verification and reuse work as before), and DNS that changes its mind changes nothing. IP literals never get
there; they are judged like any other address before their release.
"""

import asyncio
import ipaddress
import logging
import socket
import time
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from residency.core import address as addresses_
from residency.core.host import canonical, is_address
from residency.errors import CallError, RegionError, ResidencyError
from residency.proxy.names import Names

logger = logging.getLogger("residency.resolver")

type Address = tuple[str, int]

#: Seconds for which a released pin is not replaced by other addresses: the call that it was judged for is on its way.
GRACE = 5.0


@dataclass(slots=True, eq=False)
class Pin:
    """Where connections to one target may lead, for one client. ``standing`` are addresses of connections still open.

    ``port`` differs from the target's only for an override. Times are of the monotonic clock.
    """

    target: Address
    addresses: tuple[str, ...]
    port: int
    expires: float
    standing: frozenset[str] = frozenset()
    used: float = float("-inf")
    failed: bool = False
    open: dict[str, str] = field(default_factory=dict)

    @property
    def judged(self) -> tuple[str, ...]:
        """Every address that a call may reach."""
        return (*self.addresses, *sorted(self.standing - set(self.addresses)))

    def holds(self, now: float) -> bool:
        """True while no look-up is needed, and none may change where it leads."""
        if now - self.used < GRACE:
            return True
        return not self.failed and (bool(self.open) or now < self.expires)

    def leads_to(self, peer: object) -> str | None:
        """The address that *peer*, a socket's peer name, is one of; ``None`` if it is none."""
        if not isinstance(peer, tuple) or peer[1:2] != (self.port,):
            return None
        ip = addresses_.read(str(peer[0]))
        return next((a for a in self.addresses if addresses_.read(a) == ip), None)


_connecting: ContextVar[Pin | None] = ContextVar("residency_connecting", default=None)


def overrides(entries: Iterable[str]) -> dict[str, Address]:
    """Host → address and port of ``HOST=ADDRESS:PORT`` entries, loopback addresses only: they are for demonstrations.

    Raises:
        ResidencyError: An entry is not of that form, or its address is not loopback.
    """
    found: dict[str, Address] = {}
    for entry in entries:
        host, _, target = entry.partition("=")
        address, _, port = target.rpartition(":")
        try:
            loopback = ipaddress.ip_address(address.strip("[]")).is_loopback
            found[canonical(host)] = (address.strip("[]"), int(port))
        except (ValueError, RegionError) as e:
            raise ResidencyError(
                f"option residency_resolve: {entry!r} is not HOST=ADDRESS:PORT"
            ) from e
        if not loopback:
            raise ResidencyError(f"option residency_resolve: {address} is not a loopback address")
    return found


class Resolver:
    """Keeps the released targets of each client connection, and the addresses they are pinned to."""

    def __init__(
        self, names: Names | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.names = names or Names()
        self._clock = clock
        self._pins: dict[str, dict[Address, Pin]] = {}
        self._opened: dict[str, Pin] = {}
        self._overrides: dict[str, Address] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._original: Any = None
        self._is_private: Callable[[str], bool] = lambda _host: False

    def override(self, targets: Mapping[str, Address]) -> None:
        """Send hosts where ``overrides`` has them."""
        self._overrides |= targets
        if self._overrides:
            logger.warning(
                "NOT FOR PRODUCTION: residency_resolve sends %s to loopback",
                ", ".join(self._overrides),
            )

    @property
    def overridden(self) -> frozenset[str]:
        return frozenset(self._overrides)

    async def pin(self, client: str, target: Address) -> Pin:
        """Where *target*, which a decision permits, leads for *client*. Nothing is permitted by it yet.

        While a connection to it is open, or the last answer counts, that is where it led before.

        Raises:
            CallError: ``address-refused``: an address is none to connect to; ``name-unknown``, ``name-unavailable``;
                ``host-invalid``.
        """
        last = self._pins.get(client, {}).get(target)
        pin = last
        if pin is None or not pin.holds(self._clock()):
            pin = await self._look_up(target)
            if last is not None:
                pin.standing, pin.open = frozenset(last.open.values()), last.open
        self._check(pin)
        return pin

    async def _look_up(self, target: Address) -> Pin:
        host, port = canonical(target[0]), target[1]
        if (override := self._overrides.get(host)) is not None:
            return Pin(target, (override[0],), override[1], float("inf"))
        if is_address(host):
            return Pin(target, (host,), port, float("inf"))
        answer = await self.names.addresses(host)
        return Pin(target, answer.addresses, port, answer.expires)

    def _check(self, pin: Pin) -> None:
        host = canonical(pin.target[0])
        if host in self._overrides:
            return
        private = self._is_private(host)
        # One unfit address is enough: a connection would try one after the other.
        if not pin.judged or not all(addresses_.fits(a, private=private) for a in pin.judged):
            raise CallError("address-refused")

    def release(self, client: str, pin: Pin) -> None:
        """A decision that knows its addresses permits *client* to reach the target of *pin*.

        Raises:
            CallError: ``aborted``: another call's release of this moment leads elsewhere.
        """
        now = self._clock()
        pins = self._pins.setdefault(client, {})
        last = pins.get(pin.target)
        if last is not None and last is not pin:
            holds = last.holds(now)
            reachable = set(last.judged if holds else last.open.values())
            if reachable - set(pin.judged):
                raise CallError("aborted", "the target's addresses have just changed")
            if holds:
                pin = last
            else:
                pin.open = last.open
        pin.used = now
        pins[pin.target] = pin

    def forget(self, client: str) -> None:
        """*client* has gone."""
        self._pins.pop(client, None)

    # Connections

    def may_connect(self, client: str, address: Address) -> bool:
        """True if a decision released *address* for *client*; the task that asks may then connect there."""
        pin = self._pins.get(client, {}).get((address[0], address[1]))
        _connecting.set(pin)
        return pin is not None

    def connected(self, connection: str, address: Address | None, peer: object) -> bool:
        """True if *connection*, which this task opened to *address*, has reached a *peer* that was judged."""
        pin = _connecting.get()
        reached = pin.leads_to(peer) if pin is not None and pin.target == address else None
        if pin is None or reached is None:
            return False
        pin.open[connection] = reached
        self._opened[connection] = pin
        return True

    def disconnected(self, connection: str) -> None:
        """*connection* is closed."""
        pin = self._opened.pop(connection, None)
        if pin is not None:
            pin.open.pop(connection, None)

    def unreachable(self, client: str, address: Address) -> None:
        """No connection to *address*: its name is asked for again."""
        pin = self._pins.get(client, {}).get((address[0], address[1]))
        if pin is not None:
            pin.failed = True
            self.names.forget(canonical(pin.target[0]))

    def install(self, loop: asyncio.AbstractEventLoop, is_private: Callable[[str], bool]) -> None:
        """Stand in for the loop's name resolution. *is_private* tells hosts that may have private addresses."""
        self._loop, self._original, self._is_private = loop, loop.getaddrinfo, is_private
        loop.getaddrinfo = self._getaddrinfo  # type: ignore[method-assign]

    def uninstall(self) -> None:
        self.names.stop()
        if self._loop is not None:
            self._loop.getaddrinfo = self._original  # type: ignore[method-assign]
            self._loop = None

    async def _getaddrinfo(self, host: Any, port: Any, **kwargs: Any) -> Any:
        name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
        pin = _connecting.get()
        if pin is not None and (name, port) == pin.target:
            return [_info(a, pin.port) for a in pin.addresses]
        if pin is None and name in _LOCAL:
            # The gateway's own listening. Keys are fetched with a resolver of their own.
            return await self._original(host, port, **kwargs)
        raise OSError("residency: no decision permits a look-up of this name")


def _info(address: str, port: int) -> tuple[Any, ...]:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    where = (address, port, 0, 0) if family == socket.AF_INET6 else (address, port)
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", where)


_LOCAL = frozenset({None, "", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::"})  # noqa: S104
