"""boto3: talk to a Bedrock model. Arguments: region, model id."""

import json
import sys

import boto3
import botocore.exceptions

region, model = sys.argv[1:]
client = boto3.client("bedrock-runtime", region_name=region)
try:
    answer = client.converse(
        modelId=model, messages=[{"role": "user", "content": [{"text": "Good morning"}]}]
    )
    metadata = answer["ResponseMetadata"]
except botocore.exceptions.ClientError as e:
    metadata = e.response["ResponseMetadata"]
headers = metadata["HTTPHeaders"]
print(
    json.dumps(
        {"status": metadata["HTTPStatusCode"], "decision": headers.get("residency-decision")}
    )
)
