"""Laws: nothing makes the resolver raise, and nothing unclear makes an answer narrower."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from residency.core.call import Head
from residency.core.host import canonical
from residency.core.region.destination import Destination
from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE, locate
from residency.errors import RegionError
from tests.atlases import TODAY, ask, shipped

HOSTS = [
    "lambda.eu-west-1.amazonaws.com", "bedrock-runtime.eu-west-2.amazonaws.com", "bedrock-mantle.eu-west-1.api.aws",
    "aws-external-anthropic.eu-west-1.api.aws", "api.anthropic.com", "eu.api.openai.com", "ae.api.openai.com",
    "europe-west3-aiplatform.googleapis.com", "aiplatform.eu.rep.googleapis.com", "claude.googleapis.com",
]  # fmt: skip
PATHS = [
    "/2015-03-31/functions/f/invocations", "/model/eu.anthropic.claude-x/converse", "/v1/chat/completions", "/v1/messages",
    "/v1/messages/batches", "/v1/projects/p/locations/europe-west3/publishers/g/models/m:x", "/async-invoke", "/v1/files/a",
]  # fmt: skip
json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["model", "modelId", "inference_geo", "requests", "params"]) | st.text(), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
bodies = st.sampled_from([PENDING, UNREADABLE, NO_BODY]) | json
text = st.text(max_size=40)
heads = st.builds(
    Head,
    method=text,
    scheme=text,
    host=st.sampled_from(HOSTS) | text,
    port=st.integers(),
    path=st.sampled_from(PATHS)
    | text
    | st.text(max_size=30).map(lambda t: f"/model/{t}/converse"),
    query=text,
    headers=st.lists(st.tuples(st.sampled_from(["host", "x"]), text), max_size=3).map(tuple),
)
label = st.from_regex(r"[a-z0-9][a-z0-9-]{0,10}", fullmatch=True)


@settings(deadline=None)
@given(heads, bodies)
def test_no_request_makes_the_resolver_raise(head: Head, body: object) -> None:
    answer = locate(shipped(), head, body, today=TODAY)

    assert Destination.from_plain(answer.to_plain()) == answer
    assert (answer.status == "declared") is not answer.places.unknown


@settings(deadline=None)
@given(st.sampled_from(HOSTS), label)
def test_a_label_glued_to_a_host_never_has_a_place(host: str, glued: str) -> None:
    for other in (
        f"{glued}{host}",
        f"{glued}.{host}",
        f"{host}.{glued}",
        f"{host}{glued}",
        f"{host}.{glued}.example",
    ):
        answer = ask(f"{other}/v1/messages", {"model": "anthropic.x"})

        assert answer.places.unknown or answer.places.anywhere, other


@pytest.mark.parametrize("host", HOSTS)
def test_case_and_the_roots_dot_change_nothing(host: str) -> None:
    mixed = "".join(c.upper() if i % 3 == 0 else c for i, c in enumerate(host)) + "."

    assert canonical(mixed) == host


@settings(deadline=None)
@given(st.sampled_from(HOSTS), label)
def test_userinfo_and_ports_are_no_host(host: str, user: str) -> None:
    for spelled in (f"{user}@{host}", f"{host}:443", f"{host}%2e", f"{host}/"):
        try:
            canonical(spelled)
        except RegionError:
            continue
        raise AssertionError(spelled)


@settings(deadline=None)
@given(st.sampled_from(HOSTS), st.sampled_from(PATHS), json)
@example("api.anthropic.com", "/v1/messages", {"inference_geo": "us"})
def test_the_provisional_answer_is_never_narrower_than_the_final_one(
    host: str, path: str, body: object
) -> None:
    before, after = ask(host + path, PENDING), ask(host + path, body)
    codes = before.places.codes

    assert (
        before.places.unknown
        or after.places.unknown
        or before.places.anywhere
        or after.places.codes <= codes
    )


@settings(deadline=None)
@given(st.sampled_from(HOSTS), st.sampled_from(PATHS), st.integers(0, 60))
def test_percent_encoding_a_letter_never_narrows(host: str, path: str, at: int) -> None:
    i = 1 + at % (len(path) - 1)
    plain, encoded = (
        ask(host + path, {}),
        ask(f"{host}{path[:i]}%{ord(path[i]):02X}{path[i + 1 :]}", {}),
    )

    assert encoded.places.unknown or encoded.places == plain.places
