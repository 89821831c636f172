"""A script that stands for a fault between judgement and socket: every connection ends up at 127.0.0.2."""

import asyncio
from typing import Any

original = asyncio.open_connection


async def open_connection(host: Any = None, port: Any = None, **more: Any) -> Any:
    return await original("127.0.0.2" if host else host, port, **more)


class Elsewhere:
    def running(self) -> None:
        asyncio.open_connection = open_connection


addons = [Elsewhere()]
