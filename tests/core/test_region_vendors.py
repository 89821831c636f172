"""Vendors of models and databases, one case for each documented host; look-alikes first."""

import pytest

from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE
from tests.atlases import ask, build, shipped

CHAT = "/v1/chat/completions"
GROK = {"model": "grok-4.6", "messages": []}
EU = " ".join(sorted(shipped().jurisdictions.members["EU"]))
EEA_CH = " ".join(sorted(shipped().jurisdictions.members["eea-plus-ch"]))


def places(url: str, body: object = NO_BODY) -> str:
    return str(ask(url, body).places)


@pytest.mark.parametrize(
    "host",
    [
        "api.eu.mistral.ai.evil.example",
        "xapi.eu.mistral.ai",
        "eu.mistral.ai",
        "api.eu.evil.mistral.ai",
        "us.api.x.ai.evil.example",
        "evil-us.api.x.ai",
        "a.us.api.x.ai",
        "api.deepseek.com.cn",
        "xapi.deepseek.com",
        "x.open.bigmodel.cn",
        "e.eu-west-9.aws.endpoints.huggingface.cloud",
        "e.europe-west3.aws.endpoints.huggingface.cloud",
        "e.eu-west-1.gcp.endpoints.huggingface.cloud",
        "e.f.eu-west-1.aws.endpoints.huggingface.cloud",
        "eu-west-1.aws.endpoints.huggingface.cloud",
        "e.eu-west-1.aws.endpoints.huggingface.cloud.evil.example",
        "c.eu-west-1.aws.cloud.qdrant.io",
        "c.eu-west-1x-0.aws.cloud.qdrant.io",
        "c.europe-west3-0.aws.cloud.qdrant.io",
        "c.eu-central-1-0.aws.cloud.qdrant.io.evil.example",
        "i.svc.eu-west-1-gcp.pinecone.io",
        "i.svc.us-west1-gcp-free.pinecone.io",
        "c.aws-europe-west3.vectordb.zillizcloud.com",
        "c.azure-eastus.vectordb.zillizcloud.com",
        "n.es.europe-west3.aws.elastic-cloud.com",
        "a.b.es.eu-west-1.aws.elastic-cloud.com",
        "us-east-1.aws.data.mongodb-api.com.evil.example",
        "x.us-east-1.aws.data.mongodb-api.com",
        "eu.api.assemblyai.com",
        "api.eu.api.mathpix.com",
        "va.eu-west-1.landing.ai.evil.example",
        "eu.cartesia.ai",
    ],
)
def test_a_look_alike_has_no_place(host: str) -> None:
    assert places(host + CHAT, GROK) == "unknown"


