"""Every documented shape of the shipped catalogue, attacks first."""

import pytest

from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE
from tests.atlases import ask, shipped

RUNTIME = "bedrock-runtime.{}.amazonaws.com/model/{}/converse"
INVOKE = "/2015-03-31/functions/score/invocations"
VERTEX = "/v1/projects/p/locations/{}/publishers/google/models/gemini-3:generateContent"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1%3A0"
EEA_CH = shipped().jurisdictions.members["eea-plus-ch"]
EU = shipped().jurisdictions.members["EU"]


def places(url: str, body: object = PENDING) -> str:
    return str(ask(url, body).places)


@pytest.mark.parametrize(
    "host",
    [
        "lambda.eu-west-1.amazonaws.com.evil.example",
        "lambda.eu-west-1.notamazonaws.com",
        "evil-lambda.eu-west-1.amazonaws.com",
        "lambda.eu-west-1.evil.amazonaws.com",
        "x.lambda.eu-west-1.amazonaws.com",
        "eu-west-1.amazonaws.com",
        "lambda.amazonaws.com",
        "lambda.eu-central-9.amazonaws.com",
        "lambda.europe-west3.amazonaws.com",
        "lambda.cn-north-1.amazonaws.com",
        "lambda.eu-west-1.amazonaws.com.cn",
        "lambda.eusc-de-east-1.amazonaws.com",
        "lambda.eu-west-1.amazonaws.eu",
        "LAMBDA.eu-west-1.amazonaws.com",
        "lambda.eu-west-1.amazonaws.com.",
        "lambda.eu-west-1.amazonaws.com:443",
        "a@lambda.eu-west-1.amazonaws.com",
        "api.openai.com.evil.example",
        "xapi.openai.com",
        "eu.api.openai.com.evil.example",
        "api.anthropic.com.evil.example",
        "europe-west99-aiplatform.googleapis.com",
        "eu-west-1-aiplatform.googleapis.com",
        "xeurope-west3-aiplatform.googleapis.com",
        "europe-west3-aiplatform.googleapis.com.evil.example",
        "score.lambda-url.us-gov-west-1.on.aws",
        "localhost", "127.0.0.1", "",
    ],
)  # fmt: skip
def test_a_look_alike_has_no_place(host: str) -> None:
    answer = ask(host + INVOKE, NO_BODY)

    assert (answer.places.unknown, answer.status, answer.provider, answer.function) == (
        True,
        "unknown",
        None,
        None,
    )


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("lambda.eu-west-1.amazonaws.com", "IE"),
        ("lambda-fips.us-east-1.amazonaws.com", "US"),
        ("lambda.eu-west-1.api.aws", "IE"),
        ("lambda-fips.us-gov-west-1.api.aws", "US"),
        ("lambda.cn-north-1.amazonaws.com.cn", "CN"),
        ("lambda.cn-north-1.api.amazonwebservices.com.cn", "CN"),
        ("lambda.eusc-de-east-1.amazonaws.eu", "DE"),
        ("lambda.eusc-de-east-1.api.amazonwebservices.eu", "DE"),
        ("lambda.us-iso-east-1.c2s.ic.gov", "US"),
        ("lambda.us-isob-east-1.sc2s.sgov.gov", "US"),
        ("lambda.eu-isoe-west-1.cloud.adc-e.uk", "GB"),
        ("lambda.us-isof-south-1.csp.hci.ic.gov", "US"),
        ("lambda.eu-central-2.amazonaws.com", "CH"),
        ("lambda.me-west-1.amazonaws.com", "SA"),
        ("score.lambda-url.eu-west-3.on.aws", "FR"),
    ],
)
def test_lambda_runs_where_its_host_says(host: str, place: str) -> None:
    answer = ask(host + INVOKE, NO_BODY)

    assert str(answer.places) == place
    assert answer.status == "declared"


