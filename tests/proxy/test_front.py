"""Every call is denied before anything else sees it, and what is not HTTP is ended."""

from typing import Any

import pytest
from mitmproxy import tls
from mitmproxy.proxy import context, server_hooks
from mitmproxy.test import tflow

from residency.proxy import flowstate
from residency.proxy.flowstate import Ticket
from tests.proxy.conftest import LAMBDA, Gateway


@pytest.mark.parametrize("hook", ["http_connect", "requestheaders"])
async def test_a_call_is_denied_and_yesterday_forgotten(loaded: Gateway, hook: str) -> None:
    flow = loaded.flow()
    flowstate.write(flow, Ticket(id="x", at=1.0, settled="released"))
    await loaded.hook(hook, flow, "front")

    assert flow.response is not None
    assert (flow.response.status_code, flow.metadata) == (503, {})


@pytest.mark.parametrize("hook", ["http_connect", "requestheaders", "request"])
async def test_before_the_start_every_call_is_refused(loaded: Gateway, hook: str) -> None:
    flow = loaded.flow()
    await loaded.hook(hook, flow)

    assert flow.response is not None
    assert flow.response.status_code >= 500


def connecting(gateway: Gateway, host: str, port: int, client: str) -> str | None:
    data = server_hooks.ServerConnectionHookData(tflow.tserver_conn(), tflow.tclient_conn())
    data.server.address, data.client.id = (host, port), client
    gateway.front.server_connect(data)
    return data.server.error


async def test_nothing_is_connected_to_without_a_decision(ready: Gateway) -> None:
    assert connecting(ready, "lambda.eu-central-1.amazonaws.com", 443, "c")


async def test_a_released_call_connects_where_it_was_judged_and_nowhere_else(
    ready: Gateway,
) -> None:
    flow = await ready.call(ready.flow(LAMBDA))
    host, client = flow.request.host, flow.client_conn.id

    assert connecting(ready, host, 443, client) is None
    assert connecting(ready, host, 80, client)
    assert connecting(ready, "evil.test", 443, client)
    assert connecting(ready, host, 443, "another")


@pytest.mark.parametrize(
    ("hook", "make"),
    [("tcp_start", tflow.ttcpflow), ("udp_start", tflow.tudpflow), ("dns_request", tflow.tdnsflow), ("websocket_start", tflow.twebsocketflow)],
)  # fmt: skip
async def test_what_is_not_http_is_ended(loaded: Gateway, hook: str, make: Any) -> None:
    flow = make()
    flow.live = True
    getattr(loaded.front, hook)(flow)

    assert flow.error is not None


async def test_a_websocket_message_is_dropped(loaded: Gateway) -> None:
    flow = tflow.twebsocketflow()
    loaded.front.websocket_message(flow)

    assert flow.websocket is not None
    assert flow.websocket.messages[-1].dropped


async def test_no_tunnel_passes_unread(loaded: Gateway) -> None:
    data = tls.ClientHelloData(context.Context(tflow.tclient_conn(), loaded.context.options), None)  # type: ignore[arg-type]
    data.ignore_connection = True
    loaded.front.tls_clienthello(data)

    assert data.ignore_connection is False
