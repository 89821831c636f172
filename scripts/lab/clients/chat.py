"""The openai SDK: a chat completion. Standard input: the metadata, as JSON."""

import hashlib
import json
import sys

import openai

client = openai.OpenAI(max_retries=0)
try:
    raw = client.chat.completions.with_raw_response.create(
        model="gpt-5",
        messages=[{"role": "user", "content": "Score this customer from 0 to 100."}],
        metadata=json.load(sys.stdin),
    )
    request, status = raw.http_request, raw.status_code
    says: object = raw.parse().choices[0].message.content
except openai.APIStatusError as e:
    request, status, says = e.request, e.status_code, e.body
body = request.content
print(
    json.dumps(
        {
            "status": status,
            "says": says,
            "sent": body.decode(),
            "digest": hashlib.sha256(body).hexdigest(),
        }
    )
)