@pytest.mark.parametrize(
    ("url", "body", "expected"),
    [
        # OpenAI
        ("api.openai.com/v1/chat/completions", {"model": "gpt-5.2"}, "anywhere"),
        ("mtls.api.openai.com/v1/chat/completions", {"model": "gpt-5.2"}, "anywhere"),
        ("us.api.openai.com/v1/chat/completions", {"model": "gpt-5.2"}, "US"),
        ("eu.api.openai.com/v1/chat/completions", {"model": "gpt-5.2"}, EEA_CH),
        ("ae.api.openai.com/v1/chat/completions", {"model": "gpt-5.6-luna"}, "AE"),
        ("ae.api.openai.com/v1/chat/completions", {"model": "gpt-5.5-2026-04-23"}, "AE"),
        ("ae.api.openai.com/v1/chat/completions", {"model": "gpt-5.2-2025-12-11"}, "AE"),
        ("ae.api.openai.com/v1/chat/completions", {"model": "gpt-5.2"}, "anywhere"),
        ("ae.api.openai.com/v1/chat/completions", {"model": "gpt-5.5-pro-2026-04-23"}, "anywhere"),
        ("ae.api.openai.com/v1/chat/completions", {"model": "GPT-5.6-luna"}, "anywhere"),
        ("ae.api.openai.com/v1/chat/completions", {}, "anywhere"),
        ("ae.api.openai.com/v1/chat/completions", {"model": ["gpt-5.6-luna"]}, "unknown"),
        ("ae.api.openai.com/v1/chat/completions", UNREADABLE, "unknown"),
        ("ae.api.openai.com/v1/responses", {"model": "gpt-5.5-pro-2026-04-23"}, "AE"),
        ("ae.api.openai.com/v1/embeddings", {"model": "text-embedding-3-large"}, "AE"),
        ("ae.api.openai.com/v1/embeddings", {"model": "text-embedding-3-small"}, "anywhere"),
        ("ae.api.openai.com/v1/files", NO_BODY, "anywhere"),
        *((f"{p}.api.openai.com/v1/chat/completions", {"model": "m"}, "anywhere") for p in ("au", "ca", "jp", "in", "sg", "kr", "gb")),
        ("xx.api.openai.com/v1/chat/completions", {"model": "m"}, "unknown"),
        # Anthropic
        ("api.anthropic.com/v1/messages", {"inference_geo": "us"}, "US"),
        ("api.anthropic.com/v1/messages", {"inference_geo": "global"}, "anywhere"),
        ("api.anthropic.com/v1/messages", {}, "anywhere"),
        ("api.anthropic.com/v1/messages", {"inference_geo": "US"}, "anywhere"),
        ("api.anthropic.com/v1/messages", {"inference_geo": ["us"]}, "unknown"),
        # Mistral
        ("api.mistral.ai/v1/chat/completions", {"model": "m"}, "anywhere"),
        ("api.mistral.ai/other", NO_BODY, "anywhere"),
        ("api.eu.mistral.ai/v1/chat/completions", {"model": "m"}, EEA_CH),
        ("api.us.mistral.ai/v1/chat/completions", {"model": "m"}, "US"),
        ("api.jp.mistral.ai/v1/chat/completions", {"model": "m"}, "unknown"),
        ("api.eu.mistral.ai/v1/embeddings", {"model": "m"}, EEA_CH),
        ("api.eu.mistral.ai/v1/conversations", {"model": "m"}, "unknown"),
        ("api.eu.mistral.ai/v1/files", NO_BODY, "unknown"),
        ("api.eu.mistral.ai/v2/chat/completions", NO_BODY, "unknown"),
        ("api.eu.mistral.ai/v1/chat/completions", {"tools": [{"type": "function"}]}, EEA_CH),
        ("api.eu.mistral.ai/v1/chat/completions", {"tools": [{"type": "function"}, {"type": "web_search"}]}, "unknown"),
        ("api.eu.mistral.ai/v1/chat/completions", {"messages": [{"content": [{"image_url": "https://a.test/x"}]}]}, "unknown"),
        ("api.eu.mistral.ai/v1/chat/completions", {"messages": [{"content": [{"image_url": "data:image/png,x"}]}]}, EEA_CH),
        # xAI
        ("api.x.ai/v1/chat/completions", GROK, "anywhere"),
        ("us.api.x.ai/v1/chat/completions", GROK, "US"),
        ("us.api.x.ai/v1/responses", GROK, "US"),
        ("us.api.x.ai/v1/chat/completions", {"model": "grok-4"}, "unknown"),
        ("us.api.x.ai/v1/chat/completions", {"model": ["grok-4.6"]}, "unknown"),
        ("us.api.x.ai/v1/chat/completions", UNREADABLE, "unknown"),
        ("us.api.x.ai/v1/chat/completions", GROK | {"search_parameters": {"mode": "on"}}, "unknown"),
        ("us.api.x.ai/v1/responses", GROK | {"tools": [{"type": "x_search"}]}, "unknown"),
        ("us.api.x.ai/v1/responses", GROK | {"input": [{"content": [{"file_id": "f"}]}]}, "unknown"),
        ("us.api.x.ai/v1/images/generations", GROK, "unknown"),
        ("us-east-1.api.x.ai/v1/chat/completions", GROK, "unknown"),
        ("eu-west-1.api.x.ai/v1/chat/completions", GROK, "unknown"),
        # China, and abroad
        ("api.deepseek.com/chat/completions", {"model": "m"}, "CN"),
        ("api.deepseek.com/anthropic/v1/messages", {"model": "m"}, "CN"),
        ("api.moonshot.cn/v1/chat/completions", {"model": "m"}, "CN"),
        ("open.bigmodel.cn/api/paas/v4/chat/completions", {"model": "m"}, "CN"),
        ("api.moonshot.ai/v1/chat/completions", {"model": "m"}, "unknown"),
        ("api.z.ai/api/paas/v4/chat/completions", {"model": "m"}, "unknown"),
        ("api.minimax.io/v1/text/chatcompletion_v2", {"model": "m"}, "unknown"),
        # No documented region
        ("api.cohere.com/v2/chat", {"model": "m"}, "anywhere"),
        ("api.groq.com/openai/v1/chat/completions", {"model": "m"}, "anywhere"),
        ("api.together.xyz/v1/chat/completions", {"model": "m"}, "anywhere"),
        ("api.fireworks.ai/inference/v1/chat/completions", {"model": "m"}, "anywhere"),
        ("api.replicate.com/v1/models/o/m/predictions", NO_BODY, "anywhere"),
        ("api.perplexity.ai/chat/completions", {"model": "m"}, "anywhere"),
        ("api.ai21.com/studio/v1/chat/completions", {"model": "m"}, "anywhere"),
        ("openrouter.ai/api/v1/chat/completions", {"model": "m"}, "anywhere"),
        ("router.huggingface.co/v1/chat/completions", {"model": "m"}, "anywhere"),
        # Hugging Face
        ("e.eu-west-1.aws.endpoints.huggingface.cloud/v1/chat/completions", NO_BODY, "IE"),
        ("e.us-east-1.aws.endpoints.huggingface.cloud/", NO_BODY, "US"),
        ("e.europe-west4.gcp.endpoints.huggingface.cloud/", NO_BODY, "NL"),
        ("e.eastus.azure.endpoints.huggingface.cloud/", NO_BODY, "US"),
        # Speech and documents
        ("api.aleph-alpha.com/complete", {"model": "m"}, "DE"),
        ("api.assemblyai.com/v2/upload", NO_BODY, "US"),
        ("api.eu.assemblyai.com/v2/upload", UNREADABLE, EU),
        ("api.eu.assemblyai.com/v2/transcript", {"audio_url": "https://a.test/x"}, "unknown"),
        ("api.eu.assemblyai.com/v2/transcript/abc", NO_BODY, EU),
        ("api.eu.assemblyai.com/v2/transcript", {"webhook_url": "https://a.test/x"}, "unknown"),
        ("llm-gateway.eu.assemblyai.com/v1/chat/completions", {"model": "m"}, EU),
        ("llm-gateway.assemblyai.com/v1/chat/completions", {"model": "m"}, "US"),
        ("dictation.eu.assemblyai.com/", NO_BODY, EU),
        ("dictation.us.assemblyai.com/", NO_BODY, "US"),
        ("api.cartesia.ai/tts/bytes", NO_BODY, "anywhere"),
        ("api.eu.cartesia.ai/tts/bytes", NO_BODY, "unknown"),
        ("eu.api.mathpix.com/v3/text", UNREADABLE, EU),
        ("api.mathpix.com/v3/text", UNREADABLE, "anywhere"),
        ("api.va.eu-west-1.landing.ai/v1/ade/parse", UNREADABLE, EU),
        ("api.va.landing.ai/v1/ade/parse", UNREADABLE, "unknown"),
        # Databases
        ("index-abc.svc.aped-4627-b74a.pinecone.io/query", NO_BODY, "unknown"),
        ("index-abc.svc.us-west1-gcp.pinecone.io/query", NO_BODY, "US"),
        ("c.eu-central-1-0.aws.cloud.qdrant.io/collections", NO_BODY, "DE"),
        ("c.us-central1-0.gcp.cloud.qdrant.io/collections", NO_BODY, "US"),
        ("c.germanywestcentral-0.azure.cloud.qdrant.io/collections", NO_BODY, "DE"),
        ("c.aws-eu-central-1.vectordb.zillizcloud.com/v2/vectordb/entities/search", NO_BODY, "DE"),
        ("c.serverless.gcp-us-west1.cloud.zilliz.com/", NO_BODY, "US"),
        ("c.az-eastus.vectordb.zillizcloud.com/", NO_BODY, "US"),
        ("id.c0.europe-west3.gcp.weaviate.cloud/v1/graphql", NO_BODY, "DE"),
        ("n.es.eu-west-1.aws.elastic-cloud.com/index/_search", NO_BODY, "IE"),
        ("n.kb.europe-west3.gcp.elastic-cloud.com/", NO_BODY, "DE"),
        ("n.apm.westeurope.azure.elastic-cloud.com/", NO_BODY, "NL"),
        ("n.us-east-1.aws.found.io/", NO_BODY, "US"),
        ("n.europe-west1.gcp.cloud.es.io/", NO_BODY, "BE"),
        ("n.es.eu-west-1.aws.elastic-cloud.com/_inference/sparse_embedding/x", NO_BODY, "unknown"),
        ("eu-central-1.aws.data.mongodb-api.com/app/a/endpoint/data/v1/action/find", NO_BODY, "DE"),
        ("data.mongodb-api.com/app/a/endpoint/data/v1/action/find", NO_BODY, "anywhere"),
        ("app-dsn.algolia.net/1/indexes/i/query", NO_BODY, "unknown"),
        ("analytics.de.algolia.com/2/searches", NO_BODY, "DE"),
        ("insights.us.algolia.io/1/events", NO_BODY, "US"),
        ("personalization.eu.algolia.com/1/profiles", NO_BODY, EU),
        ("insights.jp.algolia.io/1/events", NO_BODY, "unknown"),
        ("evil.us.algolia.io/1/events", NO_BODY, "unknown"),
    ],
)  # fmt: skip
def test_what_is_documented(url: str, body: object, expected: str) -> None:
    assert places(url, body) == expected


