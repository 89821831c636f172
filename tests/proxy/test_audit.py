"""No record, no call: the denial is lifted after the decision is on the disk, and by nothing else."""

import asyncio
import dataclasses
from typing import Any

import pytest
from mitmproxy import flow as mitmproxy_flow
from mitmproxy import http

from residency.core.hold import State
from residency.core.policy.decide import Carrying, Decision
from residency.core.policy.rule import Action
from residency.errors import CODES, LedgerError
from residency.proxy import flowstate
from residency.proxy.flowstate import Ticket
from residency.proxy.guard import Fault
from residency.proxy.hold import Held
from residency.proxy.identity import Known
from residency.proxy.mask import Masked
from residency.proxy.region import Located
from residency.proxy.seal import Seal
from tests.proxy.conftest import CHAT, LAMBDA, Gateway, caller_token, problem_of

BEFORE = ("front", "identity", "region", "policy", "mask", "hold", "approve")


async def judged(
    gateway: Gateway,
    *,
    groups: tuple[str, ...] = ("eu-services",),
    url: str = CHAT,
    body: bytes = b"{}",
) -> http.HTTPFlow:
    """A permitted call as it comes to the last stage."""
    flow = gateway.flow(url, body, groups=list(groups))
    await gateway.hook("requestheaders", flow, *BEFORE)
    await gateway.hook("request", flow, *BEFORE)
    assert flow.response is not None
    return flow


def released(gateway: Gateway, flow: http.HTTPFlow) -> bool:
    reachable = gateway.runtime.resolver.may_connect(
        flow.client_conn.id, (flow.request.host, flow.request.port)
    )
    assert reachable is (flow.response is None)
    return reachable


class Broken:
    """Fails in place of the ledger."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    async def append(self, _kind: str, _fields: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (LedgerError("no space left"), "ledger"),
        (OSError(28, "CANARY"), "internal"),
        (RuntimeError("CANARY"), "internal"),
        (asyncio.CancelledError(), "internal"),
        (SystemExit(), "internal"),
    ],
    ids=["ledger", "os", "runtime", "cancelled", "exit"],
)
async def test_a_ledger_that_fails_denies(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: str
) -> None:
    flow = await judged(ready)
    with monkeypatch.context() as patch:
        patch.setattr(ready.runtime, "_ledger", Broken(error))
        await ready.hook("request", flow, "audit")

    assert problem_of(flow)["code"] == code
    assert not released(ready, flow)
    assert "CANARY" not in (flow.response.text or "") if flow.response else False


async def test_a_ledger_that_fails_denies_what_the_head_decided(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = ready.flow(LAMBDA)
    with monkeypatch.context() as patch:
        patch.setattr(ready.runtime, "_ledger", Broken(LedgerError("full")))
        await ready.hook("requestheaders", flow)

    assert not released(ready, flow)


async def test_a_cancelled_record_ends_the_connection_with_the_denial_in_place(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = asyncio.Event()

    async def never(_kind: str, _fields: object) -> None:
        entered.set()
        await asyncio.Event().wait()

    flow = await judged(ready)
    monkeypatch.setattr(ready.runtime.ledger, "append", never)
    task = asyncio.ensure_future(ready.hook("request", flow, "audit"))
    await entered.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not released(ready, flow)


@pytest.mark.parametrize("kind", [Ticket, Known, Located, Carrying, Decision, Seal])
@pytest.mark.parametrize("odd", [None, {"x": 1}], ids=["missing", "odd"])
async def test_a_stage_that_left_nothing_denies(ready: Gateway, kind: Any, odd: Any) -> None:
    flow = await judged(ready)
    flow.metadata[flowstate.PREFIX + kind.stage] = odd
    if odd is None:
        del flow.metadata[flowstate.PREFIX + kind.stage]
    await ready.hook("request", flow, "audit")

    assert problem_of(flow)["code"] == "internal"
    assert not released(ready, flow)


async def test_a_mask_that_was_not_made_denies(ready: Gateway) -> None:
    flow = await judged(ready, groups=("analytics",))
    del flow.metadata[flowstate.PREFIX + Masked.stage]
    await ready.hook("request", flow, "audit")

    assert not released(ready, flow)


@pytest.mark.parametrize("state", [s for s in State if s is not State.USED])
async def test_a_hold_whose_exception_was_not_spent_denies(ready: Gateway, state: State) -> None:
    flow = await judged(ready)
    decision = Decision(action=Action.HOLD, rule="ask-compliance", code="held")
    flowstate.write(flow, decision)
    flowstate.write(flow, Held(hold="x", state=state))
    await ready.hook("request", flow, "audit")

    assert not released(ready, flow)


async def test_a_call_that_changed_after_it_was_judged_is_stale(ready: Gateway) -> None:
    flow = await judged(ready)
    flow.request.headers["x-added"] = "later"
    await ready.hook("request", flow, "audit")

    assert problem_of(flow)["code"] == "stale"
    assert not released(ready, flow)


async def test_a_gateway_that_closes_meanwhile_releases_nothing(ready: Gateway) -> None:
    flow = await judged(ready)
    ready.runtime.ready = False
    await ready.hook("request", flow, "audit")

    assert not released(ready, flow)


async def test_a_connect_without_a_caller_is_refused_and_recorded(ready: Gateway) -> None:
    flow = ready.flow(proof="")
    await ready.hook("http_connect", flow)

    assert flow.response is not None
    assert flow.response.headers["proxy-authenticate"]
    assert [d["code"] for d in ready.decisions()] == ["identity-missing"]


async def test_yesterdays_release_is_not_todays(ready: Gateway) -> None:
    """Copied and replayed flows carry an earlier run's records."""
    flow = await ready.call(ready.flow(LAMBDA))
    assert released(ready, flow)
    again = flow.copy()
    again.request.headers["proxy-authorization"] = "Bearer x"
    await ready.call(again)

    assert again.response is not None


