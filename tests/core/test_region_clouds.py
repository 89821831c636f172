"""The other clouds: IBM, Alibaba, Scaleway, OVHcloud, Cloudflare, Vercel, Fly, Supabase, Databricks, Snowflake."""

import pytest

from residency.core.call import Headers
from residency.core.region.locate import NO_BODY, PENDING
from tests.atlases import ask, build, shipped

EU = " ".join(sorted(shipped().jurisdictions.members["EU"]))
MODEL = {"model": "m"}
TOOL = {"model": "m", "tools": [{"type": "mcp"}]}


@pytest.mark.parametrize(
    "host",
    [
        "eu-de.ml.cloud.ibm.com.evil.example",
        "eu-central-1.ml.cloud.ibm.com",
        "x.eu-de.ml.cloud.ibm.com",
        "s3.eu.cloud-object-storage.appdomain.cloud",
        "dashscope.aliyuncs.com.evil.example",
        "xdashscope.aliyuncs.com",
        "w.cn-nowhere.maas.aliyuncs.com",
        "box.oss-eu-west-9.aliyuncs.com",
        "api.scaleway.ai.evil.example",
        "f.functions.fnc.eu-par.scw.cloud",
        "s3.fr-par.scw.cloud.evil.example",
        "s3.GRA.io.cloud.ovh.net",
        "s3.eu-west-1.io.cloud.ovh.net",
        "a.eu.r2.cloudflarestorage.com.evil.example",
        "workers.dev", "vercel.app", "fly.dev",
        "aws-0-eu-central-9.pooler.supabase.com",
        "aws-0-eu-central-1.pooler.supabase.com.evil.example",
        "eu-central-1.snowflakecomputing.com",
        "xy.eu-central-9.snowflakecomputing.com",
        "xy.europe-west3.snowflakecomputing.com",
        "xy.westeurope.azure.snowflakecomputing.com",
        "xy.eu-central-1.azure.snowflakecomputing.com",
        "databricks.us", "x.databricks.us.evil.example",
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/session/v1/login-request", "/v1/chat/completions"])
def test_a_look_alike_has_no_place(host: str, path: str) -> None:
    assert ask(host + path, NO_BODY).places.unknown


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("eu-de.ml.cloud.ibm.com/ml/v1/text/chat", "DE"),
        ("private.eu-gb.ml.cloud.ibm.com/ml/v1/text/generation", "GB"),
        ("jp-tok.ml.cloud.ibm.com/ml/v1/deployments/d/text/generation", "JP"),
        ("eu-de.ml.cloud.ibm.com/ml/v1/deployments/d/ai_service", "unknown"),
        ("eu-de.ml.cloud.ibm.com/ml/gateway/v1/chat/completions", "unknown"),
        ("s3.eu-es.cloud-object-storage.appdomain.cloud/b/o", "ES"),
        ("app.1abc.ca-tor.codeengine.appdomain.cloud/", "CA"),
        ("dashscope.aliyuncs.com/api/v1/files", "CN"),
        ("w.cn-beijing.maas.aliyuncs.com/api/v1/files", "CN"),
        ("dashscope.aliyuncs.com/api/v1/apps/a/completion", "unknown"),
        ("dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions", "anywhere"),
        ("dashscope-us.aliyuncs.com/compatible-mode/v1/chat/completions", "anywhere"),
        ("cn-hongkong.dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", "anywhere"),
        ("w.eu-central-1.maas.aliyuncs.com/compatible-mode/v1/chat/completions", "anywhere"),
        ("box.oss-eu-west-1.aliyuncs.com/o", "GB"),
        ("oss-me-central-1.aliyuncs.com/box/o", "SA"),
        ("box.oss-accelerate.aliyuncs.com/o", "anywhere"),
        ("123.cn-hongkong.fc.aliyuncs.com/2023-03-30/functions/f/invocations", "HK"),
        ("api.scaleway.ai/v1/embeddings", "FR"),
        ("api.scaleway.com/inference/v1/regions/nl-ams/deployments", "NL"),
        ("api.scaleway.com/inference/v1/regions/de-fra/deployments", "unknown"),
        ("api.scaleway.com/account/v3/projects", "unknown"),
        ("f.functions.fnc.pl-waw.scw.cloud/", "PL"),
        ("s3.fr-par.scw.cloud/b/o", "FR"),
        ("b.s3.nl-ams.scw.cloud/o", "NL"),
        ("s3.gra.io.cloud.ovh.net/b/o", "FR"),
        ("s3.sbg.io.cloud.ovh.net/b/o", "FR"),
        ("s3.de.io.cloud.ovh.net/b/o", "DE"),
        ("b.s3.uk.io.cloud.ovh.net/o", "GB"),
        ("oai.endpoints.kepler.ai.cloud.ovh.net/v1/embeddings", "FR"),
        ("fsn1.your-objectstorage.com/b/o", "DE"),
        ("api.tokenfactory.us-central1.nebius.com/v1/embeddings", "US"),
        ("api.tokenfactory.nebius.com/v1/embeddings", "unknown"),
        ("api.cloudflare.com/client/v4/accounts/a/ai/run/m", "anywhere"),
        ("gateway.ai.cloudflare.com/v1/a/g/openai/chat/completions", "anywhere"),
        ("w.acme.workers.dev/", "anywhere"),
        ("acc.r2.cloudflarestorage.com/b/o", "anywhere"),
        ("acc.eu.r2.cloudflarestorage.com/b/o", EU),
        ("b.acc.eu.r2.cloudflarestorage.com/o", EU),
        ("acc.us.r2.cloudflarestorage.com/b/o", "US"),
        ("eu.r2.cloudflarestorage.com/b/o", "anywhere"),
        ("ai-gateway.vercel.sh/v1/chat/completions", "anywhere"),
        ("acme.vercel.app/api/x", "anywhere"),
        ("acme.fly.dev/", "anywhere"),
        ("ref.supabase.co/rest/v1/t", "unknown"),
        ("ref.supabase.co/functions/v1/f", "anywhere"),
        ("aws-0-eu-west-2.pooler.supabase.com/", "GB"),
        ("dbc-1a2b.cloud.databricks.com/api", "unknown"),
        ("adb-123.4.azuredatabricks.net/api", "unknown"),
        ("123.4.gcp.databricks.com/api", "unknown"),
        ("x.cloud.databricks.us/api", "US"),
        ("adb-1.2.databricks.azure.us/api", "US"),
        ("adb-1.2.databricks.azure.cn/api", "CN"),
        ("xy12345.eu-central-1.snowflakecomputing.com/session/v1/login-request", "DE"),
        ("xy12345.eu-west-2.aws.snowflakecomputing.com/session/v1/login-request", "GB"),
        ("xy12345.europe-west4.gcp.snowflakecomputing.com/session/v1/login-request", "NL"),
        ("xy12345.west-europe.azure.snowflakecomputing.com/session/v1/login-request", "NL"),
        ("xy12345.eu-central-1.snowflakecomputing.com/api/v2/statements", "unknown"),
        (
            "xy12345.eu-central-1.snowflakecomputing.com/api/v2/cortex/inference:complete",
            "unknown",
        ),
        ("xy12345.west-europe.azure.snowflakecomputing.com/queries/v1/query-request", "unknown"),
        ("xy12345.snowflakecomputing.com/session/v1/login-request", "unknown"),
        ("org-acct.snowflakecomputing.com/session/v1/login-request", "unknown"),
        ("xy12345.cn-north-1.snowflakecomputing.cn/api/v2/statements", "CN"),
    ],
)
def test_every_documented_host(url: str, place: str) -> None:
    assert str(ask(url, NO_BODY).places) == place


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("dashscope.aliyuncs.com/compatible-mode/v1/chat/completions", "CN"),
        ("api.scaleway.ai/v1/chat/completions", "FR"),
        ("oai.endpoints.kepler.ai.cloud.ovh.net/v1/chat/completions", "FR"),
        ("api.tokenfactory.us-central1.nebius.com/v1/chat/completions", "US"),
    ],
)
def test_a_tool_that_is_not_the_callers_own_goes_elsewhere(url: str, place: str) -> None:
    assert str(ask(url, MODEL).places) == place
    assert str(ask(url, MODEL | {"tools": [{"type": "function"}]}).places) == place
    assert ask(url, TOOL).places.unknown
    assert ask(url, PENDING).places.unknown
    assert ask(
        url, MODEL | {"messages": [{"image_url": {"url": "https://x.example/"}}]}
    ).places.unknown


