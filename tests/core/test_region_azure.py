"""Azure: hosts with a region, hosts that only a pin can tell, deployment types; look-alikes first."""

import functools

import pytest

from residency.core.region.atlas import Atlas
from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE
from tests.atlases import RULES, ask, build, shipped

CHAT = "/openai/deployments/chat/chat/completions"
ACME = "acme.openai.azure.com"
ZONE = shipped().jurisdictions.members["azure-eu-data-zone"]
PIN = """
version: 1
destinations:
  - host: {host}
    provider: azure
    owner: a@example.com
    why: test
"""


#: Enough for pins, and sooner read than the whole catalogue.
CATALOGUE = (RULES / "catalogue" / "azure.yaml").read_text(encoding="utf-8")


def pinned(says: str, host: str = ACME) -> str:
    lines = says.splitlines()
    return PIN.format(host=f'"{host}"') + "".join(f"    {line}\n" for line in lines)


@functools.cache
def declared(says: str) -> Atlas:
    atlas, faults = build(pinned(says), CATALOGUE)
    assert atlas, faults.found
    return atlas


def asked(says: str, url: str, body: object = NO_BODY) -> str:
    return str(ask(url, body, atlas=declared(says)).places)


@pytest.mark.parametrize(
    "host",
    [
        "score.westeurope-01.azurewebsites.net.evil.example",
        "score.westeurope-01.evilazurewebsites.net",
        "westeurope-01.azurewebsites.net.example",
        "score.westeurope-02.azurewebsites.net",
        "score.westeurop-01.azurewebsites.net",
        "score.usgovvirginia-01.azurewebsites.net",
        "score.eu-west-1-01.azurewebsites.net",
        "a.score.westeurope-01.azurewebsites.net",
        "score.westeurope.azurewebsites.net",
        "westeurope.azurewebsites.net",
        "westeurope-01.azurewebsites.net",
        "acme.openai.azure.com.evil.example",
        "acme.openai-azure.com",
        "westeurope.openai.azure.com",
        "x.westeurope.api.cognitive.microsoft.com",
        "europe.api.cognitive.microsoft.com",
        "chinaeast.api.cognitive.microsoft.com",
        "westeurope.stt.speech.microsoft.com.example",
        "eu-west-1.stt.speech.microsoft.com",
        "ep.europe-west3.inference.ml.azure.com",
        "app.env.west-europe.azurecontainerapps.io",
        "app.westeurope.azurecontainerapps.io.example",
        "westeurope.cloudapp.azure.com",
        "westeurope.azuredatabricks.net.example",
        "adb-1.2.azuredatabricks.net.example",
        "westeurope.blob.core.windows.net",
        "azure.us", "azure.cn", "xazure.us", "acme.azure.us.example", "notazure.cn",
    ],
)  # fmt: skip
def test_a_look_alike_has_no_place(host: str) -> None:
    assert ask(f"{host}/vision/v3.2/analyze", NO_BODY).places.unknown


