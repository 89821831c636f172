"""What the provider says about where a call ran comes into the ledger, and the answer comes to the caller unchanged."""

import gzip
import json
import urllib.request
from collections.abc import Callable, Iterator
from typing import Any

import brotli
import pytest
import zstandard

from scripts.lab.answers import Answer, Received
from scripts.lab.world import Lab
from tests.e2e.conftest import record_of
from tests.e2e.wire import Answer as Got
from tests.e2e.wire import Wire

CLAUDE = "api.anthropic.com"
PATH = "/v1/messages"
BODY = b'{"model": "claude-sonnet-4-6", "inference_geo": "us", "messages": []}'
PACK: dict[str, Callable[[bytes], bytes]] = {
    "identity": bytes,
    "gzip": lambda b: gzip.compress(b, mtime=0),
    "br": brotli.compress,
    "zstd": zstandard.compress,
}


def message(geo: object) -> bytes:
    usage = {"input_tokens": 1, "inference_geo": geo}
    return json.dumps(
        {"type": "message", "content": [{"text": "canary"}], "usage": usage}
    ).encode()


def events(geo: object) -> list[bytes]:
    start = {"type": "message_start", "message": {"usage": {"inference_geo": geo}}}
    parts: list[dict[str, Any]] = [
        start,
        *({"type": "content_block_delta", "n": n} for n in range(20)),
        {"type": "message_stop"},
    ]
    return [f"event: {p['type']}\ndata: {json.dumps(p)}\n\n".encode() for p in parts]


def dechunked(body: bytes) -> bytes:
    """RFC 9112 section 7.1, without extensions."""
    whole = b""
    while body:
        size, _, body = body.partition(b"\r\n")
        whole, body = whole + body[: int(size, 16)], body[int(size, 16) + 2 :]
    return whole


def answer(received: Received) -> Answer:
    """What the test asks for in its own headers."""
    geo, coding = (
        json.loads(received.header("x-geo") or "null"),
        received.header("x-coding") or "identity",
    )
    streams = received.header("x-stream") == "yes"
    headers = {"Content-Type": "text/event-stream" if streams else "application/json"}
    if coding != "identity":
        headers["Content-Encoding"] = coding
    if streams:
        whole = PACK.get(coding, bytes)(b"".join(events(geo)))
        return Answer(
            headers=headers, chunks=tuple(whole[i : i + 40] for i in range(0, len(whole), 40))
        )
    return Answer(headers=headers, chunks=(PACK.get(coding, bytes)(message(geo)),))


@pytest.fixture(scope="module")
def claude() -> Iterator[Lab]:
    with Lab(hosts=(CLAUDE,), answers=answer) as lab:
        yield lab


def call(
    lab: Lab, geo: object, *, coding: str = "identity", stream: bool = False
) -> tuple[Got, dict[str, Any]]:
    """The answer, and the outcome's record."""
    wire = Wire(lab.gateway.port, lab.gateway.ca_file, lab.token("eu-services"))
    extra = (
        f"X-Geo: {json.dumps(geo)}",
        f"X-Coding: {coding}",
        f"X-Stream: {'yes' if stream else 'no'}",
    )
    got = wire.post(CLAUDE, PATH, BODY, *extra)
    decision = [r for r in lab.gateway.ledger() if r["kind"] == "decision"][-1]["decision"]
    return got, record_of(lab.gateway, decision, "outcome")


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("coding", PACK)
def test_a_place_that_was_not_assumed_is_drift(claude: Lab, coding: str, *, stream: bool) -> None:
    got, outcome = call(claude, "global", coding=coding, stream=stream)

    whole = b"".join(events("global")) if stream else message("global")
    assert got.status == 200
    assert (dechunked(got.body) if stream else got.body) == PACK[coding](whole)
    assert outcome["region_said"] == "anywhere"
    assert outcome["region_drift"] == {
        "assumed": ["US"],
        "said": "anywhere",
        "entry": "anthropic-messages",
    }


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_the_place_that_was_assumed_is_recorded_and_no_drift(claude: Lab, *, stream: bool) -> None:
    _, outcome = call(claude, "us", stream=stream)

    assert outcome["region_said"] == ["US"]
    assert "region_drift" not in outcome


@pytest.mark.parametrize(
    ("geo", "coding"),
    [("not_available", "identity"), (None, "identity"), ("us", "compress"), (["us"], "gzip")],
)
def test_what_says_nothing_adds_nothing_and_reaches_the_caller(
    claude: Lab, geo: object, coding: str
) -> None:
    got, outcome = call(claude, geo, coding=coding)

    assert (got.status, got.body) == (200, PACK.get(coding, bytes)(message(geo)))
    assert not {"region_said", "region_drift"} & outcome.keys()


def test_drift_is_counted_for_everybody_and_logged_without_payload(claude: Lab) -> None:
    before = _drift(claude)
    _, outcome = call(claude, "mars")

    assert outcome["region_drift"]["said"] == "unknown"
    assert _drift(claude) == before + 1
    assert "region drift" in claude.gateway.output()
    assert "canary" not in claude.gateway.output()
    assert "mars" not in claude.gateway.output()


def _drift(lab: Lab) -> int:
    with urllib.request.urlopen(f"{lab.gateway.admin_url}/health", timeout=5) as found:
        return int(json.loads(found.read())["drift"])
