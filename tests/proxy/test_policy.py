"""A call is decided as soon as its answer is certain, and sealed as it was judged."""

import pytest

from residency.core.policy.decide import Carrying, Decision
from residency.proxy import flowstate
from residency.proxy.guard import Fault
from residency.proxy.runtime import OFF_LOOP
from residency.proxy.seal import Seal
from tests.proxy.conftest import CHAT, LAMBDA, Gateway, problem_of

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


TOOLS = "https://functions.private.example.com/mcp"
BLOCKED = """\
version: 1
home: [EEA]
rules:
  - {id: no-deletes, functions: ["mcp:tools/call:delete*"], then: block}
  - {id: rest, from: {groups: [eu-services]}, to: [EEA], then: allow}
"""


async def no_deletes(ready: Gateway) -> None:
    (ready.rules / "policy.yaml").write_text(BLOCKED, encoding="utf-8")
    for _ in range(2):  # seen, and seen again unchanged
        await ready.runtime.reload()


def tool(name: str) -> bytes:
    return b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"%s"}}' % name.encode()


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (tool("search"), "rest"),
        (tool("delete_user"), "no-deletes"),
        (tool("del\\u0065te_user"), "no-deletes"),
        (b"[" + tool("search") + b"," + tool("delete_user") + b"]", "no-deletes"),
        (tool('search","name":"delete_user'), "no-deletes"),
        (tool('search","Name":"delete_user'), "no-deletes"),
        (tool("delete_user")[:-1], "no-deletes"),
        (b"", "rest"),
    ],
)
async def test_a_tool_that_is_called_in_the_body_is_blocked(
    ready: Gateway, body: bytes, rule: str
) -> None:
    await no_deletes(ready)

    flow = await ready.call(ready.flow(TOOLS, body))

    assert ready.decisions()[-1]["rule"] == rule
    assert (flow.response is None) is (rule == "rest")


async def test_what_the_body_names_is_in_the_ledger_and_in_the_refusal(ready: Gateway) -> None:
    await no_deletes(ready)

    flow = await ready.call(ready.flow(TOOLS, tool("delete_user")))

    called = "private:functions.private.example.com:?, mcp:tools/call:delete_user"
    assert ready.decisions()[-1]["destination"]["operations"] == ["mcp:tools/call:delete_user"]
    assert problem_of(flow)["function"] == called


async def test_a_body_that_was_not_kept_may_name_anything(ready: Gateway) -> None:
    await no_deletes(ready)
    flow = ready.flow(TOOLS, b"")
    await ready.hook("requestheaders", flow, *STAGES)
    flow.request.raw_content = None
    await ready.hook("request", flow, *STAGES[1:])

    assert flowstate.read(flow, Decision).rule == "no-deletes"
