"""A held call waits with its denial standing, and leaves only as what was approved."""

import asyncio
import dataclasses
import json
import time
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.connection import ConnectionState

from residency.core.hold import Hold, State
from residency.core.identity import Caller
from residency.errors import HoldError, LedgerError
from residency.proxy import flowstate
from residency.proxy.guard import Fault
from residency.proxy.hold import Held, has_gone
from tests.policies import caller
from tests.proxy.conftest import CHAT, Gateway, problem_of

BODY = b'{"model": "gpt-5", "user": {"email": "CANARY@example.com"}}'
OFFICER = caller("compliance", subject="officer")


async def held(
    gateway: Gateway, flow: http.HTTPFlow | None = None
) -> tuple[http.HTTPFlow, Any, str]:
    """A call that waits in its hold."""
    flow = flow or gateway.flow(CHAT, BODY)
    task = asyncio.ensure_future(gateway.call(flow))
    for _ in range(400):
        await asyncio.sleep(0.005)
        if flow.id in gateway.runtime.holds.of_flow:
            return flow, task, gateway.runtime.holds.of_flow[flow.id]
        if task.done():
            break
    raise AssertionError(flow.metadata)


async def rule(gateway: Gateway, id_: str, *, approve: bool = True, who: Caller = OFFICER) -> Hold:
    found = await gateway.stage("approve").rule(id_, who, approve=approve, reason="because")
    assert isinstance(found, Hold)
    return found


async def test_a_held_call_has_its_denial_all_the_while(ready: Gateway) -> None:
    flow, task, _ = await held(ready)
    assert flow.response is not None
    assert not flow.intercepted

    task.cancel()


async def test_an_approved_call_leaves_once(ready: Gateway) -> None:
    flow, task, id_ = await held(ready)
    await rule(ready, id_)
    await task

    assert flow.response is None
    assert flowstate.read(flow, Held).state is State.USED
    assert flow.request.content == BODY
    with pytest.raises(HoldError):
        ready.runtime.holds.use(id_)


async def test_two_identical_calls_at_once_are_two_holds_and_one_ruling_lets_one_go(
    ready: Gateway,
) -> None:
    first, one, id_ = await held(ready)
    second, two, other = await held(ready)
    await rule(ready, id_)
    await one

    assert id_ != other
    assert (first.response, ready.runtime.holds.of_flow[second.id]) == (None, other)
    assert not two.done()
    assert second.response is not None

    await rule(ready, other, approve=False)
    await two
    assert problem_of(second)["code"] == "denied"


async def test_a_denied_call_is_told_so(ready: Gateway) -> None:
    flow, task, id_ = await held(ready)
    await rule(ready, id_, approve=False)
    await task

    assert (problem_of(flow)["code"], problem_of(flow)["approval"]) == ("denied", id_)


async def test_a_call_that_was_edited_while_it_was_held_is_stale(ready: Gateway) -> None:
    flow, task, id_ = await held(ready)
    flow.request.content = b'{"model": "gpt-5", "user": {"email": "other@example.com"}}'
    await rule(ready, id_)
    await task

    assert problem_of(flow)["code"] == "stale"


