"""A call is decided as soon as its answer is certain, and sealed as it was judged."""

import pytest

from residency.core.policy.decide import Carrying, Decision
from residency.proxy import flowstate
from residency.proxy.guard import Fault
from residency.proxy.runtime import OFF_LOOP
from residency.proxy.seal import Seal
from tests.proxy.conftest import CHAT, LAMBDA, Gateway

STAGES = ("front", "identity", "region", "policy")


async def decided(gateway: Gateway, body: bytes, url: str = CHAT) -> Decision:
    flow = gateway.flow(url, body)
    await gateway.hook("requestheaders", flow, *STAGES)
    await gateway.hook("request", flow, *STAGES)
    return flowstate.read(flow, Decision)


async def test_without_the_stages_before_it_a_call_is_denied(ready: Gateway) -> None:
    flow = ready.flow()
    await ready.hook("requestheaders", flow, "policy")

    assert flowstate.read(flow, Fault).code == "internal"
    assert not flowstate.has(flow, Decision)


async def test_what_the_head_decides_is_decided_and_sealed_at_once(ready: Gateway) -> None:
    flow = ready.flow(LAMBDA)
    await ready.hook("requestheaders", flow, *STAGES)

    assert flowstate.read(flow, Decision).rule == "eea-is-home"
    assert flowstate.has(flow, Seal)


async def test_what_the_body_decides_is_not_decided_before_it(ready: Gateway) -> None:
    flow = ready.flow(CHAT)
    await ready.hook("requestheaders", flow, *STAGES)

    assert not flowstate.has(flow, Decision)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (b"{}", "clean-calls-may-use-us-models"),
        (b'{"email": "a"}', "ask-compliance"),
        (b'{"email": "a", "x": "' + b"x" * OFF_LOOP + b'"}', "ask-compliance"),
        (b'{"diagnosis": "a"}', "no-health-data-abroad"),
        (b"not json", "no-health-data-abroad"),
    ],
    ids=["clean", "personal", "large", "health", "unread"],
)
async def test_the_body_decides(ready: Gateway, body: bytes, rule: str) -> None:
    assert (await decided(ready, body)).rule == rule


async def test_a_body_that_was_not_kept_is_unread(ready: Gateway) -> None:
    flow = ready.flow(CHAT)
    await ready.hook("requestheaders", flow, *STAGES)
    flow.request.raw_content = None
    await ready.hook("request", flow, "identity", "region", "policy")

    assert flowstate.read(flow, Carrying).state == "unread"
