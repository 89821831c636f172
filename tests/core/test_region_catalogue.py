"""Every documented shape of the shipped catalogue, attacks first."""

import pytest

from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE
from tests.atlases import ask, shipped
from tests.policies import ask as decision
from tests.policies import policy, told

RUNTIME = "bedrock-runtime.{}.amazonaws.com/model/{}/converse"
INVOKE = "/2015-03-31/functions/score/invocations"
HAIKU = "anthropic.claude-haiku-4-5-20251001-v1%3A0"
EEA_CH = shipped().jurisdictions.members["eea-plus-ch"]


def places(url: str, body: object = PENDING) -> str:
    return str(ask(url, body).places)


@pytest.mark.parametrize(
    "host",
    [
        "lambda.eu-west-1.amazonaws.com.evil.example",
        "lambda.eu-west-1.notamazonaws.com",
        "lambda.eu-central-9.amazonaws.com",
        "lambda.europe-west3.amazonaws.com",
        "lambda.cn-north-1.amazonaws.com",
        "lambda.eu-west-1.amazonaws.com.cn",
        "lambda.eusc-de-east-1.amazonaws.com",
        "lambda.eu-west-1.amazonaws.eu",
        "lambda.eu-west-1.amazonaws.com.",
        "lambda.eu-west-1.amazonaws.com:443",
        "api.openai.com.evil.example",
        "xapi.openai.com",
        "eu.api.openai.com.evil.example",
        "api.anthropic.com.evil.example",
        "europe-west3-aiplatform.googleapis.com.evil.example",
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
    "host",
    [
        "evil-lambda.eu-west-1.amazonaws.com",
        "lambda.eu-west-1.evil.amazonaws.com",
        "x.lambda.eu-west-1.amazonaws.com",
        "eu-west-1.amazonaws.com",
        "lambda.amazonaws.com",
        "LAMBDA.eu-west-1.amazonaws.com",
        "a@lambda.eu-west-1.amazonaws.com",
        "score.lambda-url.us-gov-west-1.on.aws",
    ],
)
def test_a_look_alike_in_the_providers_own_zone_has_no_place(host: str) -> None:
    answer = ask(host + INVOKE, NO_BODY)

    assert (answer.places.unknown, answer.status, answer.regions) == (True, "unknown", ())


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
        ("score:$LATEST.PUBLISHED", "aws:lambda:score", "declared"),
        ("score.v2", "aws:lambda:score.v2", "declared"),
        ("function:score", "aws:lambda:score", "declared"),
        ("eu-west-1:score", "aws:lambda:score", "declared"),
        ("eu-west-1:function:score:7", "aws:lambda:score", "declared"),
        ("123456789012:score", "aws:lambda:123456789012/score", "declared"),
        ("123456789012:function:score", "aws:lambda:123456789012/score", "declared"),
        ("123456789012:function:score:PROD", "aws:lambda:123456789012/score", "declared"),
        ("eu-west-1:123456789012:score", "aws:lambda:123456789012/score", "declared"),
        ("eu-west-1:123456789012:function:score:7", "aws:lambda:123456789012/score", "declared"),
        ("arn:aws:lambda:eu-west-1:123456789012:function:score", "aws:lambda:123456789012/score", "declared"),
        ("arn:aws:lambda:score", "aws:lambda:score", "declared"),
        (
            "arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Ascore%3A7",
            "aws:lambda:123456789012/score",
            "declared",
        ),
        ("arn:aws:lambda:us-east-1:123456789012:function:score", "aws:lambda:123456789012/score", "conflict"),
        ("us-east-1:123456789012:function:score", "aws:lambda:123456789012/score", "conflict"),
        ("us-east-1:function:score", "aws:lambda:score", "conflict"),
        ("us-east-1:score", "aws:lambda:score", "conflict"),
        ("arn:aws:other", "aws:lambda:?", "unknown"),
        ("12345:function:score", "aws:lambda:?", "unknown"),
        ("score:", "aws:lambda:?", "unknown"),
        ("score:a:b", "aws:lambda:?", "unknown"),
        ("(secret)", "aws:lambda:?", "unknown"),
        ("x" * 200, "aws:lambda:?", "declared"),
    ],
)  # fmt: skip
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
            "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile%2Fabc",
            "unknown",
        ),
        ("eu-west-1", "arn:aws:bedrock:eu-west-1:123456789012:prompt%2Fabc", "unknown"),
        (
            "eu-west-1",
            "arn%3Aaws%3Abedrock%3Aeu-west-1%3A123456789012%3Ainference-profile%2Feu.anthropic.claude-x",
            "DE ES FR IE IT SE",
        ),
        ("eu-west-1", "arn:aws:bedrock:eu-west-1::foundation-model%2Fanthropic.claude-x", "IE"),
        ("eu-west-1", "arn:aws:bedrock:eu-west-1:123456789012:provisioned-model%2Fabc", "IE"),
        (
            "eu-west-1",
            "arn:aws:bedrock:eu-west-1:123456789012:inference-profile%2Fglobal.anthropic.claude-x",
            "anywhere",
        ),
    ],
)
def test_bedrock_profiles_and_models(region: str, model: str, expected: str) -> None:
    assert places(RUNTIME.format(region, model), NO_BODY) == expected


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
        ("us.api.openai.com/v1/chat/completions", {}, "US", "openai:chat.completions:?"),
        ("us.api.openai.com/v1/chat/completions", NO_BODY, "US", "openai:chat.completions:?"),
        ("us.api.openai.com/v1/chat/completions", UNREADABLE, "unknown", "openai:chat.completions:?"),
        ("us.api.openai.com/v1/embeddings", UNREADABLE, "US", "openai:embeddings:?"),
        ("api.openai.com/v1/chat/completions", UNREADABLE, "anywhere", "openai:chat.completions:?"),
        ("us.api.openai.com/v1/files", NO_BODY, "US", "openai:files:?"),
        ("us.api.openai.com/v1/batches", {}, "unknown", "openai:batches:?"),
        ("us.api.openai.com/v1/threads/runs", {}, "unknown", "openai:threads.runs:?"),
        ("api.openai.com/v1/batches", {}, "anywhere", "openai:batches:?"),
        ("us.api.openai.com/v1/Responses", {}, "unknown", "openai:?:?"),
        ("us.api.openai.com/V1/responses", {}, "unknown", "openai:?:?"),
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


