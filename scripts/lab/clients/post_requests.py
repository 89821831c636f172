"""requests: POST standard input as JSON. Argument: the URL."""

import json
import sys

import requests

answer = requests.post(
    sys.argv[1],
    data=sys.stdin.buffer.read(),
    headers={"Content-Type": "application/json"},
    timeout=60,
)
print(json.dumps({"status": answer.status_code, "answer": answer.json()}))
