"""boto3: ``lambda REGION FUNCTION`` with the payload on standard input, or ``converse REGION MODEL``."""

import json
import sys
from typing import Any

import boto3
import botocore.exceptions


def invoke(region: str, function: str) -> tuple[dict[str, Any], Any]:
    client = boto3.client("lambda", region_name=region)
    answer = client.invoke(FunctionName=function, Payload=sys.stdin.buffer.read())
    return answer["ResponseMetadata"], json.load(answer["Payload"])


def converse(region: str, model: str) -> tuple[dict[str, Any], Any]:
    client = boto3.client("bedrock-runtime", region_name=region)
    messages = [{"role": "user", "content": [{"text": "Good morning"}]}]
    answer = client.converse(modelId=model, messages=messages)
    return answer["ResponseMetadata"], answer["output"]["message"]["content"][0]["text"]


try:
    metadata, says = {"lambda": invoke, "converse": converse}[sys.argv[1]](*sys.argv[2:])
    found = {"says": says}
except botocore.exceptions.ClientError as e:
    metadata, found = e.response["ResponseMetadata"], {"complaint": str(e)}
except botocore.exceptions.BotoCoreError as e:
    metadata, found = {}, {"complaint": f"{type(e).__name__}: {e}"}
headers = metadata.get("HTTPHeaders", {})
found |= {
    "status": metadata.get("HTTPStatusCode"),
    "attempts": metadata.get("RetryAttempts", 0) + 1,
    "decision": headers.get("residency-decision"),
    "retry_after": headers.get("retry-after"),
}
json.dump(found, sys.stdout)
