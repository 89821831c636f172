"""The shipped sets know the shapes of the calls that people make."""

import json
from pathlib import Path

import pytest

from residency.core import document
from residency.core.faults import Faults
from residency.core.mask.engine import mask_json
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets, parse

SHIPPED = Path(__file__).parents[2] / "rules" / "masks.yaml"
ALL = ["personal-data", "payment-data", "health-data", "credentials"]
MAIL, CARD, IBAN, KEY = (
    "canary@example.com",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "AKIAIOSFODNN7EXAMPLE",
)
SAID = f"Ich bin {MAIL}, +49 30 1234567; Karte {CARD}, Konto {IBAN}, Schlüssel {KEY}."
#: What a tool is given or answers: fields by name, and free text.
DATA = {
    "email": "canary-1",
    "iban": "canary-2",
    "diagnosis": "canary-3",
    "password": "canary-4",
    "note": SAID,
    "ok": 1,
}
TEXT = json.dumps(DATA)
SCHEMA = {
    "type": "object",
    "properties": {"email": {"type": "string"}, "password": {"type": "string"}},
    "required": ["email"],
}

CALLS: dict[str, object] = {
    "OpenAI chat": {
        "model": "gpt-5",
        "messages": [
            {"role": "system", "content": SAID},
            {"role": "user", "content": [{"type": "text", "text": SAID}, {"type": "text", "text": TEXT}]},
            {"role": "assistant", "content": None, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": TEXT}}]},
            {"role": "assistant", "content": "", "function_call": {"name": "f", "arguments": TEXT}},
            {"role": "assistant", "tool_calls": [{"id": "d", "type": "custom", "custom": {"name": "g", "input": TEXT}}]},
            {"role": "tool", "tool_call_id": "c", "content": TEXT},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": SCHEMA}}],
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}},
    },
    "OpenAI responses": {
        "model": "gpt-5",
        "instructions": SAID,
        "input": [
            {"role": "user", "content": SAID},
            {"role": "user", "content": [{"type": "input_text", "text": TEXT}]},
            {"type": "function_call", "call_id": "c", "name": "f", "arguments": TEXT},
            {"type": "function_call_output", "call_id": "c", "output": TEXT},
            {"type": "custom_tool_call", "call_id": "d", "name": "g", "input": TEXT},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": SCHEMA}],
        "text": {"format": {"type": "json_schema", "name": "n", "schema": SCHEMA}},
    },
    "OpenAI responses, one text": {"model": "gpt-5", "input": SAID},
    "Anthropic messages": {
        "model": "claude",
        "max_tokens": 10,
        "system": [{"type": "text", "text": SAID}],
        "messages": [
            {"role": "user", "content": SAID},
            {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "f", "input": DATA}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": TEXT}]},
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text", "text": TEXT}]}]},
        ],
        "tools": [{"name": "f", "input_schema": SCHEMA}],
    },
    "Bedrock converse": {
        "system": [{"text": SAID}],
        "messages": [
            {"role": "user", "content": [{"text": SAID}]},
            {"role": "assistant", "content": [{"toolUse": {"toolUseId": "t", "name": "f", "input": DATA}}]},
            {"role": "user", "content": [{"toolResult": {"toolUseId": "t", "content": [{"json": DATA}, {"text": TEXT}]}}]},
        ],
        "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": SCHEMA}}}]},
    },
    "Vertex generateContent": {
        "systemInstruction": {"parts": [{"text": SAID}]},
        "contents": [
            {"role": "user", "parts": [{"text": SAID}, {"text": TEXT}]},
            {"role": "model", "parts": [{"functionCall": {"name": "f", "args": DATA}}]},
            {"role": "user", "parts": [{"functionResponse": {"name": "f", "response": DATA}}]},
        ],
        "tools": [{"functionDeclarations": [{"name": "f", "parameters": SCHEMA}]}],
        "generationConfig": {"responseSchema": SCHEMA},
    },
    "MCP tools/call": {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "f", "arguments": DATA}},
    "MCP tools/call, in a batch": [{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "f", "arguments": DATA}}],
}  # fmt: skip


def shipped() -> MaskSets:
    faults = Faults()
    sets = parse(document.read(SHIPPED.read_text(encoding="utf-8"), "masks.yaml", faults), faults)
    assert sets
    return sets


SETS = shipped()


@pytest.mark.parametrize("name", CALLS)
def test_regulated_values_are_gone_wherever_the_call_has_them(name: str) -> None:
    sent = mask_json(json.dumps(CALLS[name]).encode(), SETS.job(ALL), Session()).data.decode()

    for value in ("canary", "1234567", "1111 1111", "3704 0044", "AKIAIOSF"):
        assert value not in sent
    assert "Ich bin ***, ***; Karte ***, Konto ***, Schl" in sent


@pytest.mark.parametrize("name", CALLS)
def test_names_are_found_in_any_case(name: str) -> None:
    """Go and .NET read them so."""
    text = json.dumps(CALLS[name])
    for field in ("email", "iban", "diagnosis", "password"):
        text = text.replace(f'{field}\\"', f'{field.upper()}\\"').replace(
            f'{field}"', f'{field.title()}"'
        )

    assert "canary-" not in mask_json(text.encode(), SETS.job(ALL), Session()).data.decode()


@pytest.mark.parametrize("name", CALLS)
def test_schemas_and_all_else_arrive_as_they_were(name: str) -> None:
    text = json.dumps(CALLS[name])
    sent = mask_json(text.encode(), SETS.job(ALL), Session()).data.decode()

    assert sent.count(json.dumps(SCHEMA)) == text.count(json.dumps(SCHEMA))
    assert sent.count("ok") == text.count("ok")
    assert isinstance(json.loads(sent), type(CALLS[name]))


@pytest.mark.parametrize("name", CALLS)
def test_each_set_by_itself_takes_its_own(name: str) -> None:
    text = json.dumps(CALLS[name]).encode()

    gone = {
        "personal-data": b"canary@example.com",
        "payment-data": b"4111 1111",
        "credentials": b"AKIAIOSF",
    }
    for one, value in gone.items():
        assert value not in mask_json(text, SETS.job([one]), Session()).data
