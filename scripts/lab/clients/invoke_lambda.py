"""boto3: invoke a Lambda function. Arguments: region, function name. Standard input: the payload."""

import json
import sys

import boto3

region, function = sys.argv[1:]
answer = boto3.client("lambda", region_name=region).invoke(
    FunctionName=function, Payload=sys.stdin.buffer.read()
)
print(json.dumps({"status": answer["StatusCode"], "answer": json.load(answer["Payload"])}))
