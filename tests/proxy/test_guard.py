"""Whatever an enforcing hook raises denies its call, and nothing is lifted."""

import asyncio
import contextlib
from typing import Any

import pytest
from mitmproxy import flow as mitmproxy_flow
from mitmproxy import http
from mitmproxy.test import tflow

from residency.errors import IdentityError, LedgerError, StageError
from residency.proxy import flowstate
from residency.proxy.flowstate import Ticket
from residency.proxy.guard import Fault, deny, fail_closed, where

SECRET = "4111-1111-CANARY"
RAISED: list[tuple[BaseException, str]] = [
    (ValueError(SECRET), "internal"),
    (KeyError(SECRET), "internal"),
    (RuntimeError(SECRET), "internal"),
    (AssertionError(SECRET), "internal"),
    (RecursionError(SECRET), "internal"),
    (MemoryError(SECRET), "internal"),
    (OSError(28, SECRET), "internal"),
    (UnicodeDecodeError("utf-8", SECRET.encode(), 0, 1, "x"), "internal"),
    (BaseExceptionGroup(SECRET, [ValueError(SECRET)]), "internal"),
    (asyncio.CancelledError(SECRET), "internal"),
    (GeneratorExit(SECRET), "internal"),
    (SystemExit(SECRET), "internal"),
    (StopIteration(SECRET), "internal"),
    (IdentityError("identity-expired"), "identity-expired"),
    (StageError("no x record"), "internal"),
    (LedgerError("full"), "ledger"),
]


class Addon:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error
        self.ran = 0

    @fail_closed
    def sync(self, flow: http.HTTPFlow) -> None:
        self.ran += 1
        if self.error:
            raise self.error

    @fail_closed
    async def later(self, flow: http.HTTPFlow) -> None:
        self.ran += 1
        await asyncio.sleep(0)
        if self.error:
            raise self.error


async def run(addon: Addon, hook: str, flow: http.HTTPFlow) -> None:
    result: Any = getattr(addon, hook)(flow)
    if result is not None:
        await result


def open_flow() -> http.HTTPFlow:
    """As if some addon had lifted the denial before the hook."""
    flow = tflow.tflow()
    flow.response = None
    return flow


@pytest.mark.parametrize("hook", ["sync", "later"])
@pytest.mark.parametrize(("error", "code"), RAISED, ids=[type(e).__name__ for e, _ in RAISED])
async def test_an_exception_denies_with_a_record(
    hook: str, error: BaseException, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    flow = open_flow()
    # The interpreter turns a StopIteration in a coroutine into a RuntimeError; either denies.
    await run(Addon(error), hook, flow)

    assert flowstate.read(flow, Fault).code == code
    assert flow.response is not None
    assert flow.response.status_code == 503
    assert SECRET not in f"{caplog.text}{flow.metadata}{flow.response.text}"


@pytest.mark.parametrize("hook", ["sync", "later"])
async def test_the_keyboard_is_not_taken_for_a_fault(hook: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        await run(Addon(KeyboardInterrupt()), hook, open_flow())


async def test_a_real_cancellation_goes_on_and_lifts_nothing() -> None:
    waiting = asyncio.Event()

    class Waits:
        @fail_closed
        async def request(self, flow: http.HTTPFlow) -> None:
            waiting.set()
            await asyncio.Event().wait()

    flow = open_flow()
    task = asyncio.ensure_future(Waits().request(flow))
    await waiting.wait()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert flow.response is not None
    assert flowstate.has(flow, Fault)


async def test_a_cancelled_part_of_a_hook_denies_and_does_not_end_the_connection() -> None:
    class Waits:
        @fail_closed
        async def request(self, flow: http.HTTPFlow) -> None:
            part = asyncio.ensure_future(asyncio.sleep(9))
            part.cancel()
            await part

    flow = open_flow()
    await Waits().request(flow)

    assert flowstate.has(flow, Fault)


async def test_a_hook_that_is_closed_while_it_waits_denies() -> None:
    class Waits:
        @fail_closed
        async def request(self, flow: http.HTTPFlow) -> None:
            await asyncio.Event().wait()

    flow = open_flow()
    hook: Any = Waits().request(flow)
    hook.send(None)
    with contextlib.suppress(StopIteration):
        hook.close()

    assert flowstate.has(flow, Fault)


@pytest.mark.parametrize("hook", ["sync", "later"])
async def test_a_hook_that_goes_well_leaves_the_call_as_it_was(hook: str) -> None:
    flow = open_flow()
    addon = Addon()
    await run(addon, hook, flow)

    assert (addon.ran, flow.response, flow.metadata) == (1, None, {})


def faulty(flow: http.HTTPFlow) -> None:
    deny(flow, "rule")


def settled(flow: http.HTTPFlow) -> None:
    flowstate.write(flow, Ticket(id="x", at=1.0, settled="refused"))


def ended(flow: http.HTTPFlow) -> None:
    flow.error = mitmproxy_flow.Error("gone")


@pytest.mark.parametrize("hook", ["sync", "later"])
@pytest.mark.parametrize("state", [faulty, settled, ended])
async def test_a_call_that_is_over_is_not_looked_at_again(hook: str, state: Any) -> None:
    flow, addon = open_flow(), Addon()
    state(flow)
    await run(addon, hook, flow)

    assert addon.ran == 0


def test_the_first_fault_stays() -> None:
    flow = open_flow()
    deny(flow, "replayed")
    deny(flow, "rule")

    assert flowstate.read(flow, Fault).code == "replayed"


def test_a_fault_of_an_unknown_code_is_refused() -> None:
    with pytest.raises(TypeError):
        Fault.from_plain({"code": "permitted", "detail": ""})


def test_a_place_in_the_code_is_told_without_the_message() -> None:
    try:
        int(SECRET)
    except ValueError as e:
        told = where(e)

    assert told.startswith("ValueError at test_a_place_in_the_code")
    assert SECRET not in told