# What goes well


@pytest.mark.parametrize(
    ("url", "groups", "body", "action"),
    [
        (LAMBDA, "eu-services", b"not json", "allow"),
        (CHAT, "eu-services", b"{}", "allow"),
        (CHAT, "analytics", b'{"email": "CANARY"}', "mask"),
        (CHAT, "analytics", b'{"diagnosis": "CANARY"}', "block"),
        (CHAT, "strangers", b"CANARY", "block"),
    ],
)
async def test_every_call_leaves_one_decision_without_a_value(
    ready: Gateway, url: str, groups: str, body: bytes, action: str
) -> None:
    flow = await ready.call(ready.flow(url, body, groups=[groups]))
    found = ready.decisions()

    assert released(ready, flow) is (action != "block")
    assert [(d["action"], d["permitted"]) for d in found] == [(action, action != "block")]
    assert found[0]["policy"] == ready.runtime.policy_digest
    assert "CANARY" not in ready.ledger_path.read_text()
    assert "score" not in str(found[0]["call"])


async def test_what_the_head_decides_is_streamed(ready: Gateway) -> None:
    flow = await ready.call(ready.flow(LAMBDA))

    assert flow.request.stream is True


async def test_a_refusal_names_decision_rule_and_places(ready: Gateway) -> None:
    flow = await ready.call(ready.flow(CHAT, b'{"diagnosis": 1}'))
    told = problem_of(flow)

    assert flow.response is not None
    assert (flow.response.status_code, told["rule"], told["places"]) == (
        451,
        "no-health-data-abroad",
        ["US"],
    )
    assert told["decision"] == flow.response.headers["residency-decision"]
    assert told["decision"] == ready.decisions()[0]["decision"]


async def test_http2_is_released_with_a_length(ready: Gateway) -> None:
    """mitmproxy 12.2.3 would send it to an HTTP/1 server without any framing."""
    flow = ready.flow(LAMBDA, b"{}")
    flow.request.http_version, flow.client_conn.alpn = "HTTP/2.0", b"h2"
    del flow.request.headers["content-length"]
    await ready.call(flow)

    assert flow.response is None
    assert flow.request.headers["content-length"] == "2"


async def test_the_answer_is_recorded_once(ready: Gateway) -> None:
    flow = await ready.call(ready.flow(LAMBDA))
    flow.response = http.Response.make(200, b"CANARY")
    for _ in range(2):
        await ready.hook("responseheaders", flow)
        await ready.hook("response", flow)
    await asyncio.gather(*ready.runtime._tasks)
    outcomes = [r for r in ready.records() if r["kind"] == "outcome"]

    assert [(o["status"], o["decision"]) for o in outcomes] == [
        (200, flowstate.read(flow, Ticket).id)
    ]
    assert flow.response.stream is True


async def test_a_released_call_that_fails_has_an_outcome(ready: Gateway) -> None:
    flow = await ready.call(ready.flow(LAMBDA))
    flow.error = mitmproxy_flow.Error("CANARY")
    await ready.hook("error", flow)
    await asyncio.gather(*ready.runtime._tasks)

    assert ready.records()[-1]["error"] == "upstream-or-client"


async def test_a_call_that_ends_before_it_is_decided_is_recorded(ready: Gateway) -> None:
    flow = ready.flow(CHAT)
    await ready.hook("requestheaders", flow)
    flow.error = mitmproxy_flow.Error("gone")
    await ready.hook("error", flow)

    assert [d["code"] for d in ready.decisions()] == ["aborted"]


async def test_a_call_that_met_no_stage_is_recorded_when_it_ends(ready: Gateway) -> None:
    flow = ready.flow()
    flow.error = mitmproxy_flow.Error("bad request")
    await ready.hook("error", flow)

    assert [(d["code"], d["caller"]) for d in ready.decisions()] == [("aborted", None)]


async def test_a_fault_keeps_the_code_of_the_stage_that_had_it(ready: Gateway) -> None:
    flow = await judged(ready)
    flowstate.write(flow, Fault(code="address-refused", detail="x"))
    await ready.hook("request", flow, "audit")

    assert problem_of(flow)["code"] == ready.decisions()[0]["fault"] == "address-refused"


@pytest.mark.parametrize("code", CODES)
async def test_any_fault_is_refused_with_its_own_status(ready: Gateway, code: str) -> None:
    flow = await judged(ready)
    flowstate.write(flow, Fault(code=code))
    await ready.hook("request", flow, "audit")

    assert flow.response is not None
    assert flow.response.status_code == CODES[code].status
    assert not released(ready, flow)


async def test_two_calls_have_two_decisions(ready: Gateway) -> None:
    proof = caller_token()
    for _ in range(2):
        await ready.call(ready.flow(LAMBDA, proof=proof))

    assert len({d["decision"] for d in ready.decisions()}) == 2


async def test_the_decision_in_the_ledger_is_the_one_that_was_made(ready: Gateway) -> None:
    flow = await judged(ready)
    decision = flowstate.read(flow, Decision)
    await ready.hook("request", flow, "audit")

    assert Decision.from_plain(ready.decisions()[0]["decided"]) == decision
    assert dataclasses.replace(decision, action=Action.BLOCK) != decision