@pytest.mark.parametrize(
    ("url", "body", "function"),
    [
        ("api.openai.com/v1/chat/completions", {"model": "gpt-5.2"}, "openai:chat.completions:gpt-5.2"),
        ("api.anthropic.com/v1/messages", {"model": "claude-opus-4-6"}, "anthropic:messages:claude-opus-4-6"),
        ("api.mistral.ai/v1/chat/completions", {"model": "mistral-large"}, "mistral:chat.completions:mistral-large"),
        ("api.eu.mistral.ai/v1/chat/completions", {"model": "mistral-large"}, "mistral:chat.completions:mistral-large"),
        ("api.mistral.ai/v1/models", NO_BODY, "mistral:models:?"),
        ("api.us.mistral.ai/v1/fim/completions", {"model": "codestral"}, "mistral:fim.completions:codestral"),
        ("us.api.x.ai/v1/responses", GROK, "xai:responses:grok-4.6"),
        ("api.deepseek.com/chat/completions", {"model": "deepseek-chat"}, "deepseek:chat.completions:deepseek-chat"),
        ("api.moonshot.ai/v1/chat/completions", {"model": "kimi-k3"}, "moonshot:chat.completions:kimi-k3"),
        ("api.z.ai/api/paas/v4/chat/completions", {"model": "glm-5"}, "zhipu:chat.completions:glm-5"),
        ("api.cohere.com/v2/embed", {"model": "embed-v4"}, "cohere:embed:embed-v4"),
        ("api.groq.com/openai/v1/chat/completions", {"model": "openai/gpt-oss-120b"}, "groq:chat.completions:openai/gpt-oss-120b"),
        ("api.together.xyz/v1/embeddings", {"model": "BAAI/bge"}, "together:embeddings:BAAI/bge"),
        ("api.fireworks.ai/inference/v1/chat/completions", {"model": "accounts/f/models/m"}, "fireworks:chat.completions:accounts/f/models/m"),
        ("api.replicate.com/v1/models/meta/llama-3/predictions", NO_BODY, "replicate:predictions:meta/llama-3"),
        ("openrouter.ai/api/v1/chat/completions", {"model": "a/b:free"}, "openrouter:chat.completions:a/b:free"),
        ("router.huggingface.co/v1/chat/completions", {"model": "a/b:groq"}, "huggingface:chat.completions:a/b:groq"),
        ("my-llm.eu-west-1.aws.endpoints.huggingface.cloud/generate", NO_BODY, "huggingface:endpoints:my-llm"),
        ("api.groq.com/openai/v1/chat/completions", {"model": "a b"}, "groq:chat.completions:?"),
        ("api.groq.com/openai/v1/chat/completions", UNREADABLE, "groq:chat.completions:?"),
        ("api.groq.com/openai/v1/files/user-1234", NO_BODY, "groq:files.?:?"),
        ("api.groq.com/openai/v1/../x", NO_BODY, "groq:?:?"),
    ],
)  # fmt: skip
def test_the_operation_and_the_model_are_the_function(
    url: str, body: object, function: str
) -> None:
    assert ask(url, body).function == function