@pytest.mark.parametrize(
    ("host", "place"),
    [
        ("score-a1b2c3d4e5f6a7b8.westeurope-01.azurewebsites.net", "NL"),
        ("score-a1b2c3d4e5f6a7b8.scm.northeurope-01.azurewebsites.net", "IE"),
        ("westus-a1b2c3d4e5f6a7b8.eastasia-01.azurewebsites.net", "HK"),
        ("score.azurewebsites.net", "unknown"),
        ("score.scm.azurewebsites.net", "unknown"),
        ("acme.openai.azure.com", "unknown"),
        ("acme.services.ai.azure.com", "unknown"),
        ("acme.cognitiveservices.azure.com", "unknown"),
        ("westeurope.api.cognitive.microsoft.com", "unknown"),
        ("southeastasia.stt.speech.microsoft.com", "SG"),
        ("uaenorth.tts.speech.microsoft.com", "AE"),
        ("api.cognitive.microsofttranslator.com", "anywhere"),
        ("api-nam.cognitive.microsofttranslator.com", "US"),
        ("api-eur.cognitive.microsofttranslator.com", "FR IE NL"),
        ("api-apc.cognitive.microsofttranslator.com", "AU JP SG"),
        ("ep.germanywestcentral.inference.ml.azure.com", "DE"),
        ("model.eastus2.models.ai.azure.com", "unknown"),
        ("app.orange-1a2b.switzerlandnorth.azurecontainerapps.io", "CH"),
        ("app.internal.orange-1a2b.uksouth.azurecontainerapps.io", "GB"),
        ("box.francecentral.azurecontainer.io", "FR"),
        ("box.h4sh.francecentral.azurecontainer.io", "FR"),
        ("vm.swedencentral.cloudapp.azure.com", "SE"),
        ("logs.norwayeast.kusto.windows.net", "NO"),
        ("westeurope.azuredatabricks.net", "NL"),
        ("acme.blob.core.windows.net", "unknown"),
        ("acme.z6.web.core.windows.net", "unknown"),
        ("acme.azure-api.net", "unknown"),
        ("acme.vault.azure.net", "unknown"),
        ("acme.servicebus.windows.net", "unknown"),
        ("acme.azurefd.net", "anywhere"),
        ("acme-h4sh.z01.azurefd.net", "anywhere"),
        ("acme.azureedge.net", "anywhere"),
        ("acme.trafficmanager.net", "anywhere"),
        ("login.microsoftonline.com", "anywhere"),
        ("graph.microsoft.com", "unknown"),
        ("management.azure.com", "anywhere"),
        ("acme.vault.azure.us", "US"),
        ("management.azure.us", "US"),
        ("score.azurewebsites.us", "US"),
        ("score.usgovvirginia-01.azurewebsites.us", "US"),
        ("acme.blob.core.usgovcloudapi.net", "US"),
        ("acme.azure.cn", "CN"),
        ("score.chinacloudsites.cn", "CN"),
        ("acme.blob.core.chinacloudapi.cn", "CN"),
    ],
)
def test_every_documented_host(host: str, place: str) -> None:
    assert str(ask(f"{host}/x", NO_BODY).places) == place


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/vision/v3.2/analyze", "NL"),
        ("/language/:analyze-text", "NL"),
        ("/openai/deployments/chat/embeddings", "unknown"),
        ("/OpenAI/deployments/chat/embeddings", "unknown"),
        ("/openai%2fdeployments/chat/embeddings", "unknown"),
        ("/vision/../openai/deployments/chat/embeddings", "unknown"),
        ("/x", "unknown"),
    ],
)
def test_a_regional_ai_host_says_its_region_for_classic_paths_only(path: str, place: str) -> None:
    assert str(ask(f"westeurope.api.cognitive.microsoft.com{path}", NO_BODY).places) == place


@pytest.mark.parametrize(
    ("url", "body", "function"),
    [
        (ACME + CHAT, {}, "azure:openai:acme/chat"),
        (f"{ACME}/openai/deployments/chat/embeddings", {}, "azure:openai:acme/chat"),
        (f"{ACME}/openai/v1/chat/completions", {"model": "chat"}, "azure:openai:acme/chat"),
        (f"{ACME}/openai/v1/responses", {"model": "chat"}, "azure:openai:acme/chat"),
        (f"{ACME}/openai/v1/embeddings", {"model": "chat"}, "azure:openai:acme/chat"),
        (f"{ACME}/openai/v1/embeddings", PENDING, "azure:openai:acme/?"),
        (f"{ACME}/openai/v1/files", {}, "azure:openai:acme/?"),
        ("acme.services.ai.azure.com/models/chat/completions", {"model": "m"}, "azure:models:acme/m"),
        ("acme.services.ai.azure.com/anthropic/v1/messages", {"model": "c"}, "azure:anthropic:acme/c"),
        ("acme.services.ai.azure.com/api/projects/p/agents", {}, "azure:?:?"),
        ("westeurope.api.cognitive.microsoft.com" + CHAT, {}, "azure:openai:chat"),
        ("score-a1.westeurope-01.azurewebsites.net/api/score", {}, "azure:functions:score-a1/score"),
        ("score-a1.westeurope-01.azurewebsites.net/API/score", {}, "azure:functions:?"),
        ("score.azurewebsites.net/api/score", {}, "azure:functions:score/score"),
        ("score.azurewebsites.net/admin/functions/score", {}, "azure:functions:?"),
        ("ep.westeurope.inference.ml.azure.com/score", {}, "azure:ml:ep"),
        ("app--v1.env.westeurope.azurecontainerapps.io/x", {}, "azure:containerapps:env/app"),
        ("app--v--w.env.westeurope.azurecontainerapps.io/x", {}, "azure:containerapps:env/?"),
    ],
)  # fmt: skip
def test_the_name_of_the_function(url: str, body: object, function: str) -> None:
    assert ask(url, body).function == function


