"""The gateway's own WebSocket layer, in the place of mitmproxy's.

mitmproxy 12.2.3 (``proxy/layers/websocket.py``) forwards pings, pongs and the reason of a close without asking, each a
way past masking for 123 bytes or more; logs the payloads of pings; keeps every message for as long as the connection
lasts; puts fragments together without limit; goes on after a message that was dropped; tears letters apart where it
makes frames of a changed message; reads on without limit while a hook works; and asks nobody while nothing is sent.

Here a message is dropped unless the stages let it go, and one that stays dropped ends the connection. A message is
forgotten once it has passed. Pings are answered by the gateway. Every ``CHECK_SECONDS`` the stages are asked whether
the connection may stand, and whatever becomes of that question, only a yes keeps it open.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import wsproto.connection
import wsproto.events
from mitmproxy import connection, ctx, http
from mitmproxy.proxy import commands, events, layer
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import websocket
from mitmproxy.websocket import WebSocketMessage
from wsproto.connection import ConnectionState, ConnectionType
from wsproto.frame_protocol import CloseReason, Opcode

from residency.proxy.sockets import Sockets

CHECK_SECONDS = 5.0
MAX_FRAGMENTS = 4096
#: Letters, or bytes, in a frame that is sent: at most 32,000 bytes, which AWS API Gateway takes (32 KB), for one.
FRAME = 8000
#: Bytes that are read ahead while a message is worked on; then its sender has to wait.
MAX_AHEAD = 1024 * 1024
#: About what a piece that was read takes besides its bytes.
_PIECE = 256


@dataclass
class WebsocketCheckHook(commands.StartHook):
    """Time has passed on an open WebSocket: may it stand?"""

    flow: http.HTTPFlow


class Side(wsproto.connection.Connection):
    """One end, and the message that is coming from there. No extension: none was offered, so none may be used."""

    def __init__(self, kind: ConnectionType, conn: connection.Connection) -> None:
        super().__init__(kind)
        self.conn = conn
        self.content = bytearray()
        self.fragments = 0

    def take(self) -> bytes:
        content = bytes(self.content)
        self.content, self.fragments = bytearray(), 0
        return content


class SocketLayer(layer.Layer):
    """Stands in mitmproxy's place for its own, once ``install`` has been called."""

    #: The largest message, in bytes.
    limit: ClassVar[int] = 0
    sockets: ClassVar[Sockets] = Sockets()

    def __init__(self, context: Context, flow: http.HTTPFlow) -> None:
        super().__init__(context)
        self.flow = flow
        self.client = Side(ConnectionType.SERVER, context.client)
        self.server = Side(ConnectionType.CLIENT, context.server)
        self._begun = self._over = False
        self._ahead = 0
        self._waiting: set[asyncio.Transport] = set()

    # Events

    def handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        """As mitmproxy's, which keeps what comes while a hook works; but not more than so much."""
        if self._paused and isinstance(event, events.DataReceived):
            self._ahead += len(event.data) + _PIECE
            transport = _transport(event.connection) if self._ahead > MAX_AHEAD else None
            if transport is not None:
                transport.pause_reading()
                self._waiting.add(transport)
        yield from super().handle_event(event)
        if not self._paused_event_queue:
            self._ahead = 0
            while self._waiting:
                self._waiting.pop().resume_reading()

    def _handle_event(self, event: events.Event) -> layer.CommandGenerator[None]:
        if not self._begun:
            self._begun = True
            yield from self._start()
        elif not self._over:
            yield from self._relay(event)

    def _start(self) -> layer.CommandGenerator[None]:
        yield websocket.WebsocketStartHook(self.flow)
        if self.flow.error or self.sockets.find(self.flow) is None:
            yield from self._close(CloseReason.POLICY_VIOLATION)
        else:
            yield commands.RequestWakeup(CHECK_SECONDS)

    def _relay(self, event: events.Event) -> layer.CommandGenerator[None]:
        """A message put in at a console is no event of a connection, and so not heard."""
        if isinstance(event, events.Wakeup):
            yield from self._check()
        elif isinstance(event, events.ConnectionEvent):
            side = self.client if event.connection == self.context.client else self.server
            side.receive_data(event.data if isinstance(event, events.DataReceived) else None)
            for heard in side.events():
                yield from self._hear(side, heard)
                if self._over:
                    return

    # What follows

    def _check(self) -> layer.CommandGenerator[None]:
        channel = self.sockets.find(self.flow)
        if channel is not None:
            channel.begin(None)
            yield WebsocketCheckHook(self.flow)
        if channel is None or not channel.stands or self.flow.error:
            yield from self._close(CloseReason.POLICY_VIOLATION)
        else:
            yield commands.RequestWakeup(CHECK_SECONDS)

    def _hear(self, side: Side, heard: wsproto.events.Event) -> layer.CommandGenerator[None]:
        if isinstance(heard, (wsproto.events.TextMessage, wsproto.events.BytesMessage)):
            yield from self._gather(side, heard)
        elif isinstance(heard, wsproto.events.Ping):
            if side.state is ConnectionState.OPEN:
                yield commands.SendData(side.conn, side.send(heard.response()))
        elif isinstance(heard, wsproto.events.CloseConnection):
            yield from self._close(heard.code, by_client=side is self.client)

    def _gather(
        self, side: Side, heard: wsproto.events.TextMessage | wsproto.events.BytesMessage
    ) -> layer.CommandGenerator[None]:
        is_text = isinstance(heard, wsproto.events.TextMessage)
        side.content += heard.data.encode() if isinstance(heard.data, str) else heard.data
        side.fragments += heard.frame_finished
        if len(side.content) > self.limit or side.fragments > MAX_FRAGMENTS:
            yield from self._close(CloseReason.MESSAGE_TOO_BIG)
        elif heard.message_finished:
            kind = Opcode.TEXT if is_text else Opcode.BINARY
            yield from self._ask(WebSocketMessage(kind, side is self.client, side.take()))

    def _ask(self, message: WebSocketMessage) -> layer.CommandGenerator[None]:
        """Have the stages judge *message*, and send it if they let it go."""
        held = self.flow.websocket
        message.dropped = True
        is_text, far = message.is_text, self.server if message.from_client else self.client
        if held is not None:
            held.messages[:] = [message]
            yield websocket.WebsocketMessageHook(self.flow)
            held.messages.clear()
        if message.dropped or self.flow.error:
            yield from self._close(CloseReason.POLICY_VIOLATION)
        else:
            for frame in _frames(message.content, is_text=is_text):
                yield commands.SendData(far.conn, far.send(frame))

    def _close(self, code: int, *, by_client: bool | None = None) -> layer.CommandGenerator[None]:
        """End both connections. Nothing is sent after, and nothing heard."""
        self._over = True
        held = self.flow.websocket
        if held is not None:
            held.timestamp_end, held.closed_by_client = time.time(), by_client
            held.close_code, held.close_reason = code, ""
        for side in (self.server, self.client):
            side.take()
            if side.state in (ConnectionState.OPEN, ConnectionState.REMOTE_CLOSING):
                close = wsproto.events.CloseConnection(code=code)
                yield commands.SendData(side.conn, side.send(close))
            yield commands.CloseConnection(side.conn)
        yield websocket.WebsocketEndHook(self.flow)
        self.flow.live = False


