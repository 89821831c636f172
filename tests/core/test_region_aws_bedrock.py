"""Bedrock: each row of the profiles that were read, from each source, and every way to name a model."""

import pytest

from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE
from tests.atlases import ask, build

HOST = "bedrock-runtime.{}.amazonaws.com"
EU6 = "eu-central-1 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-3"
US3 = "us-east-1 us-east-2 us-west-2"
APAC5 = "ap-northeast-1 ap-northeast-2 ap-south-1 ap-southeast-1 ap-southeast-2"
APAC7 = f"{APAC5} ap-northeast-3 ap-south-2"
APAC8 = f"{APAC7} ap-southeast-4"

#: Profile, sources, and the destinations that are read; each source outside them adds itself, and only itself.
ROWS = [
    ("eu.anthropic.claude-sonnet-4-20250514-v1:0", f"{EU6} il-central-1", EU6),
    ("eu.anthropic.claude-sonnet-4-5-20250929-v1:0", f"{EU6} eu-west-2 eu-central-2", EU6),
    ("eu.anthropic.claude-haiku-4-5-20251001-v1:0", f"{EU6} eu-west-2 eu-central-2", EU6),
    ("eu.anthropic.claude-opus-4-5-20251101-v1:0", f"{EU6} eu-west-2 eu-central-2", EU6),
    ("eu.cohere.embed-v4:0", EU6, EU6),
    ("eu.amazon.nova-2-lite-v1:0", EU6, EU6),
    ("eu.twelvelabs.pegasus-1-2-v1:0", f"{EU6} eu-west-2 eu-central-2", EU6),
    ("eu.twelvelabs.marengo-embed-2-7-v1:0", EU6, EU6),
    ("eu.anthropic.claude-3-7-sonnet-20250219-v1:0", "eu-central-1 eu-north-1 eu-west-1 eu-west-3", "eu-central-1 eu-north-1 eu-west-1 eu-west-3"),
    ("eu.mistral.pixtral-large-2502-v1:0", "eu-central-1 eu-north-1 eu-west-1 eu-west-3", "eu-central-1 eu-north-1 eu-west-1 eu-west-3"),
    *((f"eu.amazon.nova-{n}-v1:0", "eu-central-1 eu-north-1 eu-west-1 eu-west-3", "eu-central-1 eu-north-1 eu-west-1 eu-west-3") for n in ("lite", "micro", "pro")),
    *((f"eu.{m}", "eu-central-1 eu-west-1 eu-west-3", "eu-central-1 eu-west-1 eu-west-3") for m in (
        "anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-sonnet-20240229-v1:0",
        "anthropic.claude-3-5-sonnet-20240620-v1:0", "meta.llama3-2-1b-instruct-v1:0")),
    *((f"us.anthropic.claude-{m}", "us-east-1 us-west-2 us-east-2", "us-east-1 us-west-2") for m in (
        "3-haiku-20240307-v1:0", "3-opus-20240229-v1:0", "3-sonnet-20240229-v1:0")),
    *((f"apac.anthropic.claude-{m}", f"{APAC5} ap-south-2", APAC5) for m in (
        "3-haiku-20240307-v1:0", "3-sonnet-20240229-v1:0", "3-5-sonnet-20240620-v1:0")),
    ("apac.anthropic.claude-3-5-sonnet-20241022-v2:0", f"{APAC5} ap-south-2", f"{APAC5} ap-northeast-3"),
    ("apac.anthropic.claude-3-7-sonnet-20250219-v1:0", APAC7, APAC7),
    ("apac.anthropic.claude-sonnet-4-20250514-v1:0", APAC8, APAC8),
    *((f"jp.{m}", "ap-northeast-1 ap-northeast-3", "ap-northeast-1 ap-northeast-3") for m in (
        "anthropic.claude-sonnet-4-5-20250929-v1:0", "amazon.nova-2-lite-v1:0")),
    ("au.anthropic.claude-haiku-4-5-20251001-v1:0", "ap-southeast-2 ap-southeast-4", "ap-southeast-2 ap-southeast-4"),
    ("ca.amazon.nova-lite-v1:0", "ca-central-1 ca-west-1", "ca-central-1 ca-west-1"),
    ("us-gov.anthropic.claude-3-haiku-20240307-v1:0", "us-gov-east-1 us-gov-west-1", "us-gov-east-1 us-gov-west-1"),
]  # fmt: skip
#: Rows whose answer may be wider than what is read, as the widest set of the prefix stands.
WIDER = [
    ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", f"{US3} us-west-1 ca-central-1", US3),
    ("us.anthropic.claude-haiku-4-5-20251001-v1:0", f"{US3} us-west-1 ca-central-1", US3),
    ("us.amazon.nova-2-lite-v1:0", f"{US3} us-west-1 ca-central-1 ca-west-1", US3),
    ("us.amazon.nova-pro-v1:0", f"{US3} us-west-1", US3),
    ("us.anthropic.claude-3-5-sonnet-20241022-v2:0", US3, US3),
    ("us.twelvelabs.marengo-embed-2-7-v1:0", US3, f"{US3} us-west-1"),
    ("us.anthropic.claude-3-5-sonnet-20240620-v1:0", "us-east-2", "us-east-1 us-west-2"),
    ("us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "us-gov-east-1", "us-gov-west-1"),
    *((f"eu.amazon.nova-{n}-v1:0", "eu-south-1 eu-south-2", "eu-central-1 eu-north-1 eu-south-1 eu-south-2 eu-west-1 eu-west-3") for n in ("lite", "pro")),
    ("eu.amazon.nova-lite-v1:0", "il-central-1", "eu-central-1 eu-north-1 eu-south-1 eu-west-1 eu-west-3"),
    ("apac.anthropic.claude-sonnet-4-20250514-v1:0", "ap-east-2 ap-southeast-5 ap-southeast-7 me-central-1 ap-southeast-3", f"{APAC8} ap-southeast-3"),
    ("apac.amazon.nova-lite-v1:0", f"{APAC5} ap-northeast-3 ap-east-2 me-central-1", f"{APAC5} ap-northeast-3"),
]  # fmt: skip
#: Of which the source is not among the destinations; the answer may hold it all the same.
LEAVE_THE_SOURCE = {
    "us.anthropic.claude-3-5-sonnet-20240620-v1:0",
    "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0",
}
NEWER = ["claude-opus-4-6-v1", "claude-opus-4-8-v1", "claude-sonnet-4-6", "claude-fable-5-v1:0"]


def _cells(rows: list[tuple[str, str, str]]) -> list[tuple[str, str, set[str]]]:
    return [
        (m, source, set(to.split()) | {source})
        for m, sources, to in rows
        for source in sources.split()
    ]


def regions(source: str, model: str) -> set[str]:
    return set(ask(f"{HOST.format(source)}/model/{model}/converse", NO_BODY).regions)


@pytest.mark.parametrize(("model", "source", "to"), _cells(ROWS))
def test_a_profile_runs_in_its_core_and_the_source(model: str, source: str, to: set[str]) -> None:
    assert regions(source, model) == to
    assert regions(source, model.replace(":", "%3A")) == to


@pytest.mark.parametrize(("model", "source", "to"), _cells(WIDER))
def test_an_answer_is_never_narrower_than_the_profile(
    model: str, source: str, to: set[str]
) -> None:
    assert regions(source, model) >= to - ({source} if model in LEAVE_THE_SOURCE else set())


@pytest.mark.parametrize("model", NEWER)
def test_a_newer_model_gets_the_widest_set_of_its_prefix(model: str) -> None:
    assert regions("eu-west-2", f"eu.anthropic.{model}") == {*EU6.split(), "eu-west-2"}
    assert regions("ca-central-1", f"us.anthropic.{model}") >= {
        *US3.split(),
        "us-west-1",
        "ca-central-1",
    }
    assert regions("me-central-1", f"apac.anthropic.{model}") >= {
        *APAC8.split(),
        "ap-southeast-3",
        "me-central-1",
    }
    assert (
        str(
            ask(
                f"{HOST.format('eu-west-1')}/model/global.anthropic.{model}/invoke", NO_BODY
            ).places
        )
        == "anywhere"
    )


@pytest.mark.parametrize("path", [
    "invoke", "invoke-with-response-stream", "converse", "converse-stream", "count-tokens", "invoke-with-bidirectional-stream",
])  # fmt: skip
@pytest.mark.parametrize("host", [
    "bedrock-runtime.eu-west-2.amazonaws.com", "bedrock-runtime.eu-west-2.api.aws", "bedrock-runtime-fips.eu-west-2.amazonaws.com",
    "vpce-0a-1b.bedrock-runtime.eu-west-2.vpce.amazonaws.com",
])  # fmt: skip
def test_the_profile_decides_on_every_host_and_operation(host: str, path: str) -> None:
    there = ask(f"{host}/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/{path}", NO_BODY)

    assert str(there.places) == "DE ES FR GB IE IT SE"
    assert (
        str(ask(f"{host}/model/anthropic.claude-3-haiku-20240307-v1:0/{path}", NO_BODY).places)
        == "GB"
    )


ARN = "arn:aws:bedrock:eu-west-1:{}:{}"
ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("%65u.anthropic.claude-3-haiku-20240307-v1%3A0", "DE FR IE"),
        ("%67lobal.anthropic.claude-3-haiku-20240307-v1%3A0", "anywhere"),
        ("%2567lobal.anthropic.claude-3-haiku-20240307-v1:0", "unknown"),
        ("eu.anthropic.claude-3-haiku-20240307-v1:0%2F..%2Fglobal.x", "unknown"),
        ("zz.anthropic.claude-3-haiku-20240307-v1:0", "unknown"),
        ("eu-south.anthropic.claude-x", "unknown"),
        ("anthropic.claude-x", "IE"),
        (ARN.format("", "foundation-model/anthropic.claude-x"), "IE"),
        (ARN.format(ACCOUNT, "inference-profile/eu.meta.llama3-2-1b-instruct-v1:0"), "DE FR IE"),
        (ARN.format(ACCOUNT, "inference-profile/global.anthropic.claude-x"), "anywhere"),
        (ARN.format(ACCOUNT, "provisioned-model/abc"), "IE"),
        (ARN.format(ACCOUNT, "application-inference-profile/abc"), "unknown"),
        (ARN.format(ACCOUNT, "default-prompt-router/anthropic.claude:1"), "unknown"),
        (ARN.format(ACCOUNT, "prompt/ABC:3"), "unknown"),
        (ARN.format(ACCOUNT, "imported-model/abc"), "unknown"),
        ("arn:aws:sagemaker:eu-west-1:123456789012:endpoint/abc", "unknown"),
        ("arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-x", "conflict"),
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/eu.anthropic.claude-x", "conflict"),
    ],
)  # fmt: skip
def test_a_model_by_encoded_id_or_arn(model: str, expected: str) -> None:
    quoted = (
        model
        if model.startswith("%") or "%" in model
        else model.replace("/", "%2F").replace(":", "%3A")
    )
    there = ask(f"{HOST.format('eu-west-1')}/model/{quoted}/invoke", NO_BODY)

    assert ("conflict" if there.status == "conflict" else str(there.places)) == expected