# Blocks of a function hold for each of its spellings; allows admit no other's (regressions of an attack)


def decided(url: str, *rules: str, body: object = PENDING) -> str:
    there = ask(url, body)
    return told(decision(policy(*rules, "from: {groups: [g]}, to: [EEA], then: allow"), there))[0]


#: What botocore 1.44.5 lets through as NamespacedFunctionName, all 48.
SPELLINGS = [
    arn + there + account + function + "delete-user" + qualifier
    for arn in ("", "arn:aws:lambda:")
    for there in ("", "eu-west-1:")
    for account in ("", "123456789012:")
    for function in ("", "function:")
    for qualifier in ("", ":PROD", ":$LATEST")
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_a_block_of_a_lambda_function_holds_for_each_spelling_that_the_api_takes(
    name: str,
) -> None:
    url = f"lambda.eu-west-1.amazonaws.com/2015-03-31/functions/{name}/invocations"

    assert decided(url, "functions: ['aws:lambda:delete-user'], then: block") == "block"
    assert decided(url, "functions: ['aws:lambda:delete-*'], then: block") == "block"
    assert decided(url, "functions: ['aws:lambda:delete'], then: block") == "allow"


@pytest.mark.parametrize("name", [n for n in SPELLINGS if "123456789012" in n])
@pytest.mark.parametrize("glob", ["aws:lambda:delete-user", "aws:lambda:delete-*"])
def test_an_allow_admits_no_function_that_the_request_says_is_anothers(
    name: str, glob: str
) -> None:
    there = ask(f"lambda.eu-west-1.amazonaws.com/2015-03-31/functions/{name}/invocations")
    rules = policy(f"from: {{groups: [g]}}, functions: ['{glob}'], to: [EEA], then: allow")

    assert told(decision(rules, there)) == ("block", None, "no-rule")


def test_an_allow_of_an_account_admits_its_functions() -> None:
    there = ask(
        "lambda.eu-west-1.amazonaws.com/2015-03-31/functions/123456789012:score/invocations"
    )
    rules = policy(
        "from: {groups: [g]}, functions: ['aws:lambda:123456789012/*'], to: [EEA], then: allow"
    )

    assert told(decision(rules, there))[0] == "allow"


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:bedrock:eu-west-1:123456789012:provisioned-model/abc",
        "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc",
        "arn:aws:bedrock:eu-west-1:123456789012:imported-model/abc",
        "arn:aws:bedrock:eu-west-1:123456789012:custom-model/a.b/abc",
        "arn:aws:bedrock:eu-west-1:123456789012:prompt/ABC:3",
        "arn:aws:sagemaker:eu-west-1:123456789012:endpoint/abc",
        "arn:aws:bedrock:nowhere",
        "my-provisioned-model",
    ],
)
def test_a_block_of_a_maker_holds_where_the_model_is_hidden(arn: str) -> None:
    url = RUNTIME.format("eu-west-1", arn.replace("/", "%2F"))

    assert ask(url).function == "aws:bedrock:?"
    assert (
        decided(url, "functions: ['aws:bedrock:*deepseek*'], then: block", body=NO_BODY) == "block"
    )


