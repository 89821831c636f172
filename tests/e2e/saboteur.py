"""A script beside the gateway that makes one of its parts fail, for the call that asks for it.

``X-Sabotage: PLACE:KIND`` makes the part PLACE raise KIND while this call is handled. The script stands before the gateway's
stages in mitmproxy's chain, as any operator's would; ``chain-HOOK:AddonHalt`` is raised by the script itself.
"""

import asyncio
import functools
import importlib
from contextvars import ContextVar
from typing import Any

from mitmproxy import exceptions, http

KINDS: dict[str, BaseException] = {
    "KeyError": KeyError("canary-4711"),
    "TimeoutError": TimeoutError("canary-4711"),
    "RecursionError": RecursionError("canary-4711"),
    "MemoryError": MemoryError("canary-4711"),
    "UnicodeEncodeError": UnicodeEncodeError("utf-8", "canary-4711", 0, 1, "canary-4711"),
    "ZeroDivisionError": ZeroDivisionError("canary-4711"),
    "OptionsError": exceptions.OptionsError("canary-4711"),
    "AddonHalt": exceptions.AddonHalt(),
    "CancelledError": asyncio.CancelledError(),
    "GeneratorExit": GeneratorExit(),
    "SystemExit": SystemExit(3),
}

#: Part → module and the name in it that is replaced.
PLACES = {
    "identity": ("residency.proxy.identity", "check_form"),
    "region": ("residency.proxy.region", "locate"),
    "operations": ("residency.core.region.locate", "operations"),
    "policy": ("residency.proxy.policy", "decide"),
    "mask": ("residency.proxy.mask", "mask_call"),
    "hold": ("residency.proxy.hold", "retryable"),
    "record": ("residency.proxy.audit", "decision_record"),
    "seal": ("residency.proxy.audit.seal", "check"),
    "ledger": ("residency.proxy.ledger.LedgerWriter", "append"),
    "reach": ("residency.proxy.audit", "reach"),
    "addresses": ("residency.proxy.resolver.Resolver", "pin"),
    "feeds": ("residency.proxy.feeds.Feeds", "said"),
    "release": ("residency.proxy.resolver.Resolver", "release"),
}

#: As ``PLACES``, for messages of WebSockets; the handshake goes on.
SOCKET_PLACES = {
    "socket-identity": ("residency.proxy.identity.IdentityAddon", "again"),
    "socket-mask": ("residency.proxy.mask", "mask_sent"),
    "socket-audit": ("residency.proxy.sockets.Channel", "settle"),
}

#: Seconds that ``chain-message:slow`` takes to end the connection.
SLOW = 5

_wanted: ContextVar[str] = ContextVar("wanted", default="")


class Saboteur:
    """Takes the order from the request, since every hook of a call runs its addons in one task."""

    name = "saboteur"

    def __init__(self) -> None:
        self.orders: dict[str, str] = {}

    def running(self) -> None:
        for place, (module, name) in (PLACES | SOCKET_PLACES).items():
            owner: Any
            try:
                owner = importlib.import_module(module)
            except ModuleNotFoundError:
                parent, _, child = module.rpartition(".")
                owner = getattr(importlib.import_module(parent), child)
            plant(place, owner, name)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        self.orders[flow.id] = flow.request.headers.pop("x-sabotage", "")
        self.obey(flow, "requestheaders")

    def request(self, flow: http.HTTPFlow) -> None:
        self.obey(flow, "request")

    async def websocket_message(self, flow: http.HTTPFlow) -> None:
        if self.orders.get(flow.id) == "chain-message:slow":
            await asyncio.sleep(SLOW)
            raise exceptions.AddonHalt
        self.obey(flow, "message")

    def websocket_check(self, flow: http.HTTPFlow) -> None:
        self.obey(flow, "check")

    def server_connect(self, data: object) -> None:
        if any(order == "chain-server_connect:KeyError" for order in self.orders.values()):
            self.orders.clear()
            raise KeyError("canary-4711")

    def obey(self, flow: http.HTTPFlow, hook: str) -> None:
        order = self.orders.get(flow.id, "")
        is_early = order.startswith("socket-") and hook not in ("message", "check")
        _wanted.set("" if is_early else order)
        place, _, kind = order.partition(":")
        if place == f"chain-{hook}":
            raise KINDS[kind]


def plant(place: str, owner: Any, name: str) -> None:
    original = getattr(owner, name)

    @functools.wraps(original)
    def sabotaged(*args: Any, **kwargs: Any) -> Any:
        wanted, _, kind = _wanted.get().partition(":")
        if wanted == place:
            raise KINDS[kind]
        return original(*args, **kwargs)

    setattr(owner, name, sabotaged)


addons = [Saboteur()]