RAG = {
    "type": "EXTERNAL_SOURCES",
    "externalSourcesConfiguration": {"modelArn": "eu.meta.llama3-2-1b-instruct-v1:0"},
}
BASE = {
    "type": "KNOWLEDGE_BASE",
    "knowledgeBaseConfiguration": {"knowledgeBaseId": "K", "modelArn": "anthropic.claude-x"},
}


@pytest.mark.parametrize(
    ("url", "body", "expected"),
    [
        ("bedrock-runtime.eu-west-1.amazonaws.com/async-invoke", {"modelId": "global.x"}, "anywhere"),
        ("bedrock-runtime.eu-west-1.amazonaws.com/async-invoke", {"modelId": "amazon.nova-reel-v1:0"}, "IE"),
        ("bedrock-runtime.eu-west-1.amazonaws.com/async-invoke", {"modelId": ["amazon.nova-reel-v1:0"]}, "unknown"),
        ("bedrock.eu-west-1.amazonaws.com/model-invocation-job", {"modelId": "eu.meta.llama3-2-1b-instruct-v1:0"}, "DE FR IE"),
        ("bedrock.eu-west-1.amazonaws.com/model-invocation-job", PENDING, "unknown"),
        ("bedrock-agent-runtime.eu-west-1.amazonaws.com/retrieveAndGenerate", {"retrieveAndGenerateConfiguration": RAG}, "DE FR IE"),
        ("bedrock-agent-runtime.eu-west-1.amazonaws.com/retrieveAndGenerate", {"retrieveAndGenerateConfiguration": BASE}, "unknown"),
        ("bedrock-agent-runtime.eu-west-1.amazonaws.com/retrieveAndGenerateStream", {}, "unknown"),
        ("bedrock-agent-runtime.eu-west-1.amazonaws.com/agents/a/agentAliases/b/sessions/c/text", {}, "unknown"),
        ("bedrock-agent-runtime.eu-west-1.amazonaws.com/flows/f/aliases/a", {}, "unknown"),
        ("bedrock-mantle.eu-west-1.api.aws/v1/chat/completions", {"model": "openai.gpt-oss-120b"}, "IE"),
        ("bedrock-mantle.eu-west-1.api.aws/openai/v1/responses", {"model": "eu.meta.llama3-2-1b-instruct-v1:0"}, "DE FR IE"),
        ("bedrock-mantle.eu-west-1.api.aws/anthropic/v1/messages", {"model": "global.anthropic.claude-x"}, "anywhere"),
        ("bedrock-mantle.eu-west-1.api.aws/anthropic/v1/messages", UNREADABLE, "unknown"),
        ("bedrock-mantle.eu-west-1.amazonaws.com/v1/chat/completions", {"model": "openai.gpt-oss-120b"}, "unknown"),
        ("bedrock-runtime.eu-west-1.amazonaws.com/guardrail/g/version/1/apply", {}, "unknown"),
        ("bedrock-runtime.eu-west-1.amazonaws.com/", NO_BODY, "unknown"),
    ],
)  # fmt: skip
def test_a_model_in_the_body(url: str, body: object, expected: str) -> None:
    assert str(ask(url, body).places) == expected


