"""A witness that fails costs the attestation, and nothing else."""

import json
import logging

import pytest
from mitmproxy import http

from residency.core.places import Places
from residency.core.region.attest import Witness
from residency.proxy.attest import Attestations, Heard, tap
from tests.proxy.conftest import LAMBDA, Gateway

CLAUDE = "https://api.anthropic.com/v1/messages"
CALL = b'{"model": "claude-sonnet-4-6", "inference_geo": "us", "messages": []}'
ANSWER = json.dumps({"usage": {"inference_geo": "global"}}).encode()
US = Places(frozenset({"US"}))


class Broken(Witness):
    """Fails at everything."""

    def __init__(self) -> None:
        super().__init__((), ())
        self.asked = 0

    def hear(self, chunk: bytes) -> None:
        self.asked += 1
        raise ValueError(chunk)

    def said(self) -> Places | None:
        raise RecursionError


async def answered(gateway: Gateway, url: str = CLAUDE) -> http.HTTPFlow:
    """A call that was let go, with the head of its answer in."""
    flow = await gateway.call(gateway.flow(url, CALL))
    assert flow.response is None
    flow.response = http.Response.make(200, b"", {"Content-Type": "application/json"})
    await gateway.hook("responseheaders", flow)
    return flow


async def test_an_answer_streams_past_its_witness_unchanged(ready: Gateway) -> None:
    flow = await answered(ready)
    assert flow.response
    stream = flow.response.stream

    assert callable(stream)
    assert [stream(ANSWER[:9]), stream(ANSWER[9:]), stream(b"")] == [ANSWER[:9], ANSWER[9:], b""]


async def test_an_answer_that_says_nothing_has_no_witness(ready: Gateway) -> None:
    flow = await answered(ready, LAMBDA)

    assert flow.response
    assert flow.response.stream is True


async def test_drift_comes_into_the_outcome_and_is_counted(
    ready: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    flow = await answered(ready)
    assert flow.response
    assert callable(flow.response.stream)
    flow.response.stream(ANSWER)
    with caplog.at_level(logging.WARNING, "residency.attest"):
        await ready.hook("response", flow)
        while ready.runtime._tasks:
            await next(iter(ready.runtime._tasks))

    (outcome,) = [r for r in ready.records() if r["kind"] == "outcome"]
    assert outcome["region_drift"]["said"] == "anywhere"
    assert ready.runtime.drift == 1
    assert "region drift" in caplog.text


async def test_an_answer_that_masking_keeps_is_not_made_to_stream_and_heard_when_it_is_whole(
    ready: Gateway,
) -> None:
    flow = await answered(ready)
    assert flow.response
    flow.response.stream = False
    attestations = Attestations()
    attestations.listen(flow, ready.runtime)

    assert flow.response.stream is False

    flow.response.raw_content = ANSWER
    told = await attestations.told(attestations.take(flow), ready.runtime)
    assert told["region_said"] == "anywhere"


async def test_an_answer_that_was_cut_short_is_told_as_far_as_it_came(ready: Gateway) -> None:
    flow = await answered(ready)
    assert flow.response
    assert callable(flow.response.stream)
    flow.response.stream(ANSWER[:9])
    await ready.hook("error", flow)
    while ready.runtime._tasks:
        await next(iter(ready.runtime._tasks))

    (outcome,) = [r for r in ready.records() if r["kind"] == "outcome"]
    assert "region_said" not in outcome


def test_a_witness_that_fails_is_asked_no_more_and_the_answer_goes_on() -> None:
    witness = Broken()
    stream = tap(witness, then=True)

    assert [stream(b"a"), stream(b"b")] == [b"a", b"b"]
    assert witness.asked == 1


def test_a_stream_that_is_there_already_goes_on_behind_the_witness() -> None:
    assert tap(Broken(), lambda chunk: [chunk, b"!"])(b"a") == [b"a", b"!"]


async def test_a_witness_that_cannot_tell_leaves_the_outcome_as_it_is(ready: Gateway) -> None:
    heard = Heard(Broken(), "d", "e", US)

    assert await Attestations().told(heard, ready.runtime) == {}
    assert await Attestations().told(None, ready.runtime) == {}


async def test_no_fault_while_listening_reaches_the_hook(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ready.runtime, "ready", False)
    flow = ready.flow(CLAUDE)
    flow.response = http.Response.make(200)
    Attestations().listen(flow, ready.runtime)

    assert flow.response.stream is False
