"""Events of a stream reach the client one by one: each is seen before the far side sends the next."""

import json

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.world import Lab
from tests.clients.farside import PRIVATE, Exchange, FarSide
from tests.clients.piped import piped
from tests.clients.run import command, environment

WORDS = 5


def event(word: str) -> bytes:
    choice = {"index": 0, "delta": {"content": word}, "finish_reason": None}
    common = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "gpt-5"}
    return f"data: {json.dumps({**common, 'choices': [choice]})}\n\n".encode()


def events(exchange: Exchange) -> None:
    """After each word, wait until the client has seen it."""
    for _ in exchange.body():
        pass
    head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked"
    exchange.raw(f"{head}\r\n\r\n".encode())
    for i in range(WORDS):
        exchange.chunk(event(f"word-{i}"))
        if not exchange.far.wait():
            exchange.hang_up()
            return
        exchange.far.go.clear()
    exchange.chunk(b"data: [DONE]\n\n")
    exchange.chunk(b"")


@pytest.mark.parametrize(
    ("group", "base", "metadata"),
    [
        ("eu-services", "https://us.api.openai.com/v1", "{}"),
        ("analytics", "https://api.openai.com/v1", '{"email": "ana.demo@example.com"}'),
    ],
    ids=["allowed", "masked"],
)
def test_the_openai_sdk_sees_each_event_before_the_next_is_sent(
    lab: Lab, far: FarSide, open_gateway: Gateway, group: str, base: str, metadata: str
) -> None:
    far.serve = events
    env = environment(lab, lab.token(group), open_gateway) | {"OPENAI_BASE_URL": base}

    with piped(command("chat_stream", metadata), env) as chat:
        for i in range(WORDS):
            assert chat.stdout.readline() == b"word-%d\n" % i
            far.go.set()
        assert chat.end() == b""


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_sees_each_event_before_the_next_is_sent(
    far: FarSide, far_env: dict[str, str], version: str
) -> None:
    far.serve = events
    argv = ("curl", "--silent", "--fail", "--no-buffer", "--max-time", "60", version)

    with piped((*argv, f"https://{PRIVATE}/events"), far_env) as chat:
        for i in range(WORDS):
            assert b"word-%d" % i in chat.stdout.readline()
            assert chat.stdout.readline() == b"\n"
            far.go.set()
        assert chat.end() == b"data: [DONE]\n\n"