AGENT = "bedrock-agentcore.eu-west-1.amazonaws.com/runtimes/{}/invocations"


@pytest.mark.parametrize(
    ("agent", "function", "status"),
    [
        ("my_agent-a1", "aws:bedrock-agentcore:my_agent-a1", "unknown"),
        (
            "arn%3Aaws%3Abedrock-agentcore%3Aeu-west-1%3A123456789012%3Aruntime%2Fmy_agent-a1",
            "aws:bedrock-agentcore:123456789012/my_agent-a1",
            "unknown",
        ),
        (
            "arn%3Aaws%3Abedrock-agentcore%3Aus-east-1%3A123456789012%3Aruntime%2Fmy_agent-a1",
            "aws:bedrock-agentcore:123456789012/my_agent-a1",
            "conflict",
        ),
        ("arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Af", "aws:bedrock-agentcore:?", "unknown"),
    ],
)  # fmt: skip
def test_an_agents_runtime_has_a_name_and_no_place(agent: str, function: str, status: str) -> None:
    there = ask(AGENT.format(agent), {})

    assert (there.function, there.status, there.places.unknown) == (function, status, True)


def test_an_agentcore_gateway_has_no_place() -> None:
    assert ask("tools-a1.gateway.bedrock-agentcore.eu-west-1.amazonaws.com/mcp", {}).places.unknown


