"""A message passes if every stage has vouched for it as it is; whatever else happens, it stays dropped."""

import asyncio
import dataclasses
import datetime
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.test import tflow
from mitmproxy.websocket import WebSocketData, WebSocketMessage
from wsproto.frame_protocol import Opcode

from residency.core.mask.session import Session
from residency.core.policy.decide import Decision
from residency.core.policy.rule import Action, Basis
from residency.core.replay import replay
from residency.errors import CallError, StageError, Unread
from residency.proxy import messages
from residency.proxy.flowstate import was_released
from residency.proxy.sockets import MAX_KEPT, VOUCHERS, Channel, Sockets, asks
from tests.feeds import aws
from tests.proxy.conftest import LAMBDA, Gateway, problem_of
from tests.proxy.test_feeds import opened as feeds_of

HANDSHAKE = {
    "upgrade": "websocket", "connection": "Upgrade", "sec_websocket_version": "13",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==", "sec_websocket_extensions": "permessage-deflate",
}  # fmt: skip


def message(
    content: bytes = b"x", *, client: bool = True, injected: bool = False
) -> WebSocketMessage:
    return WebSocketMessage(Opcode.TEXT, client, content, injected=injected)


def permit(gateway: Gateway, **changes: object) -> None:
    """Have the first rule, that of calls at home, open WebSockets."""
    now = gateway.runtime.configuration
    first, *others = now.policy.rules
    rules = (dataclasses.replace(first, **{"websockets": True, **changes}), *others)  # type: ignore[arg-type]
    policy = dataclasses.replace(now.policy, rules=rules)
    gateway.runtime._configuration = dataclasses.replace(now, policy=policy)


def handshake(gateway: Gateway) -> http.HTTPFlow:
    flow = gateway.flow(LAMBDA, b"", method="GET")
    for name, value in HANDSHAKE.items():
        flow.request.headers[name.replace("_", "-")] = value
    del flow.request.headers["content-length"]
    return flow


async def opened(gateway: Gateway) -> http.HTTPFlow:
    permit(gateway)
    flow = handshake(gateway)
    await gateway.call(flow)
    assert was_released(flow)
    flow.websocket = WebSocketData()
    return flow


async def came(gateway: Gateway, flow: http.HTTPFlow, one: WebSocketMessage, *only: str) -> bool:
    """Whether it passes."""
    assert flow.websocket is not None
    flow.websocket.messages = [one]
    await gateway.hook("websocket_message", flow, *only)
    return not one.dropped


async def test_a_message_that_all_vouch_for_passes(ready: Gateway) -> None:
    flow = await opened(ready)

    assert await came(ready, flow, message())
    assert await came(ready, flow, message(client=False))


@pytest.mark.parametrize("absent", ["identity", "mask", "audit"])
async def test_without_any_one_stage_it_stays_dropped(ready: Gateway, absent: str) -> None:
    flow = await opened(ready)

    assert not await came(
        ready, flow, message(), *({"front", "identity", "mask", "audit"} - {absent})
    )


async def test_a_message_put_in_at_a_console_stays_dropped(ready: Gateway) -> None:
    flow = await opened(ready)

    assert not await came(ready, flow, message(injected=True))


async def test_no_message_passes_after_one_that_was_refused(ready: Gateway) -> None:
    flow = await opened(ready)
    channel = ready.runtime.sockets.find(flow)
    assert channel is not None
    channel.fail("internal")

    assert not await came(ready, flow, message())


async def test_d12_a_change_of_the_rules_ends_it(ready: Gateway) -> None:
    flow = await opened(ready)
    ready.runtime._configuration = dataclasses.replace(ready.runtime.configuration)

    assert not await came(ready, flow, message())