@pytest.mark.parametrize(
    ("deployment", "region", "expected"),
    [
        ("Standard", "westeurope", "NL"),
        ("ProvisionedManaged", "uksouth", "GB"),
        ("DataZoneStandard", "westeurope", " ".join(sorted(ZONE))),
        ("DataZoneProvisionedManaged", "eastus", "US"),
        ("DataZoneBatch", "northeurope", " ".join(sorted({*ZONE, "IE"}))),
        ("DataZoneStandard", "japaneast", "anywhere"),
        ("GlobalStandard", "westeurope", "anywhere"),
        ("GlobalProvisionedManaged", "westeurope", "anywhere"),
        ("GlobalBatch", "usgovvirginia", "anywhere"),
        ("DeveloperTier", "westeurope", "anywhere"),
    ],
)
def test_a_pin_names_region_and_deployment_type(
    deployment: str, region: str, expected: str
) -> None:
    assert asked(f"regions: [{region}]\ndeployment: {deployment}", ACME + CHAT) == expected


PER_DEPLOYMENT = """regions: [westeurope]
where:
  - {when: {deployment: [chat]}, deployment: DataZoneStandard}
  - {when: {deployment: ["eu-*"]}, deployment: Standard}
  - {when: {deployment: [us]}, regions: [eastus], deployment: Standard}
  - {when: {deployment: [here]}, places: [DE]}"""


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chat", " ".join(sorted(ZONE))),
        ("eu-fast", "NL"),
        ("us", "US"),
        ("here", "DE"),
        ("other", "unknown"),
        ("CHAT", "unknown"),
        ("xeu-fast", "unknown"),
    ],
)
def test_a_pin_for_each_deployment(name: str, expected: str) -> None:
    in_path = f"{ACME}/openai/deployments/{name}/embeddings"

    assert asked(PER_DEPLOYMENT, in_path) == expected
    assert asked(PER_DEPLOYMENT, f"{ACME}/openai/v1/chat/completions", {"model": name}) == expected


@pytest.mark.parametrize("body", [PENDING, UNREADABLE, NO_BODY, {}, {"model": 1}, []])
def test_a_deployment_that_is_not_read_has_no_place(body: object) -> None:
    assert asked(PER_DEPLOYMENT, f"{ACME}/openai/v1/chat/completions", body) == "unknown"


def test_what_no_case_is_about_says_so() -> None:
    url = f"{ACME}/openai/deployments/other/embeddings"
    answer = ask(url, NO_BODY, atlas=declared(PER_DEPLOYMENT))

    assert any("no case" in e.says for e in answer.evidence)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (CHAT, {"data_sources": [{"type": "azure_search"}]}),
        (CHAT, {"tools": [{"type": "mcp"}]}),
        (CHAT, {"web_search_options": {}}),
        (CHAT, {"messages": [{"content": [{"image_url": {"url": "https://x.example/a.png"}}]}]}),
        ("/openai/deployments/chat/extensions/chat/completions", {}),
        ("/openai/v1/responses", {"model": "chat", "tools": [{"type": "web_search_preview"}]}),
        ("/openai/v1/responses", {"model": "chat", "prompt": {"id": "p"}}),
        ("/openai/v1/responses", {"model": "chat", "agent": {"name": "a"}}),
        ("/openai/v1/realtime", {"model": "chat"}),
        ("/anthropic/v1/messages", {"model": "chat", "mcp_servers": [{"type": "url"}]}),
        ("/anthropic/v1/messages", {"model": "chat", "tools": [{"type": "web_search_20250305"}]}),
        ("/openai/v1/files", {}),
        ("/openai/threads", {}),
        (CHAT, PENDING),
    ],
)
def test_a_pin_does_not_speak_for_whom_the_service_calls(path: str, body: object) -> None:
    assert asked("regions: [westeurope]\ndeployment: Standard", ACME + path, body) == "unknown"


def test_the_callers_own_tools_and_inline_images_stay_where_they_are() -> None:
    body = {
        "tools": [{"type": "function"}],
        "messages": [{"content": [{"image_url": {"url": "data:image/png;base64,AA"}}]}],
    }

    assert asked("regions: [westeurope]\ndeployment: Standard", ACME + CHAT, body) == "NL"


