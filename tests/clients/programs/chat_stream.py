"""The openai SDK: a chat completion as a stream. Prints each word in a line of its own, as soon as it is there."""

import json
import sys

import openai

stream = openai.OpenAI(max_retries=0).chat.completions.create(
    model="gpt-5",
    messages=[{"role": "user", "content": "Say something."}],
    metadata=json.loads(sys.argv[1]),
    stream=True,
)
for chunk in stream:
    sys.stdout.write(f"{chunk.choices[0].delta.content}\n")
    sys.stdout.flush()
