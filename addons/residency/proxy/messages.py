"""The guard of hooks about messages of WebSockets: what one raises leaves its message dropped, which ends the connection."""

import asyncio
import functools
import inspect
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from mitmproxy import http
from mitmproxy.websocket import WebSocketMessage

from residency.errors import CODES, Unread
from residency.proxy.guard import is_ending, where
from residency.proxy.sockets import Channel

logger = logging.getLogger("residency.messages")

type _Hook = Callable[[Any, http.HTTPFlow, Channel, WebSocketMessage], Awaitable[None] | None]
type _Check = Callable[[Any, http.HTTPFlow, Channel], Awaitable[None] | None]


def guarded(hook: _Hook) -> Callable[[Any, http.HTTPFlow], Awaitable[None]]:
    """Wrap a hook of a stage. It is not called for a message that a stage has refused, or that was put in by hand."""

    def of_message(addon: Any, flow: http.HTTPFlow, channel: Channel) -> Awaitable[None] | None:
        channel, message = addon.runtime.sockets.message(flow)
        return None if message.injected else hook(addon, flow, channel, message)

    return guarded_check(functools.update_wrapper(of_message, hook))


def guarded_check(hook: _Check) -> Callable[[Any, http.HTTPFlow], Awaitable[None]]:
    """Likewise for a question about the connection: what is raised is a no."""

    @functools.wraps(hook)
    async def wrapped(addon: Any, flow: http.HTTPFlow) -> None:
        channel: Channel | None = addon.runtime.sockets.find(flow)
        if flow.error is not None or channel is None or channel.code:
            return
        try:
            result = hook(addon, flow, channel)
            if inspect.isawaitable(result):
                await result
        except KeyboardInterrupt:
            raise
        except BaseException as e:
            _refuse(flow, channel, e)
            if isinstance(e, asyncio.CancelledError) and is_ending():
                raise

    return wrapped


def _refuse(flow: http.HTTPFlow, channel: Channel, error: BaseException) -> None:
    channel.stands = False
    if flow.websocket:
        for message in flow.websocket.messages:
            message.drop()
    if isinstance(error, Unread):
        channel.fail("unmaskable", error.reason)
        return
    code = str(getattr(error, "code", ""))
    channel.fail(code if code in CODES else "internal")
    if channel.code == "internal":
        # The type alone: a message may quote what was being read.
        logger.error("closed the websocket of %s: %s in our own code", flow.id, where(error))