def test_an_arn_that_hides_the_model_and_names_another_region_is_a_conflict() -> None:
    arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile%2Fabc"

    assert ask(RUNTIME.format("eu-west-1", arn)).status == "conflict"


# Calls that have the provider call third parties


CHAT, RESPONSES = "{}.api.openai.com/v1/chat/completions", "{}.api.openai.com/v1/responses"
US = {"model": "claude-x", "inference_geo": "us"}
ABROAD = "https://collector.example/?d=1"
INLINE = "data:image/png;base64," + "A" * 5000


@pytest.mark.parametrize("prefix", ["eu", "us", "ae"])
@pytest.mark.parametrize(
    ("url", "body"),
    [
        (RESPONSES, {"tools": [{"type": "mcp", "server_url": ABROAD}]}),
        (RESPONSES, {"tools": [{"type": "mcp", "connector_id": "connector_gmail"}]}),
        (RESPONSES, {"tools": [{"type": "function"}, {"type": "web_search"}]}),
        (RESPONSES, {"tools": [{"type": "a-tool-of-tomorrow"}]}),
        (RESPONSES, {"tools": {"type": "mcp"}}),
        (RESPONSES, {"input": [{"type": "tool_search_output", "tools": [{"type": "mcp"}]}]}),
        (RESPONSES, {"prompt": {"id": "pmpt_1"}}),
        (RESPONSES, {"input": [{"content": [{"type": "input_image", "image_url": ABROAD}]}]}),
        (RESPONSES, {"input": [{"content": [{"type": "input_image", "image_url": " data:x"}]}]}),
        (RESPONSES, {"input": [{"content": [{"type": "input_file", "file_url": ABROAD}]}]}),
        (RESPONSES, {"input": [{"output": {"type": "computer_screenshot", "image_url": ABROAD}}]}),
        (CHAT, {"tools": [{"type": "mcp"}]}),
        (CHAT, {"web_search_options": {}}),
        (CHAT, {"model": "gpt-4o-search-preview-2025-03-11"}),
        (CHAT, {"messages": [{"content": [{"type": "image_url", "image_url": {"url": ABROAD}}]}]}),
    ],
)  # fmt: skip
def test_a_call_that_may_reach_a_third_party_is_not_in_the_providers_region(
    url: str, body: dict[str, object], prefix: str
) -> None:
    answer = ask(url.format(prefix), {"model": "gpt-5.5-2026-04-23"} | body)

    assert answer.places.unknown
    assert [e.says for e in answer.evidence if e.kind == "catalogue"][1:], "no evidence says why"


