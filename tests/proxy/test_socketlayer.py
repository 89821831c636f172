"""What mitmproxy's own WebSocket layer would pass by the hooks does not pass; e2e/test_websockets.py has the rest."""

from collections.abc import Iterator

import pytest
from mitmproxy.proxy import events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layers import websocket
from mitmproxy.test import taddons, tflow
from mitmproxy.websocket import WebSocketMessage
from wsproto.frame_protocol import Opcode

from residency.proxy import socketlayer
from residency.proxy.sockets import asks
from tests.proxy.conftest import Gateway


@pytest.fixture
def layer() -> Iterator[socketlayer.SocketLayer]:
    flow = tflow.twebsocketflow()
    with taddons.context() as context:
        yield socketlayer.SocketLayer(Context(flow.client_conn, context.options), flow)


def test_a_message_put_in_at_a_console_meets_no_connection(
    layer: socketlayer.SocketLayer,
) -> None:
    started = layer.start(events.Start())
    assert [type(c) for c in started] == [websocket.WebsocketStartHook]
    one = WebSocketMessage(Opcode.TEXT, True, b"x", injected=True)

    assert list(layer.relay_messages(websocket.WebSocketMessageInjected(layer.flow, one))) == []
    assert list(layer.client_ws.events()) == []


async def test_it_is_in_force_while_the_gateway_runs_and_no_longer(ready: Gateway) -> None:
    assert socketlayer.is_installed()
    ready.runtime.stop()

    assert not socketlayer.is_installed()
    assert not asks(tflow.tflow())
