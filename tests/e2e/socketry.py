"""WebSockets on loopback: a far side that keeps all that reaches it, and a client, both by wsproto."""

import contextlib
import socket
import ssl
import threading
from typing import Self

import wsproto
from wsproto import events
from wsproto.utilities import LocalProtocolError

from tests.e2e.wire import Answer, Wire, read_head

HANDSHAKE = (
    "GET {path} HTTP/1.1",
    "Host: {host}",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Extensions: permessage-deflate",
)


class FarSide:
    """Answers each text and binary message with itself. ``heard`` are messages, ``others`` pings, pongs and closes."""

    def __init__(self, context: ssl.SSLContext) -> None:
        self.heard: list[str | bytes] = []
        self.others: list[events.Event] = []
        self.offered: list[str] = []
        self.handshakes = 0
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._parts: list[str | bytes] = []
        #: All that has come, and what is said instead of the right answer to a handshake, or right after it.
        self.raw = b""
        self.answers = self.greets = b""
        threading.Thread(target=self._run, daemon=True).start()

    def clear(self) -> None:
        self.heard, self.others, self.offered, self.handshakes = [], [], [], 0
        self.raw = self.answers = self.greets = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for sock in self._open:
            sock.close()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted, _ = self._listener.accept()
                self._open.append(accepted)
                threading.Thread(target=self._serve, args=(accepted,), daemon=True).start()

    def _serve(self, accepted: socket.socket) -> None:
        with (
            contextlib.suppress(OSError, wsproto.utilities.ProtocolError),
            self._context.wrap_socket(accepted, server_side=True) as sock,
        ):
            connection = wsproto.WSConnection(wsproto.ConnectionType.SERVER)
            is_first = True
            while data := sock.recv(65536):
                self.raw += data
                if is_first and self.answers:
                    sock.sendall(self.answers)
                    continue
                is_first = False
                connection.receive_data(data)
                for event in connection.events():
                    sock.sendall(self._answer(connection, event))

    def _answer(self, connection: wsproto.WSConnection, event: events.Event) -> bytes:
        if isinstance(event, events.Request):
            self.handshakes += 1
            self.offered = [str(e) for e in event.extensions]
            return connection.send(events.AcceptConnection()) + self.greets
        if isinstance(event, (events.TextMessage, events.BytesMessage)):
            message = joined(self._parts, event)
            if message is None:
                return b""
            self.heard.append(message)
            if isinstance(message, str):
                return connection.send(events.TextMessage(message))
            return connection.send(events.BytesMessage(message))
        self.others.append(event)
        if isinstance(event, (events.Ping, events.CloseConnection)):
            return connection.send(event.response())
        return b""


class Client:
    """A WebSocket through the gateway. ``refusal`` is what came instead of one."""

    def __init__(
        self, wire: Wire, host: str, *extra: str, path: str = "/stream", early: bytes = b""
    ) -> None:
        self.wire = wire
        self.sock = wire.tls(host)
        lines = [line.format(host=host, path=path) for line in HANDSHAKE]
        self.sock.sendall("\r\n".join([*lines, *extra, "", ""]).encode() + early)
        self.refusal: Answer | None = None
        answer = read_switch(self.sock)
        if answer.status != 101:
            self.refusal = answer
        self.headers = answer.headers
        self._connection = wsproto.connection.Connection(wsproto.ConnectionType.CLIENT)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, *sent: events.Event) -> None:
        for event in sent:
            self.sock.sendall(self._connection.send(event))

    def hear(self) -> events.Event | None:
        """The next event; ``None``: the connection was closed without one."""
        while True:
            for event in self._connection.events():
                return event
            try:
                data = self.sock.recv(65536)
                self._connection.receive_data(data or None)
            except (OSError, LocalProtocolError):
                return None

    def ask(self, message: str | bytes) -> str | bytes | int:
        """What comes back: a message, or the code of a close."""
        if isinstance(message, str):
            self.send(events.TextMessage(message))
        else:
            self.send(events.BytesMessage(message))
        return self.hear_message()

    def hear_message(self) -> str | bytes | int:
        """The next whole message, or the code of a close."""
        parts: list[str | bytes] = []
        while True:
            event = self.hear()
            if not isinstance(event, (events.TextMessage, events.BytesMessage)):
                assert isinstance(event, events.CloseConnection), event
                return event.code
            message = joined(parts, event)
            if message is not None:
                return message


def masked_frame(text: str) -> bytes:
    """A client's text message, in one frame."""
    client = wsproto.connection.Connection(wsproto.ConnectionType.CLIENT)
    return bytes(client.send(events.TextMessage(text)))


def joined(
    parts: list[str | bytes], event: events.TextMessage | events.BytesMessage
) -> str | bytes | None:
    """The message that *event* ends, of which *parts* have come before; ``None`` if it goes on."""
    parts.append(event.data if isinstance(event, events.TextMessage) else bytes(event.data))
    if not event.message_finished:
        return None
    whole = parts.copy()
    parts.clear()
    if isinstance(event, events.TextMessage):
        return "".join(p for p in whole if isinstance(p, str))
    return b"".join(p for p in whole if isinstance(p, bytes))


def read_switch(sock: ssl.SSLSocket) -> Answer:
    """The answer to a handshake; a 101 has no body."""
    head = read_head(sock)
    if head.status == 101 or "content-length" not in head.headers:
        return head
    while len(head.body) < int(head.headers["content-length"]):
        more = sock.recv(65536)
        if not more:
            break
        head.body += more
    return head
