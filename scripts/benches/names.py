"""For stock mitmdump: names from the environment instead of DNS, so that it reaches the same far sides as the gateway.

The same trick as the gateway's own ``residency_resolve``, once a connection. ``map_remote`` would cost time on every call.
"""

import asyncio
import os
import socket
from typing import Any

#: ``HOST=ADDRESS:PORT`` entries, with blanks between them.
VARIABLE = "BENCH_NAMES"


def running() -> None:
    table = {}
    for entry in os.environ[VARIABLE].split():
        host, _, target = entry.partition("=")
        address, _, port = target.rpartition(":")
        table[host] = (address, int(port))
    loop = asyncio.get_running_loop()
    original = loop.getaddrinfo

    async def getaddrinfo(host: Any, port: Any, **kwargs: Any) -> Any:
        if host in table:
            return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", table[host])]
        return await original(host, port, **kwargs)

    loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]
