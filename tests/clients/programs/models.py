"""A model's SDK: ``models KIND``, one of ``KINDS``. Standard input: e-mail address and name. Prints what the model says.

A tool's arguments are printed as the SDK gives them to a program.
"""

import json
import sys
from typing import Any

import anthropic
import boto3
import openai

EMAIL, NAME = json.load(sys.stdin)
SAY = f"Write to {EMAIL}"
SCHEMA = {"type": "object", "properties": {"to": {"type": "string"}, "name": {"type": "string"}}}
MORE: Any = {"extra_body": {"full_name": NAME}}
MESSAGES: Any = [{"role": "user", "content": SAY}]
FUNCTION: Any = {"type": "function", "function": {"name": "mail", "parameters": SCHEMA}}


def chat() -> tuple[str, Any]:
    done = openai.OpenAI(max_retries=0).chat.completions.create(
        model="gpt-5", messages=MESSAGES, tools=[FUNCTION], **MORE
    )
    message: Any = done.choices[0].message
    return message.content, json.loads(message.tool_calls[0].function.arguments)


def chat_stream() -> tuple[str, Any]:
    text = arguments = ""
    for chunk in openai.OpenAI(max_retries=0).chat.completions.create(
        model="gpt-5", messages=MESSAGES, tools=[FUNCTION], stream=True, **MORE
    ):
        delta = chunk.choices[0].delta
        text += delta.content or ""
        for call in delta.tool_calls or []:
            arguments += (call.function and call.function.arguments) or ""
    return text, json.loads(arguments)


def responses_stream() -> tuple[str, Any]:
    tool: Any = {"type": "function", "name": "mail", "parameters": SCHEMA, "strict": False}
    text = arguments = ""
    for event in openai.OpenAI(max_retries=0).responses.create(
        model="gpt-5", input=SAY, tools=[tool], stream=True, **MORE
    ):
        if event.type == "response.output_text.delta":
            text += event.delta
        elif event.type == "response.function_call_arguments.delta":
            arguments += event.delta
    return text, json.loads(arguments)


def _anthropic() -> dict[str, Any]:
    tool = {"name": "mail", "input_schema": SCHEMA}
    return {"model": "claude-sonnet-4-5", "max_tokens": 99, "messages": MESSAGES, "tools": [tool], **MORE}  # fmt: skip


def messages() -> tuple[str, Any]:
    done: Any = anthropic.Anthropic(max_retries=0).messages.create(**_anthropic())
    return done.content[0].text, done.content[1].input


def messages_stream() -> tuple[str, Any]:
    with anthropic.Anthropic(max_retries=0).messages.stream(**_anthropic()) as stream:
        done: Any = stream.get_final_message()
    return done.content[0].text, done.content[1].input


def _bedrock() -> dict[str, Any]:
    return {
        "modelId": "anthropic.claude-3-haiku-20240307-v1:0",
        "messages": [{"role": "user", "content": [{"text": SAY}]}],
        "toolConfig": {"tools": [{"toolSpec": {"name": "mail", "inputSchema": {"json": SCHEMA}}}]},
        "additionalModelRequestFields": {"full_name": NAME},
    }


def converse() -> tuple[str, Any]:
    answer = boto3.client("bedrock-runtime", region_name="us-east-1").converse(**_bedrock())
    content = answer["output"]["message"]["content"]
    return content[0]["text"], content[1]["toolUse"]["input"]


def converse_stream() -> tuple[str, Any]:
    client = boto3.client("bedrock-runtime", region_name="us-east-1")
    text = arguments = ""
    for event in client.converse_stream(**_bedrock())["stream"]:
        delta = event.get("contentBlockDelta", {}).get("delta", {})
        text += delta.get("text", "")
        arguments += delta.get("toolUse", {}).get("input", "")
    return text, json.loads(arguments)


KINDS = {
    f.__name__: f
    for f in (chat, chat_stream, responses_stream, messages, messages_stream, converse, converse_stream)
}  # fmt: skip
try:
    said, called = KINDS[sys.argv[1]]()
    found = {"text": said, "arguments": called}
except Exception as e:  # noqa: BLE001 - whatever the SDK makes of it is what a program sees
    found = {"complaint": f"{type(e).__name__}: {e}"}
json.dump(found, sys.stdout)