def test_a_government_deployment_with_the_services_tools_is_not_narrowed() -> None:
    host = "acme.openai.azure.us"

    assert str(ask(host + CHAT, {}).places) == "US"
    assert ask(host + CHAT, {"data_sources": [{}]}).places.unknown
    assert ask(f"{host}/openai/v1/responses", {"model": "x"}).places.unknown


@pytest.mark.parametrize(
    ("says", "host", "fault"),
    [
        ("regions: [westeurope]", ACME, "does not say the deployment type"),
        ("regions: [westeurope]", "*.openai.azure.com", "contradicts"),
        ("regions: [westeurope]\nwhere: [{when: {deployment: [a]}}]", ACME, "does not say the deployment type"),
        ("where: [{when: {deployment: [a]}, regions: [eastus]}]", ACME, "does not say the deployment type"),
        ("regions: [westeurope]\ndeployment: standard", ACME, "is no deployment type"),
        ("regions: [westeurope]\ndeployment: LocalStandard", ACME, "is no deployment type"),
        ("regions: [uksouth]\ndeployment: DataZoneStandard", ACME, "is no type for a resource in uksouth"),
        ("regions: [westeurop]\ndeployment: Standard", ACME, "is no type for a resource in westeurop"),
        ("places: [NL]\ndeployment: Standard", ACME, "goes with regions"),
        ("places: [NL]\nwhere: [{places: [DE]}]", ACME, "where goes with regions only"),
        ("where: []", ACME, "at least 1"),
        ("regions: []", ACME, "at least 1"),
        ("where: [{when: {deployment: [a]}}]", ACME, "says no place"),
        ("where: [{places: [DE], jurisdiction: EU}]", ACME, "give one of"),
        ("where: [{when: {model: [a]}, places: [DE]}]", ACME, "is no position"),
        ("where: [{when: {deployment: [a*b]}, places: [DE]}]", ACME, "one end"),
        ("where: [{when: {deployment: [a]}, places: [DE]}]", "x.example", "is no position"),
        ("regions: [westeurope]\ndeployment: Standard", "a.westeurope-01.azurewebsites.net", "contradicts"),
    ],
)  # fmt: skip
def test_a_bad_pin_is_refused_with_its_place(says: str, host: str, fault: str) -> None:
    atlas, faults = build(pinned(says, host), CATALOGUE)

    assert atlas is None
    assert any(fault in str(f) for f in faults.found)
    assert all(f.line > 0 for f in faults.found)


def test_a_storage_account_needs_no_deployment_type() -> None:
    host = "acme.blob.core.windows.net"
    atlas, faults = build(pinned("regions: [francecentral]", host), CATALOGUE)

    assert atlas, faults.found
    assert str(ask(f"{host}/box/a", NO_BODY, atlas=atlas).places) == "FR"


MEDIA = "westeurope.api.cognitive.microsoft.com/{}"


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("vision/v3.2/analyze", {"url": "https://far.example/a.png"}),
        ("formrecognizer/documentModels/m:analyze", {"urlSource": "https://far.example/a.pdf"}),
        ("documentintelligence/documentModels/m:analyzeBatch", {"azureBlobSource": {"containerUrl": "https://far.example"}}),
        ("contentsafety/text:detectGroundedness", {"text": "a", "llmResource": {"azureOpenAIEndpoint": "https://far.example"}}),
        ("contentsafety/image:analyze", {"image": {"blobUrl": "https://far.example"}}),
        ("speechtotext/v3.2/transcriptions", {"contentUrls": ["https://far.example"]}),
        ("speechtotext/transcriptions:transcribe", UNREADABLE),
        ("vision/v3.2/analyze", [{"url": "https://far.example"}]),
    ],
)  # fmt: skip
def test_what_a_classic_service_fetches_is_not_in_its_region(path: str, body: object) -> None:
    there = ask(MEDIA.format(path), body, headers=(("content-type", "application/json"),))

    assert there.places.unknown


@pytest.mark.parametrize(
    ("kind", "body"),
    [("image/png", UNREADABLE), ("application/octet-stream", UNREADABLE), ("application/json", {"base64Source": "AA=="})],
)  # fmt: skip
def test_what_is_sent_itself_is_read_in_the_region(kind: str, body: object) -> None:
    url = MEDIA.format("documentintelligence/documentModels/m:analyze")

    assert str(ask(url, body, headers=(("content-type", kind),)).places) == "NL"