def _frames(content: bytes, *, is_text: bool) -> Iterator[wsproto.events.Event]:
    """A message in frames of our own making; none ends within a letter."""
    data: str | bytes = content.decode() if is_text else content
    for at in range(0, len(data) or 1, FRAME):
        part, final = data[at : at + FRAME], at + FRAME >= len(data)
        if isinstance(part, str):
            yield wsproto.events.TextMessage(part, message_finished=final)
        else:
            yield wsproto.events.BytesMessage(part, message_finished=final)


def _transport(conn: connection.Connection) -> asyncio.Transport | None:
    """What *conn* is read from."""
    server = ctx.master.addons.get("proxyserver")
    for handler in list(server.connections.values()) if server else []:
        opened = handler.transports.get(conn)
        transport = getattr(opened.writer, "transport", None) if opened is not None else None
        if isinstance(transport, asyncio.Transport):
            return transport
    return None


_MITMPROXYS = websocket.WebsocketLayer


def install(limit: int, sockets: Sockets) -> None:
    """Have mitmproxy use ours. Its HTTP layer looks the class up in its module for each connection."""
    SocketLayer.limit, SocketLayer.sockets = limit, sockets
    websocket.WebsocketLayer = SocketLayer  # type: ignore[misc,assignment]


def uninstall() -> None:
    websocket.WebsocketLayer = _MITMPROXYS  # type: ignore[misc]


def is_installed() -> bool:
    installed: type[layer.Layer] = websocket.WebsocketLayer
    return installed is SocketLayer
