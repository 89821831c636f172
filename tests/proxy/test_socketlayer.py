"""What mitmproxy's own WebSocket layer would pass by its hooks does not pass; e2e/test_websockets.py has the rest."""

from collections.abc import Iterator
from typing import Any

import pytest
import wsproto.events
from mitmproxy import http
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import websocket
from mitmproxy.test import taddons, tflow
from mitmproxy.websocket import WebSocketMessage
from wsproto.connection import Connection as WsConnection
from wsproto.connection import ConnectionType
from wsproto.frame_protocol import CloseReason, Opcode

from residency.core.mask.session import Session
from residency.core.policy.decide import Decision
from residency.core.policy.rule import Action
from residency.proxy import socketlayer
from residency.proxy.sockets import Channel, Sockets, asks
from tests.proxy.conftest import Gateway


class Connection:
    """A layer between two ends, of which this is the client's, and whose hooks are answered by hand."""

    def __init__(self, context: Any, sockets: Sockets, *, is_open: bool = True) -> None:
        self.flow = tflow.twebsocketflow()
        self.channel = Channel(
            configuration=None,  # type: ignore[arg-type]
            decision=Decision(action=Action.ALLOW),
            sent=Session(), received=Session(),
        )  # fmt: skip
        if is_open:
            sockets.open(self.flow, self.channel)
        self.client = WsConnection(ConnectionType.CLIENT)
        self.layer = socketlayer.SocketLayer(
            Context(self.flow.client_conn, context.options), self.flow
        )
        self.layer.context.server = self.layer.server.conn = self.flow.server_conn
        self.did: list[commands.Command] = []
        self.feed(events.Start())
        self.answer(websocket.WebsocketStartHook)

    def feed(self, event: events.Event) -> None:
        self.did += self.layer.handle_event(event)

    def answer(self, kind: type[commands.StartHook]) -> http.HTTPFlow:
        """The hook that the layer waits for has run."""
        hook = self.did[-1]
        assert isinstance(hook, kind)
        self.feed(events.HookCompleted(hook))
        return self.flow

    def send(self, *sent: wsproto.events.Event) -> None:
        self.send_raw(b"".join(self.client.send(event) for event in sent))

    def send_raw(self, data: bytes) -> None:
        self.feed(events.DataReceived(self.flow.client_conn, data))

    def let_go(self) -> None:
        assert self.flow.websocket is not None
        self.flow.websocket.messages[-1].dropped = False
        self.answer(websocket.WebsocketMessageHook)

    def wake(self) -> None:
        asked = next(c for c in reversed(self.did) if isinstance(c, commands.RequestWakeup))
        self.feed(events.Wakeup(asked))

    def sent_on(self) -> bytes:
        """All that has gone to the far side."""
        return b"".join(
            c.data for c in self.did
            if isinstance(c, commands.SendData) and c.connection is self.flow.server_conn
        )  # fmt: skip

    def code(self) -> int | None:
        assert self.flow.websocket is not None
        return self.flow.websocket.close_code if self.flow.websocket.timestamp_end else None


@pytest.fixture
def sockets() -> Iterator[Sockets]:
    found = Sockets()
    socketlayer.install(1000, found)
    yield found
    socketlayer.uninstall()


@pytest.fixture
def context() -> Iterator[Any]:
    with taddons.context() as found:
        yield found


@pytest.fixture
def connection(context: Any, sockets: Sockets) -> Connection:
    made = Connection(context, sockets)
    assert made.flow.websocket is not None
    made.flow.websocket.timestamp_end = None
    return made


def test_a_message_put_in_at_a_console_is_not_heard(connection: Connection) -> None:
    before = len(connection.did)
    one = WebSocketMessage(Opcode.TEXT, True, b"x", injected=True)
    connection.feed(websocket.WebSocketMessageInjected(connection.flow, one))

    assert len(connection.did) == before


def test_d9_a_message_of_which_no_hook_has_heard_does_not_pass(connection: Connection) -> None:
    connection.send(wsproto.events.TextMessage("canary-4711"))
    connection.answer(websocket.WebsocketMessageHook)

    assert b"canary" not in connection.sent_on()
    assert connection.code() == CloseReason.POLICY_VIOLATION


def test_d11_a_message_is_forgotten_once_it_has_passed(connection: Connection) -> None:
    connection.send(wsproto.events.TextMessage("x"))
    connection.let_go()

    assert connection.flow.websocket is not None
    assert connection.flow.websocket.messages == []
    assert connection.sent_on()
    assert connection.code() is None


