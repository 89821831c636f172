"""Google Cloud: Vertex by host and path, regional services, functions and apps; look-alikes first."""

import pytest

from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE
from tests.atlases import ask, shipped

VERTEX = "/v1/projects/p/locations/{}/publishers/google/models/gemini-3:generateContent"
CLAUDE = "/v1/projects/p/locations/{}/publishers/anthropic/models/claude-x:rawPredict"
FRANKFURT = "europe-west3-aiplatform.googleapis.com"
EU = shipped().jurisdictions.members["EU"]

#: What Google's hosts say, so that a slip of the table is seen. Codes look like countries and are none.
CODES = {
    "de": "TW", "df": "HK", "an": "JP", "dt": "JP", "du": "KR", "el": "IN", "em": "IN", "as": "SG", "et": "ID", "ts": "AU",
    "km": "AU", "lm": "PL", "lz": "FI", "ew": "BE", "nw": "GB", "ey": "DE", "ez": "NL", "oa": "CH", "oc": "IT", "od": "FR",
    "oe": "DE", "no": "ES", "zf": "IL", "nn": "CA", "pd": "CA", "rj": "BR", "tl": "CL", "uc": "US", "ue": "US", "uk": "US",
    "ul": "US", "vp": "US", "uw": "US", "wl": "US", "wm": "US", "wn": "US",
}  # fmt: skip


@pytest.mark.parametrize(
    "host",
    [
        "europe-west99-aiplatform.googleapis.com",
        "eu-west-1-aiplatform.googleapis.com",
        "xeurope-west3-aiplatform.googleapis.com",
        "x.europe-west3-aiplatform.googleapis.com",
        "europe-west3-aiplatform.googleapis.com.evil.example",
        "europe-west3-aiplatform.evilgoogleapis.com",
        "europe-west3aiplatform.googleapis.com",
        "aiplatform.europe-west99.rep.googleapis.com",
        "aiplatform.eu.googleapis.com",
        "aiplatform.eu.rep.googleapis.com.evil.example",
        "europe-west3.googleapis.com",
        "europe-west3-pubsub.googleapis.com.evil.example",
        "europe-west99-proj.cloudfunctions.net",
        "proj-europe-west3.cloudfunctions.net",
        "europe-west3.cloudfunctions.net",
        "europe-west3-proj.cloudfunctions.net.evil.example",
        "x.europe-west3-proj.cloudfunctions.net",
        "svc-123.europe-west99.run.app",
        "svc-123.europe-west3.run.app.evil.example",
        "europe-west3.run.app",
        "a.b-123.europe-west3.run.app",
        "svc-h4sh-zz.a.run.app",
        "svc-h4sh-DE.a.run.app",
        "de.a.run.app",
        "svc-h4sh-de.b.run.app",
        "svc-h4sh-de.a.run.app.evil.example",
        "proj.appspot.com",
        "proj.zz.r.appspot.com",
        "proj.ey.appspot.com",
        "ey.r.appspot.com",
        "proj.ey.r.appspot.com.evil.example",
        "db.europe-west99.firebasedatabase.app",
        "europe-west1.firebasedatabase.app",
        "db.firebaseio.com.evil.example",
        "eu-aiplatform.googleapis.com", "us-aiplatform.googleapis.com", "xaiplatform.eu.rep.googleapis.com",
        "europe-west3-prediction-aiplatform.googleapis.com", "generativelanguage.eu.rep.googleapis.com",
        "us-central3-pubsub.googleapis.com", "europe-west1-europe-west3.googleapis.com",
        "storage.googleapis.com", "europe-west3.storage.googleapis.com", "firestore.googleapis.com", "bigquery.googleapis.com",
        "europe-west4-discoveryengine.googleapis.com", "eu-discoveryengine.googleapis.com", "us-discoveryengine.googleapis.com",
    ],
)  # fmt: skip
def test_a_look_alike_has_no_place(host: str) -> None:
    assert ask(f"{host}/v1/projects/p/topics/t", NO_BODY).places.unknown


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
        ("aiplatform.asia.rep.googleapis.com", "asia", "unknown", "unknown"),
    ],
)
@pytest.mark.parametrize("path", [VERTEX, CLAUDE])
def test_vertex_host_and_location(
    host: str, location: str, expected: str, status: str, path: str
) -> None:
    answer = ask(host + path.format(location), {})

    assert (str(answer.places), answer.status) == (expected, status)


def test_vertex_eu_is_the_member_states() -> None:
    assert ask("aiplatform.eu.rep.googleapis.com" + VERTEX.format("eu"), {}).places.codes == EU


def test_vertex_without_a_location() -> None:
    express = "/v1/publishers/google/models/gemini-3:generateContent"

    assert str(ask(f"aiplatform.googleapis.com{express}").places) == "anywhere"
    assert ask(FRANKFURT + express).places.unknown