async def test_d12_an_expired_token_ends_it(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = await opened(ready)
    later = time.time() + 1000
    monkeypatch.setattr(time, "time", lambda: later)

    assert not await came(ready, flow, message())
    channel = ready.runtime.sockets.find(flow)
    assert channel is not None
    assert channel.code == "identity-expired"


async def stands(gateway: Gateway, flow: http.HTTPFlow, *only: str) -> bool:
    """What the layer is told when it asks while nothing comes."""
    channel = gateway.runtime.sockets.find(flow)
    assert channel is not None
    channel.begin(None)
    await gateway.hook("websocket_check", flow, *only)
    return channel.stands


async def test_a_silent_connection_stands_while_all_that_opened_it_does(ready: Gateway) -> None:
    flow = await opened(ready)

    assert await stands(ready, flow)
    assert await stands(ready, flow)
    assert await came(ready, flow, message())


@pytest.mark.parametrize("absent", ["identity", "audit"])
async def test_without_any_one_stage_it_does_not_stand(ready: Gateway, absent: str) -> None:
    flow = await opened(ready)

    assert not await stands(ready, flow, *({"identity", "audit"} - {absent}))


def _later(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    later = time.time() + 1000
    monkeypatch.setattr(time, "time", lambda: later)


def _other_rules(gateway: Gateway, _monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.runtime._configuration = dataclasses.replace(gateway.runtime.configuration)


def _no_ledger(gateway: Gateway, _monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.ledger_path.rename(gateway.ledger_path.with_suffix(".moved"))


def _closed_ledger(gateway: Gateway, _monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.runtime.ledger.close()


def _stopped(gateway: Gateway, _monkeypatch: pytest.MonkeyPatch) -> None:
    gateway.runtime.ready = False


def _raised(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    async def again(_flow: http.HTTPFlow) -> None:
        raise asyncio.CancelledError

    monkeypatch.setattr(gateway.stage("identity"), "again", again)


ENDS = [
    (_later, "identity-expired"), (_other_rules, "stale"), (_no_ledger, "ledger"),
    (_closed_ledger, "ledger"), (_stopped, "not-ready"), (_raised, "internal"),
]  # fmt: skip


@pytest.mark.parametrize(("end", "code"), ENDS)
async def test_d12_it_does_not_outlast_them(
    ready: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Gateway, pytest.MonkeyPatch], None],
    code: str,
) -> None:
    flow = await opened(ready)
    channel = ready.runtime.sockets.find(flow)
    end(ready, monkeypatch)

    assert not await stands(ready, flow)
    assert channel is not None
    assert channel.code == code
    assert not await came(ready, flow, message())


@pytest.mark.parametrize(("end", "code"), ENDS)
async def test_d12_nor_does_a_message_pass_after_them(
    ready: Gateway,
    monkeypatch: pytest.MonkeyPatch,
    end: Callable[[Gateway, pytest.MonkeyPatch], None],
    code: str,
) -> None:
    flow = await opened(ready)
    channel = ready.runtime.sockets.find(flow)
    end(ready, monkeypatch)

    assert not await came(ready, flow, message())
    assert channel is not None
    assert channel.code == code


async def test_d12_a_basis_that_has_expired_ends_it(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    permit(ready, basis=Basis(ground="for a test", owner="me", until=ready.runtime.today()))
    flow = handshake(ready)
    await ready.call(flow)
    assert await stands(ready, flow)
    tomorrow = ready.runtime.today() + datetime.timedelta(days=1)
    monkeypatch.setattr(ready.runtime, "today", lambda: tomorrow)

    assert not await stands(ready, flow)


async def test_the_word_of_one_question_is_none_for_a_message(ready: Gateway) -> None:
    flow = await opened(ready)
    assert await stands(ready, flow)

    assert not await came(ready, flow, message(), "audit")


async def test_more_tokens_than_are_kept_end_the_connection(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("residency.proxy.sockets.MAX_ORIGINALS", 3)
    permit(ready, then=Action.MASK, mask=("personal-data",))
    flow = handshake(ready)
    await ready.call(flow)
    flow.websocket = WebSocketData()
    channel = ready.runtime.sockets.find(flow)
    assert channel is not None
    channel.sent.originals.update({f"<email:{n:016x}>": '"x"' for n in range(3)})
    assert await came(ready, flow, message(b"{}"))
    channel.sent.taken.add("<email:ffffffffffffffff>")

    assert not await came(ready, flow, message(b"{}"))
    assert (channel.code, channel.reason) == ("unmaskable", "too-large")


async def test_what_the_end_of_the_gateway_ends_has_its_outcome(ready: Gateway) -> None:
    flow, waiting = await opened(ready), handshake(ready)
    await ready.call(waiting)
    assert await came(ready, flow, message())
    ready.runtime.stop()

    outcomes = [r for r in ready.records() if r["kind"] == "outcome"]
    assert [o["decision"] for o in outcomes] == [ready.decisions()[0]["decision"]]
    assert outcomes[0]["messages"] == {"sent": 1, "received": 0}
    assert (outcomes[0]["closed"]["by"], outcomes[0]["code"]) == ("gateway", "not-ready")


def test_values_that_are_too_much_to_keep_end_the_connection(channel: Channel) -> None:
    half = "x" * (MAX_KEPT // 2)
    channel.keep(Session(originals={"<email:0000000000000000>": half}))

    with pytest.raises(Unread):
        channel.keep(Session(originals={f"<email:{n:016x}>": half for n in range(3)}))


def test_what_tokens_stand_for_is_put_in_order_once_and_not_for_each_message(
    channel: Channel,
) -> None:
    channel.keep(Session(originals={"<email:0000000000000000>": '"a"'}))
    first = channel.originals
    channel.keep(Session(originals={"<email:0000000000000000>": '"a"'}))
    assert channel.originals is first
    channel.keep(Session(originals={f"<email:{n:016x}>": '"a"' for n in range(2)}))

    assert channel.originals.get("email:0000000000000001") == '"a"'


def test_a_message_that_has_passed_is_kept_nowhere(channel: Channel) -> None:
    one = message(b"canary-4711")
    channel.begin(one)
    for stage in VOUCHERS:
        channel.vouch(stage, one)
    channel.settle(one)

    assert channel._content == b""
    assert channel._message is None


async def test_a_copy_of_the_flow_opens_nothing(ready: Gateway) -> None:
    copy = (await opened(ready)).copy()

    assert not await came(ready, copy, message())


async def test_the_front_ends_what_no_decision_has_opened(ready: Gateway) -> None:
    flow = tflow.twebsocketflow()
    ready.front.websocket_start(flow)

    assert flow.error is not None


@pytest.mark.parametrize(
    ("status", "headers", "passes"),
    [
        (101, {"upgrade": "websocket"}, True),
        (101, {"upgrade": "h2c"}, False),
        (101, {}, False),
        (101, {"upgrade": "websocket", "sec-websocket-extensions": "permessage-deflate"}, False),
    ],
)
async def test_d5_only_a_101_that_is_read_passes(
    ready: Gateway, status: int, headers: dict[str, str], *, passes: bool
) -> None:
    flow = await opened(ready)
    flow.response = http.Response.make(status, b"", headers)
    await ready.hook("responseheaders", flow)

    assert (flow.error is None) is passes


async def test_compression_is_not_offered_and_the_rest_of_the_handshake_is(ready: Gateway) -> None:
    flow = await opened(ready)

    assert asks(flow)
    assert "sec-websocket-extensions" not in flow.request.headers
    assert "proxy-authorization" not in flow.request.headers


async def test_a_rule_before_it_that_asks_about_data_refuses_the_upgrade(ready: Gateway) -> None:
    """It was passed over because the handshake has no body; a message might have what it forbids."""
    permit(ready)
    now = ready.runtime.configuration
    health = next(r for r in now.policy.rules if r.id == "no-health-data-abroad")
    policy = dataclasses.replace(now.policy, rules=(health, *now.policy.rules))
    ready.runtime._configuration = dataclasses.replace(now, policy=policy)
    flow = handshake(ready)
    await ready.call(flow)

    assert problem_of(flow)["code"] == "upgrade-refused"


@pytest.mark.parametrize("opens", [True, False])
async def test_the_record_of_a_handshake_says_so_and_replays_the_same(
    ready: Gateway, *, opens: bool
) -> None:
    permit(ready, websockets=opens)
    await ready.call(handshake(ready))
    record = ready.decisions()[-1]
    policy, sets = ready.runtime.configuration.policy, ready.runtime.configuration.sets

    found = replay(policy, sets, record | {"policy": policy.digest}, ready.runtime.today())

    assert record["call"]["websocket"] is True
    assert record["code"] == (None if opens else "upgrade-refused")
    assert found.verdict == "same"
    assert found.again
    assert found.again.code == record["code"]


async def test_a_guarded_hook_that_raises_drops_again_what_it_has_let_go(ready: Gateway) -> None:
    flow = await opened(ready)

    class Addon:
        runtime = ready.runtime

        @messages.guarded
        def hook(self, _flow: http.HTTPFlow, _channel: Channel, one: WebSocketMessage) -> None:
            one.dropped = False
            raise KeyError

    one = message()
    one.drop()
    assert flow.websocket is not None
    flow.websocket.messages = [one]
    await Addon().hook(flow)

    assert one.dropped


@pytest.fixture
def channel(ready: Gateway) -> Channel:
    return Channel(
        configuration=ready.runtime.configuration, decision=Decision(action=Action.ALLOW),
        sent=Session(), received=Session(),
    )  # fmt: skip


def _other(channel: Channel, _one: WebSocketMessage) -> None:
    channel.begin(message())


def _edited(_channel: Channel, one: WebSocketMessage) -> None:
    one.content = b"y"


def _twice(channel: Channel, one: WebSocketMessage) -> None:
    channel.settle(one)


@pytest.mark.parametrize("meddle", [_other, _edited, _twice])
def test_the_word_is_for_one_message_as_it_is_and_once(
    channel: Channel, meddle: Callable[[Channel, WebSocketMessage], None]
) -> None:
    one = message()
    channel.begin(one)
    for stage in VOUCHERS:
        channel.vouch(stage, one)
    meddle(channel, one)

    with pytest.raises(CallError):
        channel.settle(one)


def test_nobody_has_opened_it() -> None:
    with pytest.raises(StageError):
        Sockets().message(tflow.twebsocketflow())


async def test_d12_feeds_that_change_end_it(ready: Gateway, tmp_path: Path) -> None:
    """Its address was judged by what the former ones said, and it asks for no other."""
    flow = await opened(ready)
    ready.runtime.feeds = await feeds_of(tmp_path / "feeds", aws(("8.8.8.0/24", "us-east-1")))

    assert not await came(ready, flow, message())
    channel = ready.runtime.sockets.find(flow)
    assert channel is not None
    assert channel.code == "stale"