def test_messages_keep_their_order_while_a_hook_works(connection: Connection) -> None:
    connection.send(*(wsproto.events.TextMessage(f"{n}") for n in range(3)))
    connection.send(wsproto.events.TextMessage("3"))
    for n in range(4):
        assert connection.flow.websocket is not None
        assert connection.flow.websocket.messages[-1].content == b"%d" % n
        connection.let_go()


def test_what_follows_a_message_that_was_dropped_is_not_heard(connection: Connection) -> None:
    connection.send(wsproto.events.TextMessage("x"), wsproto.events.TextMessage("y"))
    connection.send(wsproto.events.TextMessage("z"))
    connection.answer(websocket.WebsocketMessageHook)
    connection.answer(websocket.WebsocketEndHook)

    hooks = [type(c) for c in connection.did if isinstance(c, commands.StartHook)]
    assert hooks == [
        websocket.WebsocketStartHook, websocket.WebsocketMessageHook, websocket.WebsocketEndHook,
    ]  # fmt: skip


def test_text_that_is_not_utf_8_ends_the_connection(connection: Connection) -> None:
    # Masked with a key of zeros.
    connection.send_raw(b"\x81\x82\0\0\0\0\xc3\x28")

    assert connection.code() == CloseReason.INVALID_FRAME_PAYLOAD_DATA


@pytest.mark.parametrize(
    "frame",
    [
        b"\xc1\x81\0\0\0\0x",  # compressed, and no compression was agreed on
        b"\x81\x01x",  # a client's frame without a mask
        b"\x80\x81\0\0\0\0x",  # the end of a message that has not begun
        b"\x83\x81\0\0\0\0x",  # a kind that is none
        b"\x09\x81\0\0\0\0x",  # half a ping
        b"\x88\x81\0\0\0\0x",  # half a code
    ],
)
def test_frames_that_are_none_end_the_connection(connection: Connection, frame: bytes) -> None:
    connection.send_raw(frame)

    assert connection.code() == CloseReason.PROTOCOL_ERROR
    assert len(connection.sent_on()) == 8


def test_d10_control_frames_within_a_message_stay_here(connection: Connection) -> None:
    connection.send(wsproto.events.TextMessage("a", message_finished=False))
    connection.send(wsproto.events.Ping(b"canary-4711"), wsproto.events.Pong(b"canary-4711"))
    assert connection.sent_on() == b""
    connection.send(wsproto.events.TextMessage("b"))
    assert connection.flow.websocket is not None
    assert connection.flow.websocket.messages[-1].content == b"ab"
    connection.let_go()

    server = WsConnection(ConnectionType.SERVER)
    server.receive_data(connection.sent_on())
    assert [type(e) for e in server.events()] == [wsproto.events.TextMessage]


def test_without_a_decision_it_ends_as_it_begins(context: Any, sockets: Sockets) -> None:
    made = Connection(context, sockets, is_open=False)

    assert made.code() == CloseReason.POLICY_VIOLATION


@pytest.mark.parametrize("killed", [False, True])
def test_d12_a_silence_is_ended_unless_the_stages_say_that_it_may_last(
    connection: Connection, *, killed: bool
) -> None:
    connection.wake()
    connection.channel.stands = killed
    connection.flow.error = tflow.terr() if killed else None
    connection.answer(socketlayer.WebsocketCheckHook)

    assert connection.code() == CloseReason.POLICY_VIOLATION


def test_a_yes_is_for_one_time(connection: Connection) -> None:
    connection.wake()
    connection.channel.stands = True
    connection.answer(socketlayer.WebsocketCheckHook)
    assert isinstance(connection.did[-1], commands.RequestWakeup)
    connection.wake()
    connection.answer(socketlayer.WebsocketCheckHook)

    assert connection.code() == CloseReason.POLICY_VIOLATION


class Transport:
    def __init__(self) -> None:
        self.calls: list[str] = []

    def pause_reading(self) -> None:
        self.calls.append("pause")

    def resume_reading(self) -> None:
        self.calls.append("resume")


def test_d11_a_flood_waits_for_the_hook(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    transport = Transport()
    monkeypatch.setattr(socketlayer, "_transport", lambda _conn: transport)
    message = connection.client.send(wsproto.events.BytesMessage(b"x" * 1000))
    connection.send_raw(message)
    many = socketlayer.MAX_AHEAD // len(message) + 1
    for _ in range(many):
        connection.send_raw(message)
    assert set(transport.calls) == {"pause"}
    for _ in range(many - 1):
        connection.let_go()
        assert "resume" not in transport.calls
    connection.let_go()

    assert transport.calls[-1] == "resume"


async def test_it_is_in_force_while_the_gateway_runs_and_no_longer(ready: Gateway) -> None:
    assert socketlayer.is_installed()
    ready.runtime.stop()

    assert not socketlayer.is_installed()
    assert not asks(tflow.tflow())
