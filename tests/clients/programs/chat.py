"""The openai SDK: one chat completion. Argument: how often it may retry. Standard input: the metadata, as JSON."""

import json
import sys

import openai

client = openai.OpenAI(max_retries=int(sys.argv[1]))
try:
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-5",
        messages=[{"role": "user", "content": "Score this customer from 0 to 100."}],
        metadata=json.load(sys.stdin),
    )
    found = {
        "status": raw.status_code,
        "says": raw.parse().choices[0].message.content,
        "sent": raw.http_request.content.decode(),
    }
except openai.APIStatusError as e:
    found = {
        "status": e.status_code,
        "problem": json.loads(e.response.text),
        "retry_after": e.response.headers.get("retry-after"),
        "error": type(e).__name__,
    }
except openai.APIConnectionError as e:
    found = {"complaint": f"{type(e).__name__}: {e.__cause__}"}
json.dump(found, sys.stdout)
