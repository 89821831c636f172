"""Laws of the clouds' hosts: no label, suffix or spelling that is not the provider's has a place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from residency.core.host import canonical
from residency.core.region.locate import NO_BODY
from residency.errors import RegionError
from tests.atlases import ask, shipped

#: Hosts whose every label is the provider's own.
FIXED = [
    "europe-west3-aiplatform.googleapis.com", "westeurope.stt.speech.microsoft.com", "westeurope.api.cognitive.microsoft.com",
    "api-nam.cognitive.microsofttranslator.com", "westeurope.azuredatabricks.net", "fra.ocir.io", "eu-de.ml.cloud.ibm.com",
    "dashscope.aliyuncs.com", "api.scaleway.ai", "oai.endpoints.kepler.ai.cloud.ovh.net", "api.tokenfactory.us-central1.nebius.com",
]  # fmt: skip
#: Hosts whose first label is the customer's.
OWNED = [
    "score-a1b2.westeurope-01.azurewebsites.net", "app.env.westeurope.azurecontainerapps.io", "ep.westeurope.inference.ml.azure.com",
    "svc-123.europe-west3.run.app", "svc-h4sh-ey.a.run.app", "proj.ey.r.appspot.com", "europe-west3-proj.cloudfunctions.net",
    "db.europe-west1.firebasedatabase.app", "iaas.eu-frankfurt-1.oraclecloud.com", "f.functions.fnc.fr-par.scw.cloud",
    "s3.gra.io.cloud.ovh.net", "acc.eu.r2.cloudflarestorage.com", "aws-0-eu-central-1.pooler.supabase.com",
    "xy.eu-central-1.snowflakecomputing.com", "box.oss-cn-beijing.aliyuncs.com",
]  # fmt: skip
PATHS = [
    "/session/v1",
    "/vision/v3.2/analyze",
    "/ml/v1/text/chat",
    "/v1/embeddings",
    "/api/v1/files",
]
label = st.from_regex(r"[a-z0-9][a-z0-9-]{0,10}", fullmatch=True)
paths = st.sampled_from(PATHS)


@pytest.mark.parametrize("host", [*FIXED, *OWNED])
def test_each_of_these_hosts_has_a_place(host: str) -> None:
    vertex = "/v1/projects/p/locations/europe-west3/models"
    answers = [ask(host + path, NO_BODY) for path in (*PATHS, vertex)]

    assert any(answer.places.codes for answer in answers)


@settings(deadline=None)
@given(st.sampled_from([*FIXED, *OWNED]), label, paths)
def test_a_foreign_suffix_never_has_a_place(host: str, other: str, path: str) -> None:
    for spelled in (f"{host}.{other}", f"{host}{other}", f"{host}.{other}.example"):
        assert ask(spelled + path, NO_BODY).places.unknown, spelled


@settings(deadline=None)
@given(st.sampled_from(FIXED), label, paths)
def test_a_label_before_a_providers_own_host_never_has_a_place(
    host: str, other: str, path: str
) -> None:
    for spelled in (f"{other}.{host}", f"{other}{host}", f"{other}-{host}"):
        assert ask(spelled + path, NO_BODY).places.unknown, spelled


@settings(deadline=None)
@given(st.sampled_from([*FIXED, *OWNED]), st.integers(0, 99))
def test_a_host_has_one_spelling(host: str, at: int) -> None:
    i = at % len(host)
    upper = f"{host[:i]}{host[i].upper()}{host[i + 1 :]}"

    assert canonical(upper) == canonical(f"{host}.") == host
    with pytest.raises(RegionError):
        canonical(f"{host[:i]}%{ord(host[i]):02x}{host[i + 1 :]}")


@settings(deadline=None)
@given(st.sampled_from(FIXED), paths, st.integers(0, 99))
def test_a_providers_own_host_in_another_spelling_has_no_place(
    host: str, path: str, at: int
) -> None:
    i = at % len(host)
    upper = f"{host[:i]}{host[i].upper()}{host[i + 1 :]}"

    assert upper == host or ask(upper + path, NO_BODY).places.unknown
    assert ask(f"{host[:i]}%{ord(host[i]):02x}{host[i + 1 :]}{path}", NO_BODY).places.unknown


@settings(deadline=None)
@given(
    st.sampled_from([t for t in shipped().tables if t not in ("google", "azure")]),
    st.sampled_from([".azurecontainerapps.io", "-01.azurewebsites.net", ".run.app", "-proj.cloudfunctions.net"]),
    st.data(),
)  # fmt: skip
def test_a_region_of_another_provider_is_no_region(
    provider: str, suffix: str, data: st.DataObject
) -> None:
    tables = shipped().tables
    own = {*tables["google"].codes("region"), *tables["azure"].codes("region")}
    codes = sorted(set(tables[provider].codes("region")) - own)
    code = data.draw(st.sampled_from(codes or ["none"]))

    for before in ("", "a.", "a-1.", "a.b."):
        assert ask(f"{before}{code}{suffix}/x", NO_BODY).places.unknown