@pytest.mark.parametrize(
    ("body", "expected"),
    [({"inference_geo": "us"}, "US"), ({"inference_geo": "global"}, "anywhere"), ({}, "anywhere"), (UNREADABLE, "unknown")],
)  # fmt: skip
def test_claude_platform_does_not_run_where_its_host_says(body: object, expected: str) -> None:
    there = ask("aws-external-anthropic.eu-west-1.api.aws/v1/messages", body)

    assert str(there.places) == expected


GUARDED = {"guardrailConfig": {"guardrailIdentifier": "abc123", "guardrailVersion": "1"}}
HEADER = (("x-amzn-bedrock-guardrailidentifier", "abc123"),)
EU6_PLACES = "DE ES FR IE IT SE"


@pytest.mark.parametrize(
    ("source", "model", "expected"),
    [
        ("eu-west-1", "anthropic.claude-x", EU6_PLACES),
        ("eu-west-1", "eu.meta.llama3-2-1b-instruct-v1:0", EU6_PLACES),
        ("eu-west-2", "anthropic.claude-x", "GB"),
        ("eu-west-2", "eu.amazon.nova-2-lite-v1:0", "DE ES FR GB IE IT SE"),
        ("il-central-1", "anthropic.claude-x", "DE ES FR IE IL IT SE"),
        ("eu-central-2", "anthropic.claude-x", "unknown"),
        ("ca-central-1", "us.anthropic.claude-x", "CA US"),
        ("ap-southeast-2", "au.anthropic.claude-x", "AU ID IN JP KR SG"),
        ("us-east-1", "zz.anthropic.claude-x", "unknown"),
        ("us-east-1", "global.anthropic.claude-x", "anywhere"),
        ("eu-west-1", "arn:aws:bedrock:us-east-1::foundation-model%2Fanthropic.claude-x", "unknown"),
    ],
)  # fmt: skip
def test_a_guardrail_may_work_in_other_regions_than_the_model(
    source: str, model: str, expected: str
) -> None:
    url = f"{HOST.format(source)}/model/{model}"

    assert str(ask(f"{url}/converse", GUARDED).places) == expected
    assert str(ask(f"{url}/invoke", NO_BODY, headers=HEADER).places) == expected


