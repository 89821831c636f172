"""mitmproxy's WebSocket layer, without what passes by its hooks.

mitmproxy 12.2.3 (``proxy/layers/websocket.py``) forwards pings, pongs and the reason of a close without asking, each a
way past masking for 123 bytes or more; logs the payloads of pings; keeps every message for as long as the connection
lasts; puts fragments together without limit; and goes on after a message that was dropped. Here pings are answered by
the gateway, reasons are left out, a message is forgotten once it has passed, a large one ends the connection, and so
does a dropped one.
"""

from collections.abc import Generator

import wsproto
import wsproto.events
from mitmproxy import http
from mitmproxy.proxy import events, layer
from mitmproxy.proxy.layers import websocket
from wsproto.frame_protocol import CloseReason

MAX_FRAGMENTS = 4096


class Side(websocket.WebsocketConnection):
    """One end; ``limit`` is the largest message, in bytes."""

    flow: http.HTTPFlow
    limit: int

    def __init__(
        self, side: websocket.WebsocketConnection, *, flow: http.HTTPFlow, limit: int
    ) -> None:
        # No extension: none was offered, so none may be used.
        super().__init__(
            wsproto.ConnectionType.CLIENT if side.client else wsproto.ConnectionType.SERVER,
            [],
            conn=side.conn,
        )
        self.flow, self.limit = flow, limit
        self.pongs: list[wsproto.events.Pong] = []
        self._size = self._fragments = 0

    def events(self) -> Generator[wsproto.events.Event, None, None]:
        """What the layer may hear of. It has asked the hooks about a message, and sent it, when it asks for the next."""
        for event in super().events():
            if isinstance(event, wsproto.events.Ping):
                self.pongs = [event.response()]
            elif isinstance(event, wsproto.events.CloseConnection):
                yield wsproto.events.CloseConnection(code=event.code)
                return
            elif isinstance(event, (wsproto.events.TextMessage, wsproto.events.BytesMessage)):
                if self._is_large(event):
                    yield wsproto.events.CloseConnection(code=CloseReason.MESSAGE_TOO_BIG)
                    return
                yield event
                if event.message_finished and self._was_dropped():
                    yield wsproto.events.CloseConnection(code=CloseReason.POLICY_VIOLATION)
                    return

    def _is_large(self, event: wsproto.events.TextMessage | wsproto.events.BytesMessage) -> bool:
        data = event.data
        self._size += len(data.encode() if isinstance(data, str) else data)
        self._fragments += event.frame_finished
        large = self._size > self.limit or self._fragments > MAX_FRAGMENTS
        if event.message_finished:
            self._size = self._fragments = 0
        return large

    def _was_dropped(self) -> bool:
        held = self.flow.websocket
        messages = held.messages if held else []
        dropped = self.flow.error is not None or not messages or any(m.dropped for m in messages)
        messages.clear()
        return dropped


class SocketLayer(websocket.WebsocketLayer):
    """Stands in mitmproxy's place for its own, once ``install`` has been called."""

    #: The largest message, in bytes.
    limit = 0

    def start(self, event: events.Event) -> layer.CommandGenerator[None]:
        yield from super().start(event)
        self.client_ws = Side(self.client_ws, flow=self.flow, limit=self.limit)
        self.server_ws = Side(self.server_ws, flow=self.flow, limit=self.limit)

    _handle_event = start

    def relay_messages(self, event: events.Event) -> layer.CommandGenerator[None]:
        if isinstance(event, websocket.WebSocketMessageInjected):
            # It would be put into the middle of a message that comes in fragments.
            return
        yield from super().relay_messages(event)
        for side in (self.client_ws, self.server_ws):
            if isinstance(side, Side) and side.pongs:
                pongs, side.pongs = side.pongs, []
                if side.state is wsproto.connection.ConnectionState.OPEN:
                    for pong in pongs:
                        yield side.send2(pong)


_MITMPROXYS = websocket.WebsocketLayer


def install(limit: int) -> None:
    """Have mitmproxy use ours. Its HTTP layer looks the class up in its module for each connection."""
    SocketLayer.limit = limit
    websocket.WebsocketLayer = SocketLayer  # type: ignore[misc]


def uninstall() -> None:
    websocket.WebsocketLayer = _MITMPROXYS  # type: ignore[misc]


def is_installed() -> bool:
    return websocket.WebsocketLayer is SocketLayer
