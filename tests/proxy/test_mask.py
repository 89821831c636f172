"""Regulated fields are changed and nothing else, or the call is blocked."""

import pytest
from mitmproxy import http

from residency.core.policy.decide import Decision
from residency.core.policy.rule import Action
from residency.proxy import flowstate, seal
from residency.proxy.guard import Fault
from residency.proxy.mask import Masked
from residency.proxy.runtime import OFF_LOOP
from tests.proxy.conftest import CHAT, Gateway, problem_of

BODY = b'{ "model":"gpt-5", "email" : "CANARY@x", "n":1.0 }'


async def masked(gateway: Gateway, body: bytes = BODY, /, **headers: str) -> http.HTTPFlow:
    return await gateway.call(gateway.flow(CHAT, body, groups=["analytics"], **headers))


@pytest.mark.parametrize(
    "name", ["content_digest", "content_md5", "signature_input", "x_amz_content_sha256"]
)
async def test_a_signed_body_is_not_changed_and_not_sent(ready: Gateway, name: str) -> None:
    flow = await masked(ready, BODY, **{name: "x"})

    assert (problem_of(flow)["code"], problem_of(flow)["reason"]) == ("unmaskable", "signed")


async def test_a_body_that_turns_out_unreadable_is_not_sent(ready: Gateway) -> None:
    flow = ready.flow(CHAT, b"{")
    flowstate.write(flow, ready.runtime.ticket())
    flowstate.write(
        flow, Decision(action=Action.MASK, rule="r", code=None, masks=("personal-data",))
    )
    seal.put(flow, ready.runtime.secret, ready.runtime.policy_digest)
    await ready.hook("request", flow, "mask")

    assert flowstate.read(flow, Fault) == Fault(code="unmaskable", detail="not-json")


async def test_a_body_that_changed_since_it_was_judged_is_not_masked(ready: Gateway) -> None:
    flow = ready.flow(CHAT, BODY)
    flowstate.write(flow, ready.runtime.ticket())
    flowstate.write(
        flow, Decision(action=Action.MASK, rule="r", code=None, masks=("personal-data",))
    )
    seal.put(flow, ready.runtime.secret, ready.runtime.policy_digest)
    flow.request.content = b"{}"
    await ready.hook("request", flow, "mask")

    assert flowstate.read(flow, Fault).code == "stale"


async def test_the_fields_are_masked_and_the_rest_stays_byte_for_byte(ready: Gateway) -> None:
    flow = await masked(ready)

    assert flow.response is None
    assert flow.request.raw_content == BODY.replace(b"CANARY@x", b"***")


async def test_a_masked_body_has_one_framing(ready: Gateway) -> None:
    flow = ready.flow(CHAT, BODY, groups=["analytics"], transfer_encoding="chunked")
    flow.request.headers.pop("content-length", None)
    await ready.call(flow)

    assert "transfer-encoding" not in flow.request.headers
    assert flow.request.headers["content-length"] == str(len(flow.request.raw_content or b""))


async def test_a_large_body_is_masked_too(ready: Gateway) -> None:
    flow = await masked(ready, BODY.replace(b"1.0", b'"' + b"x" * OFF_LOOP + b'"'))

    assert b"CANARY" not in (flow.request.raw_content or b"CANARY")


async def test_names_and_counts_are_recorded_and_no_value(ready: Gateway) -> None:
    flow = await masked(ready)

    assert flowstate.read(flow, Masked).counts["personal-data"]["$..email"] == 1
    assert "CANARY" not in str(flow.metadata) + ready.ledger_path.read_text()


async def test_what_needs_no_mask_is_sent_as_it_is(ready: Gateway) -> None:
    flow = await masked(ready, b'{ "model" : "gpt-5" }')

    assert (flow.response, flow.request.raw_content) == (None, b'{ "model" : "gpt-5" }')