@pytest.mark.parametrize("operation", ["converse", "converse-stream", "invoke"])
def test_a_tool_of_bedrocks_own_calls_third_parties(operation: str) -> None:
    url = f"{HOST.format('eu-west-1')}/model/eu.amazon.nova-2-lite-v1:0/{operation}"
    own = {"toolConfig": {"tools": [{"toolSpec": {"name": "f"}}]}}
    web = {"toolConfig": {"tools": [*own["toolConfig"]["tools"], {"systemTool": {"name": "nova_grounding"}}]}}  # fmt: skip

    assert str(ask(url, own).places) == EU6_PLACES
    assert str(ask(url, web).places) == "unknown"
    assert str(ask(url, UNREADABLE).places) == "unknown"


def test_a_guardrail_hidden_elsewhere_in_bedrock() -> None:
    external = {**RAG["externalSourcesConfiguration"], "generationConfiguration": {"guardrailConfiguration": {"guardrailId": "g"}}}  # type: ignore[dict-item]  # fmt: skip
    rag = {"retrieveAndGenerateConfiguration": {**RAG, "externalSourcesConfiguration": external}}
    mantle = "bedrock-mantle.eu-west-1.api.aws/v1/chat/completions"

    assert (
        str(ask("bedrock-agent-runtime.eu-west-1.amazonaws.com/retrieveAndGenerate", rag).places)
        == EU6_PLACES
    )
    assert str(ask(mantle, {"model": "openai.gpt-oss-120b"}, headers=HEADER).places) == EU6_PLACES


def test_a_pin_for_a_hidden_model_does_not_speak_for_a_guardrail() -> None:
    atlas, faults = build(
        "version: 1\ndestinations:\n  - host: bedrock-runtime.eu-west-1.amazonaws.com\n    provider: aws\n"
        "    regions: [eu-west-1]\n    why: one profile\n    owner: a@example.com\n    until: 2027-01-01\n"
    )
    faults.check()
    url = f"{HOST.format('eu-west-1')}/model/" + ARN.format(ACCOUNT, "application-inference-profile%2Fabc") + "/converse"  # fmt: skip

    assert str(ask(url, {}, atlas=atlas).places) == "IE"
    assert str(ask(url, GUARDED, atlas=atlas).places) == "unknown"