@pytest.mark.parametrize(
    ("url", "body", "function"),
    [
        (FRANKFURT + VERTEX.format("europe-west3"), {}, "google:vertex:gemini-3"),
        (FRANKFURT + VERTEX.format("europe%2Dwest3"), {}, "google:vertex:gemini-3"),
        (FRANKFURT + CLAUDE.format("europe-west3"), {}, "google:vertex:claude-x"),
        (f"{FRANKFURT}/v1/projects/p/locations/europe-west3/endpoints/123:predict", {}, "google:vertex:p/123"),
        (f"{FRANKFURT}/v1/projects/p/locations/europe-west3/endpoints/openapi/chat/completions", {"model": "m"}, "google:vertex:m"),
        ("aiplatform.googleapis.com" + VERTEX.format("global"), {}, "google:vertex:gemini-3"),
        ("generativelanguage.googleapis.com/v1beta/openai/chat/completions", {"model": "gemini-3"}, "google:generativelanguage:gemini-3"),
        ("europe-west3-pubsub.googleapis.com/v1/projects/p/topics/t:publish", {}, "google:pubsub:?"),
        ("storage.europe-west3.rep.googleapis.com/b/o", {}, "google:storage:?"),
        ("europe-west3-proj.cloudfunctions.net/score", {}, "google:functions:proj/score"),
        ("europe-west3-proj.cloudfunctions.net/score/more", {}, "google:functions:proj/score"),
        ("europe-west3-proj.cloudfunctions.net/", {}, "google:functions:?"),
        ("score-123456789.europe-west3.run.app/x", {}, "google:run:123456789/score"),
        ("canary---score-123456789.europe-west3.run.app/x", {}, "google:run:123456789/score"),
        ("score-v2-123456789.europe-west3.run.app/x", {}, "google:run:123456789/score-v2"),
        ("score-x.europe-west3.run.app/x", {}, "google:run:?/score"),
        ("a---b---score-1.europe-west3.run.app/x", {}, "google:run:1/?"),
        ("score-abcdefghij-ey.a.run.app/x", {}, "google:run:abcdefghij/score"),
        ("canary---score-abcdefghij-ey.a.run.app/x", {}, "google:run:abcdefghij/score"),
        ("proj.ey.r.appspot.com/x", {}, "google:appengine:proj"),
        ("api-dot-proj.ey.r.appspot.com/x", {}, "google:appengine:proj/api"),
        ("v1-dot-api-dot-proj.ey.r.appspot.com/x", {}, "google:appengine:proj/api"),
        ("a-dot-b-dot-c-dot-d.ey.r.appspot.com/x", {}, "google:appengine:?"),
    ],
)  # fmt: skip
def test_the_name_of_the_function(url: str, body: object, function: str) -> None:
    assert ask(url, body).function == function


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (VERTEX, {"tools": [{"googleSearch": {}}]}),
        (VERTEX, {"tools": [{"google_search": {}}]}),
        (VERTEX, {"tools": [{"functionDeclarations": []}, {"urlContext": {}}]}),
        (VERTEX, {"tools": [{"functionDeclarations": [], "retrieval": {}}]}),
        (VERTEX, {"tools": {"googleSearch": {}}}),
        (VERTEX, {"cachedContent": "projects/p/locations/l/cachedContents/c"}),
        (VERTEX, {"cached_content": "c"}),
        (VERTEX.replace(":generateContent", ":GenerateContent"), {"tools": [{"googleSearch": {}}]}),
        (VERTEX.replace(":generateContent", ":newOperation"), {"tools": [{"googleSearch": {}}]}),
        (CLAUDE, {"messages": [{"content": [{"image_url": {"url": "https://x.example/a.png"}}]}]}),
        (VERTEX, {"contents": [{"parts": [{"fileData": {"fileUri": "https://x.example/a.pdf"}}]}]}),
        (VERTEX, {"contents": [{"parts": [{"file_data": {"file_uri": "http://x.example/a"}}]}]}),
        (VERTEX, {"contents": [{"parts": [{"fileData": {"fileUri": "a.pdf"}}]}]}),
        (VERTEX, PENDING),
        (VERTEX, UNREADABLE),
        (CLAUDE, {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        (CLAUDE, {"mcp_servers": [{"type": "url"}]}),
        (CLAUDE, {"messages": [{"content": [{"source": {"type": "url"}}]}]}),
        ("/v1/projects/p/locations/{}/endpoints/openapi/chat/completions", {"model": "m", "tools": [{"type": "x"}]}),
        ("/v1/projects/p/locations/{}/endpoints/openapi/responses", {"model": "m"}),
        ("/v1/projects/p/locations/{}/reasoningEngines/1:query", {}),
        ("/v1/projects/p/locations/{}/batchPredictionJobs", {}),
    ],
)  # fmt: skip
def test_what_a_model_reaches_is_not_where_it_runs(path: str, body: object) -> None:
    assert ask(FRANKFURT + path.format("europe-west3"), body).places.unknown


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (VERTEX, {"tools": [{"functionDeclarations": [{"name": "f"}]}]}),
        (VERTEX, {"contents": [{"parts": [{"fileData": {"fileUri": "gs://box/a.pdf"}}]}]}),
        (CLAUDE, {"tools": [{"name": "f", "input_schema": {}}, {"type": "custom", "name": "g"}]}),
    ],
)
def test_the_callers_own_tools_stay_where_they_are(path: str, body: object) -> None:
    assert str(ask(FRANKFURT + path.format("europe-west3"), body).places) == "DE"


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("europe-west1-dialogflow.googleapis.com/v3/projects/p/locations/europe-west1/agents/a", "BE"),
        ("europe-west2-documentai.googleapis.com/v1/projects/p/locations/europe-west2/processors/x:process", "GB"),
        ("europe-west2-x.googleapis.com/v3/projects/p/locations/europe-west2:translateText", "GB"),
        ("europe-west2-x.googleapis.com/batch", "unknown"),
        ("x.eu.rep.googleapis.com/batch/x/v1", "unknown"),
        ("us-central1-pubsub.googleapis.com/v1/projects/p/topics/t:publish", "US"),
        ("europe-west12-pubsub.googleapis.com/v1/projects/p/topics/t:publish", "IT"),
        ("eu-documentai.googleapis.com/v1/projects/p/locations/eu/processors/x:process", " ".join(sorted(EU))),
        ("us-documentai.googleapis.com/v1/projects/p/locations/us/processors/x:process", "US"),
        ("storage.europe-west6.rep.googleapis.com/b/o", "CH"),
        ("bigquery.eu.rep.googleapis.com/bigquery/v2/projects/p/queries", " ".join(sorted(EU))),
        ("firestore.nam5.rep.googleapis.com/v1/x", "US"),
        ("us-central1-europe-west3-proj.cloudfunctions.net/f", "US"),
        ("europe-west1-proj.cloudfunctions.net/f", "BE"),
        ("europe-west12-proj.cloudfunctions.net/f", "IT"),
        ("score-1.me-central2.run.app/x", "SA"),
        ("db.europe-west1.firebasedatabase.app/x.json", "BE"),
        ("db.firebaseio.com/x.json", "US"),
        ("proj.web.app/x", "anywhere"),
        ("proj.firebaseapp.com/x", "anywhere"),
        ("proj--preview.web.app/x", "anywhere"),
        ("ep.europe-west4-123.prediction.vertexai.goog/v1/projects/p/locations/europe-west4/endpoints/e:predict", "NL"),
    ],
)  # fmt: skip
def test_every_documented_host(url: str, place: str) -> None:
    assert str(ask(url, NO_BODY).places) == place


