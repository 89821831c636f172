"""The service and the region that a host of AWS wants calls to be signed for. ``None`` where the name does not tell.

Sources: botocore 1.44, ``endpointPrefix`` and ``signingName`` of its service models; AWS General Reference, "Service
endpoints"; S3 user guide, "Virtual hosting" and "Dual-stack endpoints"; AWS PrivateLink guide, endpoint DNS names.
"""

import re

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+){1,3}-[0-9]{1,2}")
#: By what a host ends in: what its region has to begin with.
_SUFFIXES = {".amazonaws.com": "", ".amazonaws.com.cn": "cn-", ".api.aws": ""}
_FUNCTION_URL = ".on.aws"
#: Where the name before the region is not the name that is signed for.
_SIGNED_FOR = {
    "bedrock-agent": "bedrock", "bedrock-agent-runtime": "bedrock", "bedrock-agentcore-control": "bedrock-agentcore",
    "bedrock-data-automation": "bedrock", "bedrock-data-automation-runtime": "bedrock", "bedrock-runtime": "bedrock",
    "api.sagemaker": "sagemaker", "featurestore-runtime.sagemaker": "sagemaker", "runtime.sagemaker": "sagemaker",
    "api.ecr": "ecr", "appconfigdata": "appconfig", "email": "ses", "forecastquery": "forecast",
    "ingest.timestream": "timestream", "query.timestream": "timestream", "models-v2-lex": "lex", "models.lex": "lex",
    "runtime-v2-lex": "lex", "runtime.lex": "lex", "personalize-events": "personalize",
    "personalize-runtime": "personalize", "pinpoint": "mobiletargeting", "streams.dynamodb": "dynamodb",
}  # fmt: skip
#: What has names of its own before it (buckets, APIs, accounts), and what that is signed for.
_FRONTED = {"s3": "s3", "s3-accesspoint": "s3", "execute-api": "execute-api", "ddb": "dynamodb"}


def scope_of(host: str) -> tuple[str, str] | None:
    """The service and region of *host*, a canonical host name."""
    if host.endswith(_FUNCTION_URL):
        match host.removesuffix(_FUNCTION_URL).split("."):
            case [_, "lambda-url", region] if _REGION.fullmatch(region):
                return "lambda", region
        return None
    for suffix, begins in _SUFFIXES.items():
        if host.endswith(suffix):
            *labels, region = host.removesuffix(suffix).removesuffix(".vpce").split(".")
            in_partition = region.startswith("cn-") == (begins == "cn-")
            service = _service(labels, private=f".vpce{suffix}" in host)
            return (
                (service, region)
                if service and in_partition and _REGION.fullmatch(region)
                else None
            )
    return None


def _service(labels: list[str], *, private: bool) -> str | None:
    if labels[-1:] == ["dualstack"]:
        labels = labels[:-1]
    labels = [label.removesuffix("-fips") for label in labels]
    if private:
        last = max((n for n, x in enumerate(labels) if x.startswith("vpce-")), default=None)
        if last is None:
            return None
        labels = labels[last + 1 :]
    name = ".".join(labels)
    if name in _SIGNED_FOR:
        return _SIGNED_FOR[name]
    if labels and labels[-1] in _FRONTED:
        return _FRONTED[labels[-1]]
    return name if len(labels) == 1 else None