@pytest.mark.parametrize(
    ("url", "body"),
    [
        (RESPONSES, {"input": "text", "tools": []}),
        (RESPONSES, {"tools": [{"type": "function"}, {"type": "file_search"}, {"type": "custom"}]}),
        (RESPONSES, {"tools": [{"type": "function", "parameters": {"properties": {"image_url": {}, "type": {}}}}]}),
        (RESPONSES, {"input": [{"content": [{"type": "input_image", "image_url": INLINE}]}]}),
        (RESPONSES, {"input": [{"content": [{"type": "input_image", "file_id": "file-1"}]}]}),
        (CHAT, {"messages": [{"content": "text"}], "tools": None}),
        (CHAT, {"messages": [{"content": [{"type": "image_url", "image_url": {"url": INLINE}}]}]}),
    ],
)  # fmt: skip
def test_a_call_whose_tools_run_at_the_caller_stays_in_the_region(
    url: str, body: dict[str, object]
) -> None:
    assert places(url.format("us"), {"model": "gpt-5"} | body) == "US"


def test_where_the_answer_is_anywhere_a_tool_takes_nothing_away() -> None:
    """``to: [anywhere]`` is said by whoever does not mind where."""
    assert places("api.openai.com/v1/responses", {"tools": [{"type": "mcp"}]}) == "anywhere"
    assert places("api.anthropic.com/v1/messages", {"tools": [{"type": "mcp"}]}) == "anywhere"


@pytest.mark.parametrize(
    "host",
    [
        "api.anthropic.com/v1/messages",
        "aws-external-anthropic.eu-west-1.api.aws/v1/messages",
        "claude.googleapis.com/v1/projects/p/locations/global/workspaces/w/invoke",
    ],
)
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tools": [{"type": "web_search_20250305"}]}, "unknown"),
        ({"tools": [{"name": "f"}, {"type": "web_fetch_20250910"}]}, "unknown"),
        ({"tools": [{"type": "mcp_toolset"}]}, "unknown"),
        ({"mcp_servers": [{"type": "url", "url": ABROAD}]}, "unknown"),
        ({"messages": [{"content": [{"type": "image", "source": {"type": "url", "url": ABROAD}}]}]}, "unknown"),
        ({"messages": [{"content": [{"type": "image", "source": {"type": "base64"}}]}]}, "US"),
        ({"tools": [{"name": "f"}, {"type": "custom"}, {"type": "bash_20250124"}], "mcp_servers": []}, "US"),
        ({"messages": [{"content": "text"}]}, "US"),
    ],
)  # fmt: skip
def test_inference_in_the_us_does_not_hold_what_tools_call(
    host: str, body: dict[str, object], expected: str
) -> None:
    assert places(host, US | body) == expected


def test_one_item_of_a_batch_that_reaches_third_parties_is_enough() -> None:
    bodies = [{"params": US}, {"params": US | {"mcp_servers": [{"type": "url"}]}}]

    assert places("api.anthropic.com/v1/messages/batches", {"requests": bodies}) == "unknown"
    assert places("api.anthropic.com/v1/messages/batches", {"requests": bodies[:1]}) == "US"


def test_a_tool_on_mantle_may_reach_third_parties() -> None:
    url, body = "bedrock-mantle.eu-west-1.api.aws/v1/responses", {"model": "openai.gpt-oss-120b"}

    assert places(url, body | {"tools": [{"type": "mcp"}]}) == "unknown"
    assert places(url, body | {"tools": [{"type": "function"}]}) == "IE"


@pytest.mark.parametrize("prefix", ["au", "ca", "jp", "in", "sg", "kr", "gb"])
def test_a_storage_only_prefix_runs_anywhere(prefix: str) -> None:
    assert places(f"{prefix}.api.openai.com/v1/responses", {"model": "gpt-5"}) == "anywhere"


def test_openai_eu_is_the_eea_and_switzerland() -> None:
    assert ask("eu.api.openai.com/v1/responses", {"model": "gpt-5"}).places.codes == EEA_CH
    assert len(EEA_CH) == 31


def test_every_entry_says_where_it_comes_from() -> None:
    entries = shipped().entries

    assert len(entries) > 30
    assert all(e.source and e.as_of and e.confidence in ("high", "medium", "low") for e in entries)