@pytest.mark.parametrize(
    ("name", "function", "status"),
    [
        ("score", "aws:lambda:score", "declared"),
        ("score:PROD", "aws:lambda:score", "declared"),
        ("123456789012:function:score", "aws:lambda:score", "declared"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:score", "aws:lambda:score", "declared"),
        (
            "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Ascore%3A7",
            "aws:lambda:score",
            "declared",
        ),
        ("arn:aws:lambda:us-east-1:123456789012:function:score", "aws:lambda:score", "conflict"),
        ("arn:aws:lambda:us-east-1:123456789012:function:score:7", "aws:lambda:score", "conflict"),
        ("arn:aws:other", "aws:lambda:arn:aws:other", "unknown"),
        ("(secret)", "aws:lambda:?", "declared"),
        ("x" * 200, "aws:lambda:?", "declared"),
    ],
)
def test_a_lambda_name_or_arn(name: str, function: str, status: str) -> None:
    answer = ask(
        f"lambda.eu-west-1.amazonaws.com/2015-03-31/functions/{name}/invocations", NO_BODY
    )

    assert (answer.function, answer.status) == (function, status)
    assert answer.places.unknown == (status != "declared")


@pytest.mark.parametrize(
    ("region", "model", "expected"),
    [
        ("eu-west-1", f"global.{HAIKU}", "anywhere"),
        ("eu-west-1", "%67lobal.anthropic.claude", "anywhere"),
        ("eu-west-2", f"eu.{HAIKU}", "DE ES FR GB IE IT SE"),
        ("eu-central-2", f"eu.{HAIKU}", "CH DE ES FR IE IT SE"),
        ("il-central-1", "eu.anthropic.claude-sonnet-4-20250514-v1:0", "DE ES FR IE IL IT SE"),
        ("eu-west-1", f"eu.{HAIKU}", "DE ES FR IE IT SE"),
        ("eu-west-1", "eu.anthropic.claude-3-7-sonnet-20250219-v1:0", "DE FR IE SE"),
        ("eu-west-1", "eu.amazon.nova-lite-v1:0", "DE FR IE SE"),
        ("il-central-1", "eu.amazon.nova-lite-v1:0", "DE ES FR IE IL IT SE"),
        ("eu-west-1", "eu.anthropic.claude-3-haiku-20240307-v1:0", "DE FR IE"),
        ("us-east-1", f"us.{HAIKU}", "US"),
        ("ca-central-1", f"us.{HAIKU}", "CA US"),
        ("us-east-2", "us.anthropic.claude-3-haiku-20240307-v1:0", "US"),
        ("ca-central-1", "ca.amazon.nova-lite-v1:0", "CA"),
        ("ap-northeast-1", "apac.anthropic.claude-3-haiku-20240307-v1:0", "AU IN JP KR SG"),
        ("ap-northeast-1", "apac.anthropic.claude-3-5-sonnet-20241022-v2:0", "AU IN JP KR SG"),
        ("ap-northeast-1", "apac.anthropic.claude-sonnet-4-20250514-v1:0", "AU IN JP KR SG"),
        ("me-central-1", "apac.anthropic.claude-sonnet-4-20250514-v1:0", "AE AU ID IN JP KR SG"),
        ("ap-east-2", "apac.amazon.nova-lite-v1:0", "AU ID IN JP KR SG TW"),
        ("ap-northeast-1", f"jp.{HAIKU}", "JP"),
        ("ap-southeast-2", f"au.{HAIKU}", "AU"),
        ("us-gov-west-1", f"us-gov.{HAIKU}", "US"),
        ("eu-west-1", HAIKU, "IE"),
        ("eu-west-2", "anthropic.claude-3-haiku-20240307-v1:0", "GB"),
        ("eu-west-1", "sa.anthropic.claude-x", "unknown"),
        ("eu-west-1", "EU.anthropic.claude-x", "unknown"),
        ("eu-west-1", "nobody.model", "unknown"),
        ("eu-west-1", "abcdefgh", "unknown"),
        (
            "eu-west-1",
            "arn:aws:bedrock:eu-west-1:1:application-inference-profile%2Fabc",
            "unknown",
        ),
        ("eu-west-1", "arn:aws:bedrock:eu-west-1:1:prompt%2Fabc", "unknown"),
        (
            "eu-west-1",
            "arn%3Aaws%3Abedrock%3Aeu-west-1%3A1%3Ainference-profile%2Feu.anthropic.claude-x",
            "DE ES FR IE IT SE",
        ),
        ("eu-west-1", "arn:aws:bedrock:eu-west-1::foundation-model%2Fanthropic.claude-x", "IE"),
        ("eu-west-1", "arn:aws:bedrock:eu-west-1:1:provisioned-model%2Fabc", "IE"),
        (
            "eu-west-1",
            "arn:aws:bedrock:eu-west-1:1:inference-profile%2Fglobal.anthropic.claude-x",
            "anywhere",
        ),
    ],
)
def test_bedrock_profiles_and_models(region: str, model: str, expected: str) -> None:
    assert places(RUNTIME.format(region, model)) == expected


def test_an_arn_of_another_region_is_a_conflict() -> None:
    arn = "arn:aws:bedrock:us-east-1::foundation-model%2Fanthropic.claude-x"

    answer = ask(RUNTIME.format("eu-west-1", arn))

    assert (answer.status, str(answer.places)) == ("conflict", "unknown")


@pytest.mark.parametrize(
    "path",
    [
        "/model/anthropic.claude%2F..%2Fglobal.x/converse", "/model/../model/anthropic.x/converse", "/model//anthropic.x/converse",
        "/model/anthropic.x;a=b/converse", "/model/%2567lobal.x/converse", "/model/anthropic.x%2Fconverse", "/model/anthropic.x/converse/",
        "/model/anthropic.x\\converse", "/model/anthropic.x%00/converse", "/model/anthropic.x%/converse", "/model/anthropic.\xe4/converse",
        "/model/%2e%2e/converse", "/model/anthropic.x/./converse", "/model/anthropic.x%5c/converse", "/model/anthropic.x%C3%A4/converse",
        "/model/anthropic.x%3Bb/converse", "/guardrail/g/version/1/apply", "/MODEL/anthropic.x/converse", "//evil/model/anthropic.x/converse", "*",
    ],
)  # fmt: skip
def test_a_path_that_is_not_plain_never_narrows(path: str) -> None:
    host, _, rest = f"bedrock-runtime.eu-west-1.amazonaws.com{path}".partition("/")

    answer = ask(f"{host}/{rest}")

    assert answer.places.unknown
    assert answer.status == "unknown"


@pytest.mark.parametrize(
    ("url", "body", "expected", "function"),
    [
        ("bedrock-mantle.eu-west-2.api.aws/openai/v1/responses", {"model": "eu.anthropic.claude-sonnet-4-5"}, "DE ES FR GB IE IT SE", "aws:bedrock:eu.anthropic.claude-sonnet-4-5"),
        ("bedrock-mantle.eu-west-1.api.aws/v1/chat/completions", {"model": "openai.gpt-oss-120b"}, "IE", "aws:bedrock:openai.gpt-oss-120b"),
        ("bedrock-mantle.eu-west-1.api.aws/v1/chat/completions", {"model": 7}, "unknown", "aws:bedrock:?"),
        ("bedrock-mantle.eu-west-1.api.aws/v1/chat/completions", UNREADABLE, "unknown", "aws:bedrock:?"),
        ("bedrock-runtime.eu-west-1.amazonaws.com/async-invoke", {"modelId": "amazon.nova-reel-v1:0"}, "IE", "aws:bedrock:amazon.nova-reel-v1:0"),
        ("bedrock-runtime.eu-west-1.amazonaws.com/async-invoke", {}, "unknown", "aws:bedrock:?"),
        ("bedrock.eu-west-1.amazonaws.com/model-invocation-job", {"modelId": "global.x"}, "anywhere", "aws:bedrock:global.x"),
        ("bedrock-agent-runtime.eu-west-1.amazonaws.com/agents/a/agentAliases/b/sessions/c/text", {}, "unknown", "aws:bedrock-agent:?"),
        ("aws-external-anthropic.eu-west-1.api.aws/v1/messages", {"model": "claude-x"}, "anywhere", "aws:external-anthropic:claude-x"),
        ("aws-external-anthropic.eu-west-1.api.aws/v1/messages", {"inference_geo": "us"}, "US", "aws:external-anthropic:?"),
        ("aws-external-anthropic.eu-west-1.api.aws/other", NO_BODY, "anywhere", "aws:external-anthropic:?"),
        ("api.anthropic.com/v1/messages", {"model": "claude-x", "inference_geo": "us"}, "US", "anthropic:messages:claude-x"),
        ("api.anthropic.com/v1/messages", {"model": "claude-x", "inference_geo": "global"}, "anywhere", "anthropic:messages:claude-x"),
        ("api.anthropic.com/v1/messages", {"model": "claude-x"}, "anywhere", "anthropic:messages:claude-x"),
        ("api.anthropic.com/v1/messages", {"inference_geo": ["us"]}, "unknown", "anthropic:messages:?"),
        ("api.anthropic.com/v1/messages", UNREADABLE, "unknown", "anthropic:messages:?"),
        ("api.anthropic.com/v1/messages/batches", {"requests": [{"params": {"inference_geo": "us", "model": "m"}}] * 2}, "US", "anthropic:messages.batches:m"),
        ("api.anthropic.com/v1/messages/batches", {"requests": [{"params": {"inference_geo": "us"}}, {"params": {}}]}, "anywhere", "anthropic:messages.batches:?"),
        ("api.anthropic.com/v1/messages/batches", {"requests": []}, "anywhere", "anthropic:messages.batches:?"),
        ("api.anthropic.com/v1/models", NO_BODY, "anywhere", "anthropic:models:?"),
        ("claude.googleapis.com/v1alpha/projects/p/locations/global/workspaces/w/invoke", {"inference_geo": "us"}, "US", "google:claude:?"),
        ("claude.googleapis.com/v1alpha/projects/p/locations/europe-west3/workspaces/w/invoke", {}, "anywhere", "google:claude:?"),
        ("generativelanguage.googleapis.com/v1beta/models/gemini-3:generateContent", PENDING, "anywhere", "google:generativelanguage:gemini-3"),
        ("api.openai.com/v1/chat/completions", {"model": "gpt-5"}, "anywhere", "openai:chat.completions:gpt-5"),
        ("mtls.api.openai.com/v1/responses", {"model": "gpt-5"}, "anywhere", "openai:responses:gpt-5"),
        ("us.api.openai.com/v1/embeddings", {"model": "e"}, "US", "openai:embeddings:e"),
        ("us.api.openai.com/v1/chat/completions", UNREADABLE, "US", "openai:chat.completions:?"),
        ("ae.api.openai.com/v1/chat/completions", {"model": "gpt-5.5-2026-04-23"}, "AE", "openai:chat.completions:gpt-5.5-2026-04-23"),
        ("ae.api.openai.com/v1/responses", {"model": "gpt-5.5-pro-2026-04-23"}, "AE", "openai:responses:gpt-5.5-pro-2026-04-23"),
        ("ae.api.openai.com/v1/chat/completions", {"model": "gpt-5.5-pro-2026-04-23"}, "anywhere", "openai:chat.completions:gpt-5.5-pro-2026-04-23"),
        ("ae.api.openai.com/v1/embeddings", {"model": "text-embedding-3-large"}, "AE", "openai:embeddings:text-embedding-3-large"),
        ("ae.api.openai.com/v1/chat/completions", UNREADABLE, "unknown", "openai:chat.completions:?"),
        ("ae.api.openai.com/v1/files", NO_BODY, "anywhere", "openai:files:?"),
        ("zz.api.openai.com/v1/chat/completions", {"model": "gpt-5"}, "unknown", "openai:chat.completions:gpt-5"),
        ("api.openai.com/v1/files/file-Ab12/content", NO_BODY, "anywhere", "openai:files.?.content:?"),
        ("api.openai.com/v1/chat/completions", {"model": "my secret: 123"}, "anywhere", "openai:chat.completions:?"),
    ],
)  # fmt: skip
def test_bodies_and_the_ai_vendors(url: str, body: object, expected: str, function: str) -> None:
    answer = ask(url, body)

    assert (str(answer.places), answer.function) == (expected, function)


@pytest.mark.parametrize("prefix", ["au", "ca", "jp", "in", "sg", "kr", "gb"])
def test_a_storage_only_prefix_runs_anywhere(prefix: str) -> None:
    assert places(f"{prefix}.api.openai.com/v1/responses", {"model": "gpt-5"}) == "anywhere"


def test_openai_eu_is_the_eea_and_switzerland() -> None:
    assert ask("eu.api.openai.com/v1/responses").places.codes == EEA_CH
    assert len(EEA_CH) == 31


@pytest.mark.parametrize(
    ("host", "location", "expected", "status"),
    [
        ("europe-west3-aiplatform.googleapis.com", "europe-west3", "DE", "declared"),
        ("europe-west2-aiplatform.googleapis.com", "europe-west2", "GB", "declared"),
        ("europe-west6-aiplatform.googleapis.com", "europe-west6", "CH", "declared"),
        ("europe-west3-aiplatform.googleapis.com", "us-central1", "unknown", "conflict"),
        ("europe-west3-aiplatform.googleapis.com", "global", "unknown", "conflict"),
        ("me-central1-aiplatform.googleapis.com", "me-central1", "unknown", "unknown"),
        ("me-central2-aiplatform.googleapis.com", "me-central2", "unknown", "unknown"),
        ("me-west1-aiplatform.googleapis.com", "me-west1", "unknown", "unknown"),
        ("aiplatform.googleapis.com", "global", "anywhere", "declared"),
        ("aiplatform.googleapis.com", "europe-west3", "unknown", "unknown"),
        ("aiplatform.us.rep.googleapis.com", "us", "US", "declared"),
        ("aiplatform.eu.rep.googleapis.com", "us", "unknown", "conflict"),
        ("aiplatform.eu.rep.googleapis.com", "global", "unknown", "conflict"),
    ],
)
def test_vertex_host_and_location(host: str, location: str, expected: str, status: str) -> None:
    answer = ask(host + VERTEX.format(location))

    assert (str(answer.places), answer.status) == (expected, status)
    assert answer.function == "google:vertex:gemini-3"


def test_vertex_eu_is_the_member_states() -> None:
    assert ask("aiplatform.eu.rep.googleapis.com" + VERTEX.format("eu")).places.codes == EU


def test_vertex_without_a_location() -> None:
    express = "/v1/publishers/google/models/gemini-3:generateContent"

    assert places("aiplatform.googleapis.com" + express) == "anywhere"
    assert places("europe-west3-aiplatform.googleapis.com" + express) == "unknown"


def test_every_entry_says_where_it_comes_from() -> None:
    entries = shipped().entries

    assert len(entries) > 30
    assert all(e.source and e.as_of and e.confidence in ("high", "medium", "low") for e in entries)