async def test_rules_that_changed_while_it_was_held_make_it_stale(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, task, id_ = await held(ready)
    await rule(ready, id_)
    now = ready.runtime.configuration
    policy = dataclasses.replace(now.policy, digest="other")
    monkeypatch.setattr(ready.runtime, "_configuration", dataclasses.replace(now, policy=policy))
    await task

    assert problem_of(flow)["code"] == "stale"


async def test_a_caller_whose_token_ran_out_while_held_is_refused(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow, task, id_ = await held(ready)
    past = time.time() + 3600 * 48
    monkeypatch.setattr("residency.proxy.callers.time.time", lambda: past)
    await rule(ready, id_)
    await task

    assert problem_of(flow)["code"] == "identity-expired"


async def test_a_client_that_has_gone_gets_nothing_sent_and_its_retry_finds_the_approval(
    ready: Gateway,
) -> None:
    flow, task, id_ = await held(ready)
    flow.client_conn.state = ConnectionState.CLOSED
    await task
    assert flowstate.read(flow, Fault).code == "aborted"
    await rule(ready, id_)
    again = await ready.call(ready.flow(CHAT, BODY))

    assert again.response is None
    assert flowstate.read(again, Held).hold == id_


async def test_an_approval_that_could_not_be_used_waits_for_the_next_attempt(
    ready: Gateway,
) -> None:
    flow, task, id_ = await held(ready)
    flow.client_conn.state = ConnectionState.CLOSED
    await task
    await rule(ready, id_)
    gone = ready.flow(CHAT, BODY)
    gone.client_conn.state = ConnectionState.CLOSED
    await ready.call(gone)
    again = await ready.call(ready.flow(CHAT, BODY))

    assert gone.response is not None
    assert again.response is None


@pytest.mark.parametrize("other", [b'{"model": "gpt-5", "user": {"email": "x@example.com"}}'])
async def test_an_approval_is_for_the_exact_call(ready: Gateway, other: bytes) -> None:
    flow, task, id_ = await held(ready)
    flow.client_conn.state = ConnectionState.CLOSED
    await task
    await rule(ready, id_)
    _, other_task, other_id = await held(ready, ready.flow(CHAT, other))

    assert other_id != id_
    other_task.cancel()


async def test_a_cancelled_wait_lifts_nothing_and_forgets_the_hold(ready: Gateway) -> None:
    flow, task, id_ = await held(ready)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert flow.response is not None
    assert ready.runtime.holds.get(id_) is None


async def test_a_hold_that_cannot_be_recorded_is_none(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(kind: str, fields: object) -> None:
        raise LedgerError("full")

    monkeypatch.setattr(ready.runtime.ledger, "append", full)
    flow = await ready.call(ready.flow(CHAT, BODY))

    assert problem_of(flow)["code"] == "ledger"
    assert ready.runtime.holds.visible(["compliance"]) == []


async def test_a_body_that_is_too_large_to_hold_is_refused(ready: Gateway) -> None:
    flow = await ready.call(ready.flow(CHAT, BODY[:-1] + b" " * 1000 + b"}"))

    assert problem_of(flow)["code"] == "hold-full"


async def test_a_wait_that_ran_out_is_told_with_the_approval_to_come(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = ready.runtime.holds.wait

    async def short(id_: str, **kwargs: Any) -> Hold:
        return await real(id_, **kwargs | {"seconds": 0})

    monkeypatch.setattr(ready.runtime.holds, "wait", short)
    flow = await ready.call(ready.flow(CHAT, BODY))

    assert flow.response is not None
    assert flow.response.status_code == 503
    assert flow.response.headers["retry-after"]
    assert ready.runtime.holds.get(problem_of(flow)["approval"])


async def test_neither_approver_nor_ledger_sees_a_value(ready: Gateway) -> None:
    _, task, id_ = await held(ready)
    seen = ready.runtime.holds.get(id_)
    assert seen is not None
    await rule(ready, id_)
    await task

    assert "CANARY" not in json.dumps(seen.view) + ready.ledger_path.read_text()
    assert seen.view["carrying"]["counts"]["personal-data"] == {"$..email": 1}  # type: ignore[index, call-overload]


async def test_the_ledger_has_hold_ruling_and_decision_in_order(ready: Gateway) -> None:
    _, task, id_ = await held(ready)
    await rule(ready, id_)
    await task

    assert [r["kind"] for r in ready.records()] == ["start", "hold", "ruling", "decision"]


async def test_a_call_that_is_not_held_is_none_of_this(ready: Gateway) -> None:
    flow = await ready.call(ready.flow())

    assert not flowstate.has(flow, Held)


def test_a_client_that_can_still_send_has_not_gone() -> None:
    from mitmproxy.test import tflow

    client = tflow.tclient_conn()
    client.state = ConnectionState.OPEN
    here = has_gone(client)
    client.state = ConnectionState.CAN_WRITE

    assert (here, has_gone(client)) == (False, True)