@pytest.mark.parametrize(
    "url",
    [
        "europe-west1-dialogflow.googleapis.com/v3/projects/p/locations/us-central1/agents/a",
        "europe-west1-dataproc.googleapis.com/v1/projects/p/regions/us-east1/clusters",
        "europe-west1-dataproc.googleapis.com/v1/projects/p/regions/us-east1",
        "europe-west1-x.googleapis.com/upload/v1/projects/p/locations/us-central1/files",
        "europe-west1-x.googleapis.com/compute/v1/projects/p/regions/us-central1/disks",
        "europe-west1-x.googleapis.com/v1/locations/us-central1/x",
        "europe-west1-x.googleapis.com/v1/projects/p/locations/us-central1:translateText",
        "eu-documentai.googleapis.com/v1/projects/p/locations/us:x",
        "dlp.eu.rep.googleapis.com/v2/locations/us/content:inspect",
        "eu-documentai.googleapis.com/v1/projects/p/locations/us/processors/x:process",
        "us-documentai.googleapis.com/v1/projects/p/locations/eu/processors/x:process",
        "dlp.eu.rep.googleapis.com/v2/projects/p/locations/us/content:inspect",
        "dlp.europe-west3.rep.googleapis.com/v2/organizations/1/locations/global/content:inspect",
    ],
)
def test_a_path_that_names_another_location_is_a_conflict(url: str) -> None:
    assert ask(url, NO_BODY).status == "conflict"


@pytest.mark.parametrize(("code", "country"), CODES.items())
def test_the_short_codes_are_no_countries(code: str, country: str) -> None:
    assert str(ask(f"svc-abcdefghij-{code}.a.run.app/", NO_BODY).places) == country
    assert str(ask(f"tag---svc-abcdefghij-{code}.a.run.app/", NO_BODY).places) == country
    assert str(ask(f"proj.{code}.r.appspot.com/", NO_BODY).places) == country
    assert str(ask(f"svc-dot-proj.{code}.r.appspot.com/", NO_BODY).places) == country


def test_every_short_code_is_in_the_test() -> None:
    assert shipped().tables["google"].codes("code").keys() == CODES.keys()