def test_web_search_goes_elsewhere() -> None:
    url = "dashscope.aliyuncs.com/compatible-mode/v1/chat/completions"

    assert ask(url, MODEL | {"enable_search": True}).places.unknown
    assert ask(url, MODEL | {"parameters": {"enable_search": True}}).places.unknown


@pytest.mark.parametrize(
    ("url", "headers", "place"),
    [
        ("/functions/v1/f", (("x-region", "eu-west-3"),), "FR"),
        ("/functions/v1/f", (("x-region", "any"),), "anywhere"),
        ("/functions/v1/f", (("x-region", "eu-central-2"),), "anywhere"),
        ("/functions/v1/f", (("x-region", "us-gov-west-1"),), "anywhere"),
        ("/functions/v1/f", (("x-region", "eu-west-3"), ("x-region", "us-east-1")), "unknown"),
        ("/rest/v1/t", (("x-region", "eu-west-3"),), "unknown"),
    ],
)
def test_a_supabase_function_runs_where_the_header_says(
    url: str, headers: Headers, place: str
) -> None:
    answer = ask(f"ref.supabase.co{url}", NO_BODY, headers=headers)

    assert str(answer.places) == place


@pytest.mark.parametrize(
    ("url", "body", "function"),
    [
        ("eu-de.ml.cloud.ibm.com/ml/v1/text/chat", {"model_id": "ibm/granite-3"}, "ibm:watsonx:ibm/granite-3"),
        ("dashscope-intl.aliyuncs.com/compatible-mode/v1/chat/completions", {"model": "qwen-plus"}, "alibaba:dashscope:qwen-plus"),
        ("123.cn-hongkong.fc.aliyuncs.com/2023-03-30/functions/f/invocations", {}, "alibaba:fc:123/f"),
        ("api.scaleway.ai/v1/chat/completions", MODEL, "scaleway:generative:m"),
        ("f.functions.fnc.pl-waw.scw.cloud/", {}, "scaleway:functions:f"),
        ("w.acme.workers.dev/", {}, "cloudflare:workers:acme/w"),
        ("acme.vercel.app/", {}, "vercel:app:acme"),
        ("acme.fly.dev/", {}, "fly:app:acme"),
        ("ref.supabase.co/functions/v1/f", {}, "supabase:functions:ref/f"),
    ],
)  # fmt: skip
def test_the_name_of_the_function(url: str, body: object, function: str) -> None:
    assert ask(url, body).function == function


def test_a_pin_may_name_another_clouds_region_for_a_platforms_host() -> None:
    host = "xy12345.eu-central-1.snowflakecomputing.com"
    atlas, faults = build(
        f"version: 1\ndestinations:\n  - {{host: {host}, provider: aws, regions: [eu-central-1], "
        "owner: a@example.com, why: Cortex is kept in its region}\n"
    )

    assert atlas, faults.found
    assert str(ask(f"{host}/api/v2/statements", NO_BODY, atlas=atlas).places) == "DE"


def test_no_provider_shares_the_meaning_of_a_region() -> None:
    tables = shipped().tables

    assert str(tables["aws"].codes("region")["eu-west-1"].places) == "IE"
    assert str(tables["alibaba"].codes("region")["eu-west-1"].places) == "GB"
    assert str(tables["alibaba"].codes("region")["me-central-1"].places) == "SA"
    assert str(tables["aws"].codes("region")["me-central-1"].places) == "AE"
