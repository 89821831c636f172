"""boto3: one call of SERVICE whose body has the e-mail address on standard input; prints what came back."""

import json
import sys
from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config

REGION = "eu-central-1"
kind, email = sys.argv[1], sys.stdin.read()


def client(service: str, **more: Any) -> Any:
    return boto3.client(service, region_name=REGION, **more)


def lambda_() -> Any:
    # An ARN in the path is encoded twice to be signed; an alias is a query.
    arn = f"arn:aws:lambda:{REGION}:123456789012:function:score"
    answer = client("lambda").invoke(
        FunctionName=arn, Qualifier="live$a b", Payload=json.dumps({"email": email})
    )
    return json.load(answer["Payload"])


def converse() -> Any:
    messages = [{"role": "user", "content": [{"text": f"Write to {email}"}]}]
    answer = client("bedrock-runtime").converse(
        modelId="anthropic.claude-3-haiku-20240307-v1:0", messages=messages
    )
    return answer["output"]["message"]["content"][0]["text"]


def dynamodb() -> Any:
    answer = client("dynamodb").put_item(
        TableName="people", Item={"id": {"S": "1"}, "mail": {"S": email}}, ReturnValues="ALL_OLD"
    )
    return answer["Attributes"]["mail"]["S"]


def s3(**settings: Any) -> Any:
    # One spelling of a path that holds everything that has to be encoded.
    config = Config(
        s3={"addressing_style": "virtual", **settings},
        request_checksum_calculation="when_required",
    )
    answer = client("s3", config=config).put_object(
        Bucket="people", Key="a b/ä+=&:~(1)*'.json", Body=json.dumps({"email": email}).encode(),
        ContentType="application/json", Metadata={"Kind": "a  b"},
    )  # fmt: skip
    return answer["ETag"]


def s3_chunked() -> Any:
    answer = client("s3").put_object(
        Bucket="people",
        Key="a.json",
        Body=json.dumps({"email": email}).encode(),
        ContentType="application/json",
    )
    return answer["ETag"]


def s3_payload() -> Any:
    return s3(payload_signing_enabled=True)


KINDS = {"lambda": lambda_, "converse": converse, "dynamodb": dynamodb, "s3": s3, "s3-signed-payload": s3_payload,
         "s3-chunked": s3_chunked}  # fmt: skip

try:
    found: dict[str, Any] = {"says": KINDS[kind]()}
except botocore.exceptions.ClientError as e:
    found = {"complaint": str(e), "status": e.response["ResponseMetadata"]["HTTPStatusCode"]}
except botocore.exceptions.BotoCoreError as e:
    found = {"complaint": f"{type(e).__name__}: {e}"}
json.dump(found, sys.stdout)