def test_what_a_model_decides_waits_for_the_body() -> None:
    answer = ask("us.api.x.ai/v1/chat/completions", PENDING)

    assert (str(answer.places), answer.provisional) == ("unknown", True)


PINS = """
version: 1
destinations:
  - {host: api.anthropic.com, places: [US], owner: o, why: the default of our workspace}
  - {host: index-abc.svc.aped-4627-b74a.pinecone.io, provider: aws, regions: [us-east-1], owner: o, why: console}
"""


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({}, "US"),
        ({"tools": [{"name": "own", "input_schema": {}}]}, "US"),
        ({"inference_geo": "us"}, "US"),
        ({"inference_geo": "global"}, "anywhere"),
        ({"inference_geo": "eu"}, "anywhere"),
        ({"inference_geo": 5}, "unknown"),
        ({"tools": [{"type": "web_search_20250305"}]}, "anywhere"),
        ({"mcp_servers": [{"type": "url"}]}, "anywhere"),
        ({"messages": [{"content": [{"source": {"type": "url"}}]}]}, "anywhere"),
        (UNREADABLE, "unknown"),
    ],
)
def test_the_default_of_a_workspace_is_what_a_pin_says_and_only_that(
    body: object, expected: str
) -> None:
    atlas, faults = build(PINS)
    faults.check()

    assert str(ask("api.anthropic.com/v1/messages", body, atlas=atlas).places) == expected


