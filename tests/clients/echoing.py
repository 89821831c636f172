"""Far sides that say back what they saw, in the shapes of OpenAI, Anthropic and Bedrock, a few characters at a time."""

import json
import re
from collections.abc import Iterator
from typing import Any

from residency.core.mask.eventstream import Message
from tests.clients.farside import Exchange

STEP = 5
_EMAIL = re.compile(r"<email:[0-9a-f]{16}>")
_NAME = re.compile(r"<full_name:[0-9a-f]{16}>")
SSE, EVENTS = "text/event-stream", "application/vnd.amazon.eventstream"


class Echo:
    """What a model would say that repeats everything. ``bodies`` is what it was sent."""

    def __init__(self) -> None:
        self.bodies: list[str] = []

    def serve(self, exchange: Exchange) -> None:
        body = b"".join(exchange.body()).decode()
        self.bodies.append(body)
        email, name = _first(_EMAIL, body), _first(_NAME, body)
        text, call = f"To {email} for {name}.", {"to": email, "name": name}
        stream = '"stream":true' in body.replace(" ", "") or exchange.path.endswith("-stream")
        made = _SHAPES[exchange.path.rpartition("/")[2], stream]
        if not stream:
            _plain(exchange, made(text, call))
            return
        media = EVENTS if exchange.path.endswith("-stream") else SSE
        exchange.raw(
            f"HTTP/1.1 200 OK\r\nContent-Type: {media}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        for event in made(text, call):
            exchange.chunk(event)
        exchange.chunk(b"")


def _first(pattern: re.Pattern[str], body: str) -> str:
    found = pattern.search(body)
    return found[0] if found else ""


def _plain(exchange: Exchange, value: object) -> None:
    data = json.dumps(value).encode()
    head = (
        f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    exchange.raw(head.encode() + data)


def _steps(text: str) -> Iterator[str]:
    return (text[at : at + STEP] for at in range(0, len(text), STEP))


def _sse(value: dict[str, Any]) -> bytes:
    name = f"event: {value['type']}\n" if "type" in value else ""
    return f"{name}data: {json.dumps(value)}\n\n".encode()


_CHAT = {"id": "c", "created": 1, "model": "gpt-5"}


def _chat(text: str, call: object) -> object:
    function = {"name": "mail", "arguments": json.dumps(call)}
    calls = [{"id": "t", "type": "function", "function": function}]
    message = {"role": "assistant", "content": text, "tool_calls": calls}
    choice = {"index": 0, "finish_reason": "tool_calls", "message": message}
    return {**_CHAT, "object": "chat.completion", "choices": [choice]}


def _chat_stream(text: str, call: object) -> Iterator[bytes]:
    def chunk(delta: object) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        return _sse({**_CHAT, "object": "chat.completion.chunk", "choices": [choice]})

    yield from (chunk({"content": part}) for part in _steps(text))
    function: dict[str, Any] = {"name": "mail", "arguments": ""}
    yield chunk(
        {"tool_calls": [{"index": 0, "id": "t", "type": "function", "function": function}]}
    )
    for part in _steps(json.dumps(call)):
        yield chunk({"tool_calls": [{"index": 0, "function": {"arguments": part}}]})
    yield b"data: [DONE]\n\n"


def _responses_stream(text: str, call: object) -> Iterator[bytes]:
    number = 0
    for part in _steps(text):
        yield _sse({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": part, "logprobs": [], "sequence_number": (number := number + 1)})  # fmt: skip
    for part in _steps(json.dumps(call)):
        yield _sse({"type": "response.function_call_arguments.delta", "item_id": "f", "output_index": 1, "delta": part, "sequence_number": (number := number + 1)})  # fmt: skip


_MESSAGE = {"id": "m", "type": "message", "role": "assistant", "model": "claude", "stop_reason": None,
            "stop_sequence": None, "usage": {"input_tokens": 1, "output_tokens": 1}}  # fmt: skip


def _messages(text: str, call: object) -> object:
    use = {"type": "tool_use", "id": "t", "name": "mail", "input": call}
    return {**_MESSAGE, "content": [{"type": "text", "text": text}, use]}


def _messages_stream(text: str, call: object) -> Iterator[bytes]:
    def delta(index: int, **delta: str) -> bytes:
        return _sse({"type": "content_block_delta", "index": index, "delta": delta})

    yield _sse({"type": "message_start", "message": {**_MESSAGE, "content": []}})
    block: dict[str, Any] = {"type": "text", "text": ""}
    yield _sse({"type": "content_block_start", "index": 0, "content_block": block})
    yield from (delta(0, type="text_delta", text=part) for part in _steps(text))
    yield _sse({"type": "content_block_stop", "index": 0})
    block = {"type": "tool_use", "id": "t", "name": "mail", "input": {}}
    yield _sse({"type": "content_block_start", "index": 1, "content_block": block})
    for part in _steps(json.dumps(call)):
        yield delta(1, type="input_json_delta", partial_json=part)
    yield _sse({"type": "content_block_stop", "index": 1})
    ended = {"stop_reason": "tool_use", "stop_sequence": None}
    yield _sse({"type": "message_delta", "delta": ended, "usage": {"output_tokens": 2}})
    yield _sse({"type": "message_stop"})


def _converse(text: str, call: object) -> object:
    content = [{"text": text}, {"toolUse": {"toolUseId": "t", "name": "mail", "input": call}}]
    return {"output": {"message": {"role": "assistant", "content": content}}, "stopReason": "tool_use",
            "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}, "metrics": {"latencyMs": 1}}  # fmt: skip


def _converse_stream(text: str, call: object) -> Iterator[bytes]:
    yield _message("messageStart", {"role": "assistant"})
    for part in _steps(text):
        yield _message("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": part}})
    yield _message("contentBlockStop", {"contentBlockIndex": 0})
    start = {"toolUse": {"toolUseId": "t", "name": "mail"}}
    yield _message("contentBlockStart", {"contentBlockIndex": 1, "start": start})
    for part in _steps(json.dumps(call)):
        delta = {"contentBlockIndex": 1, "delta": {"toolUse": {"input": part}}}
        yield _message("contentBlockDelta", delta)
    yield _message("messageStop", {"stopReason": "tool_use"})


def _message(kind: str, value: object) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    spelled = b"".join(
        bytes([len(n)]) + n.encode() + b"\x07" + len(v).to_bytes(2) + v.encode()
        for n, v in headers.items()
    )
    return Message(spelled, json.dumps(value).encode()).to_bytes()


_SHAPES: dict[tuple[str, bool], Any] = {
    ("completions", False): _chat,
    ("completions", True): _chat_stream,
    ("responses", True): _responses_stream,
    ("messages", False): _messages,
    ("messages", True): _messages_stream,
    ("converse", False): _converse,
    ("converse-stream", True): _converse_stream,
}
