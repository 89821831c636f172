"""Oracle Cloud: realms, regions and keys in hosts; models that run elsewhere; look-alikes first."""

import pytest

from residency.core.region.locate import NO_BODY, PENDING
from tests.atlases import ask, shipped

GENAI = "inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com"
CHAT = f"{GENAI}/20231130/actions/chat"


@pytest.mark.parametrize(
    "host",
    [
        "iaas.eu-frankfurt-1.oraclecloud.com.evil.example",
        "iaas.eu-frankfurt-1.notoraclecloud.com",
        "iaas.eu-frankfurt-9.oraclecloud.com",
        "iaas.eu-central-1.oraclecloud.com",
        "iaas.us-langley-1.oraclecloud.com",
        "iaas.eu-frankfurt-1.oraclegovcloud.com",
        "iaas.uk-gov-london-1.oraclegovcloud.com",
        "iaas.eu-frankfurt-2.oraclecloud.com",
        "iaas.eu-frankfurt-1.oraclecloud.eu",
        "eu-frankfurt-1.oraclecloud.com",
        "iaas.oraclecloud.com",
        "a.b.c.eu-frankfurt-1.oci.oraclecloud.com",
        "fra.ocir.io.evil.example",
        "xyz9.ocir.io",
        "x.fra.ocir.io",
        "ns.objectstorage.eu-frankfurt-1.customer-oci.com",
    ],
)
def test_a_look_alike_has_no_place(host: str) -> None:
    assert ask(f"{host}/x", NO_BODY).places.unknown


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("iaas.eu-frankfurt-1.oraclecloud.com", "DE"),
        ("objectstorage.eu-zurich-1.oraclecloud.com", "CH"),
        ("ns.compat.objectstorage.uk-london-1.oraclecloud.com", "GB"),
        ("ns.objectstorage.eu-paris-1.oci.customer-oci.com", "FR"),
        ("ns.ds.objectstorage.eu-paris-1.oci.customer-oci.com", "FR"),
        ("functions.eu-amsterdam-1.oci.oraclecloud.com", "NL"),
        ("ds.functions.eu-amsterdam-1.oci.oraclecloud.com", "NL"),
        ("functions.eu-amsterdam-1.ds.oci.oraclecloud.com", "NL"),
        ("language.aiservice.eu-milan-1.oci.oraclecloud.com", "IT"),
        ("abc.us-phoenix-1.functions.oci.oraclecloud.com", "US"),
        ("iaas.us-langley-1.oraclegovcloud.com", "US"),
        ("iaas.us-gov-ashburn-1.oraclegovcloud.com", "US"),
        ("iaas.uk-gov-london-1.oraclegovcloud.uk", "GB"),
        ("iaas.ap-chiyoda-1.oraclecloud8.com", "JP"),
        ("iaas.eu-madrid-2.oraclecloud.eu", "ES"),
        ("iaas.eu-jovanovac-1.oraclecloud20.com", "RS"),
        ("iaas.eu-crissier-1.oraclecloud24.com", "CH"),
        ("iaas.eu-dcc-dublin-1.oraclecloud14.com", "IE"),
        ("fra.ocir.io", "DE"),
        ("beg.ocir.io", "RS"),
        (GENAI, "unknown"),
        ("other.generativeai.eu-frankfurt-1.oci.oraclecloud.com", "unknown"),
        ("ds.inference.generativeai.eu-frankfurt-1.oci.oraclecloud.com", "unknown"),
        ("agent-runtime.generativeai.eu-frankfurt-1.oci.oraclecloud.com", "unknown"),
    ],
)
def test_every_documented_host(host: str, place: str) -> None:
    url = f"{host}/20181201/functions/ocid1.fnfunc.oc1.x/actions/invoke"

    assert str(ask(url, NO_BODY).places) == place


@pytest.mark.parametrize(
    ("url", "body", "place", "function"),
    [
        (CHAT, {"servingMode": {"modelId": "cohere.command-a-03-2025"}}, "DE", "cohere.command-a-03-2025"),
        (CHAT, {"servingMode": {"modelId": "meta.llama-3.3-70b-instruct"}}, "DE", "meta.llama-3.3-70b-instruct"),
        (CHAT, {"servingMode": {"endpointId": "ocid1.generativeaiendpoint.oc1.x"}}, "DE", "?"),
        (CHAT, {"servingMode": {"modelId": "google.gemini-2.5-pro"}}, "unknown", "google.gemini-2.5-pro"),
        (CHAT, {"servingMode": {"modelId": "xai.grok-4"}}, "unknown", "xai.grok-4"),
        (CHAT, {"servingMode": {"modelId": "ocid1.generativeaimodel.oc1.x"}}, "unknown", "?"),
        (CHAT, {"servingMode": {"modelId": "Cohere.x"}}, "unknown", "?"),
        (CHAT, {"servingMode": {"modelId": "meta.x"}, "messages": [{"imageUrl": {"url": "https://x.example/a"}}]}, "unknown", "meta.x"),
        (CHAT, {}, "unknown", "?"),
        (CHAT, PENDING, "unknown", "?"),
        (f"{GENAI}/openai/v1/chat/completions", {"model": "openai.gpt-oss-20b"}, "DE", "openai.gpt-oss-20b"),
        (f"{GENAI}/openai/v1/chat/completions", {"model": "openai.gpt-5"}, "unknown", "openai.gpt-5"),
        (f"{GENAI}/openai/v1/chat/completions", {"model": "cohere.x", "tools": [{"type": "mcp"}]}, "unknown", "cohere.x"),
        (f"{GENAI}/openai/v1/responses", {"model": "cohere.x"}, "unknown", "?"),
    ],
)  # fmt: skip
def test_a_model_on_its_makers_platform_has_no_region(
    url: str, body: object, place: str, function: str
) -> None:
    answer = ask(url, body)

    assert str(answer.places) == place
    assert answer.function == f"oracle:generativeai:{function}"


def test_a_function_is_named_by_its_id() -> None:
    url = "abc.us-phoenix-1.functions.oci.oraclecloud.com/20181201/functions/ocid1.fnfunc.oc1.x/actions/invoke"

    assert ask(url, NO_BODY).function == "oracle:functions:ocid1.fnfunc.oc1.x"


def test_every_region_answers_in_its_realm_and_in_no_other() -> None:
    table = shipped().tables["oracle"]
    suffixes = set(table.suffixes)
    for realm, regions in table.partitions.items():
        (own,) = (suffix for suffix, having in table.suffixes.items() if realm in having)
        for region in regions:
            country = str(table.codes("region")[region].places)
            assert str(ask(f"iaas.{region}.{own}/", NO_BODY).places) == country
            for other in suffixes - {own}:
                assert ask(f"iaas.{region}.{other}/", NO_BODY).places.unknown