def test_an_opaque_host_is_where_a_pin_says() -> None:
    atlas, faults = build(PINS)
    faults.check()

    assert (
        str(ask("index-abc.svc.aped-4627-b74a.pinecone.io/query", NO_BODY, atlas=atlas).places)
        == "US"
    )


@pytest.mark.parametrize(
    "url",
    ["api.anthropic.com/v1/messages", "aws-external-anthropic.eu-west-1.api.aws/v1/messages",
     "aiplatform.eu.rep.googleapis.com/v1/projects/p/locations/eu/publishers/anthropic/models/claude-x:rawPredict"],
)  # fmt: skip
def test_an_mcp_server_without_a_type_is_one(url: str) -> None:
    plain = {"model": "claude-x", "inference_geo": "us"}
    served = {**plain, "mcp_servers": [{"url": "https://far.example", "name": "x"}]}

    assert not ask(url, plain).places.unknown
    assert ask(url, served).places.unknown


@pytest.mark.parametrize(
    "path", ["fine_tuning/jobs", "webhook_endpoints", "organization/projects", "tomorrow", "batches", "evals/e/runs"]
)  # fmt: skip
def test_what_may_report_to_third_parties_is_not_in_region(path: str) -> None:
    body = {"model": "gpt-5", "integrations": [{"type": "wandb", "wandb": {"project": "p"}}]}

    assert ask(f"eu.api.openai.com/v1/{path}", body).places.unknown
    assert str(ask(f"api.openai.com/v1/{path}", body).places) == "anywhere"


@pytest.mark.parametrize(
    "path",
    ["files", "files/file-abc", "moderations", "responses/resp_1", "chat/completions/cmpl-1"],
)
def test_what_calls_nobody_stays_in_region(path: str) -> None:
    assert "DE" in str(ask(f"eu.api.openai.com/v1/{path}", NO_BODY).places)
