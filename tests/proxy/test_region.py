"""A call has one target, named the same everywhere, and the catalogue's answer for it."""

from collections.abc import Callable

import pytest
from mitmproxy import http

from residency.core.identity import Token
from residency.proxy import flowstate
from residency.proxy.guard import Fault
from residency.proxy.identity import Tunnel
from residency.proxy.region import Located
from tests.proxy.conftest import CHAT, LAMBDA, Gateway

HOST = "lambda.eu-central-1.amazonaws.com"


async def located(gateway: Gateway, flow: http.HTTPFlow) -> str:
    await gateway.hook("requestheaders", flow, "front", "identity", "region")
    fault = flowstate.find(flow, Fault)
    return fault.code if fault else str(flowstate.read(flow, Located).destination.places)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        (LAMBDA.replace(".com/", ".com:8443/"), "port-refused"),
        (LAMBDA.replace("https", "http"), "plaintext-refused"),
        (LAMBDA.replace("https://", "http://").replace(".com/", ".com:443/"), "plaintext-refused"),
    ],
)
async def test_a_door_that_is_not_declared_is_closed(ready: Gateway, url: str, code: str) -> None:
    assert await located(ready, ready.flow(url)) == code


def two_hosts(flow: http.HTTPFlow) -> None:
    flow.request.headers["host"] = "evil.test"


def other_sni(flow: http.HTTPFlow) -> None:
    flow.client_conn.sni = "evil.test"


def other_tunnel(flow: http.HTTPFlow) -> None:
    flow.request.host = "evil.test"


@pytest.mark.parametrize("change", [two_hosts, other_sni, other_tunnel])
async def test_two_names_for_one_target_are_refused(
    ready: Gateway, change: Callable[[http.HTTPFlow], None]
) -> None:
    flow = ready.flow()
    flow.client_conn.sni = HOST
    proof = flow.request.headers["proxy-authorization"].removeprefix("Bearer ")
    ready.stage("identity").tunnels[flow.client_conn.id] = Tunnel(HOST, 443, Token(proof))
    change(flow)

    assert await located(ready, flow) == "host-mismatch"


@pytest.mark.parametrize(
    ("url", "places"),
    [
        (LAMBDA, "DE"),
        ("https://us.api.openai.com/v1/embeddings", "US"),
        (CHAT, "unknown"),  # until its body is read: a tool of it may call a third party
        ("https://evil.test/", "unknown"),
    ],
)
async def test_a_target_has_its_places(ready: Gateway, url: str, places: str) -> None:
    assert await located(ready, ready.flow(url)) == places


async def test_a_target_that_changes_while_the_body_is_read_is_refused(ready: Gateway) -> None:
    flow = ready.flow()
    await located(ready, flow)
    flow.request.host = flow.request.headers["host"] = "evil.test"
    await ready.hook("request", flow, "region")

    assert flowstate.read(flow, Fault).code == "host-mismatch"


async def test_trailers_are_refused(ready: Gateway) -> None:
    flow = ready.flow()
    await located(ready, flow)
    flow.request.trailers = http.Headers(x="y")
    await ready.hook("request", flow, "region")

    assert flowstate.read(flow, Fault).code == "trailers-refused"


async def test_the_stages_in_a_wrong_order_are_a_denial(ready: Gateway) -> None:
    flow = ready.flow()
    await ready.hook("request", flow, "region")

    assert flowstate.read(flow, Fault).code == "internal"


@pytest.mark.parametrize(
    ("body", "function"),
    [(b'{"model": "gpt-5"}', "openai:chat.completions:gpt-5"), (b"", "openai:chat.completions:?"),
     (b"{", "openai:chat.completions:?")],
)  # fmt: skip
async def test_the_body_tells_the_function(ready: Gateway, body: bytes, function: str) -> None:
    flow = ready.flow(CHAT, body)
    await located(ready, flow)
    await ready.hook("request", flow, "region")

    assert flowstate.read(flow, Located).destination.function == function


@pytest.mark.parametrize(("url", "open_"), [("https://x.test:25/", False), (LAMBDA, True)])
async def test_a_tunnel_leads_to_an_open_port_alone(
    ready: Gateway, url: str, *, open_: bool
) -> None:
    flow = ready.flow(url)
    await ready.hook("http_connect", flow)

    assert (flow.response is None) is open_


@pytest.mark.parametrize("upgrade", ["websocket", "h2c"])
async def test_d5_an_upgrade_by_the_target_ends_the_call_whatever_halts_the_chain(
    ready: Gateway, upgrade: str
) -> None:
    flow = await ready.call(ready.flow())
    flow.response = http.Response.make(101, b"", {"upgrade": upgrade})
    await ready.hook("responseheaders", flow, "front")

    assert flow.error is not None


async def test_no_answer_leads_past_the_gateway(ready: Gateway) -> None:
    flow = ready.flow()
    flow.response = http.Response.make(200, b"", {"Alt-Svc": 'h3=":443"', "X": "y"})
    await ready.hook("responseheaders", flow, "region")

    assert "alt-svc" not in flow.response.headers
    assert flow.response.headers["x"] == "y"
