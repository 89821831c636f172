"""What the far sides answer: shapes that the openai SDK and boto3 read, and an echo for everything else."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

SAYS = "The lab has your request."


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One request as it arrived. Header names are in lower case, all lines kept in their order."""

    host: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header, or ``None``."""
        return next((v for n, v in self.headers if n == name.lower()), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is sent back. More than one chunk goes out as chunked transfer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: tuple[bytes, ...] = ()


def answer(received: Received) -> Answer:
    """The answer of whatever service *received* was sent to."""
    path = received.path.partition("?")[0]
    if path.endswith("/v1/chat/completions"):
        return _chat(received)
    if re.fullmatch(r"/2015-03-31/functions/[^/]+/invocations", path):
        return _json({"echo": _read(received.body)}, {"X-Amz-Executed-Version": "$LATEST"})
    if re.fullmatch(r"/model/[^/]+/converse", path):
        return _json(_converse())
    return _json({"method": received.method, "path": received.path, "echo": _read(received.body)})


def _read(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body.decode("utf-8", "replace")


def _json(value: object, headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps(value).encode()
    return Answer(headers={"Content-Type": "application/json", **(headers or {})}, chunks=(body,))


def _converse() -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": SAYS}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "metrics": {"latencyMs": 1},
    }


def _chat(received: Received) -> Answer:
    asked = _read(received.body)
    asked = asked if isinstance(asked, dict) else {}
    common = {"id": "chatcmpl-lab", "created": 1_800_000_000, "model": asked.get("model", "?")}
    if asked.get("stream") is True:
        events = tuple(_events(common))
        return Answer(headers={"Content-Type": "text/event-stream"}, chunks=events)
    message = {"role": "assistant", "content": SAYS, "refusal": None}
    choice = {"index": 0, "finish_reason": "stop", "logprobs": None, "message": message}
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    return _json({**common, "object": "chat.completion", "choices": [choice], "usage": usage})


def _events(common: Mapping[str, Any]) -> Iterator[bytes]:
    for word in SAYS.split(" "):
        delta = {"role": "assistant", "content": word + " "}
        choice = {"index": 0, "delta": delta, "finish_reason": None}
        yield _event({**common, "object": "chat.completion.chunk", "choices": [choice]})
    last = {"index": 0, "delta": {}, "finish_reason": "stop"}
    yield _event({**common, "object": "chat.completion.chunk", "choices": [last]})
    yield b"data: [DONE]\n\n"


def _event(value: object) -> bytes:
    return b"data: " + json.dumps(value).encode() + b"\n\n"
