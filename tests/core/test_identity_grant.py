"""What is posted to a token endpoint, and how little of its answer is believed or told on."""

import base64
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.identity import ClientCredentials
from residency.core.identity.grant import EXCHANGE, Form, client_form, exchange_form, granted
from residency.errors import IdentityError
from tests.tokens import ISSUER, book, token

SVC = ClientCredentials("svc:a b", "s/ü%&=".replace("ü", "u") + ":x")


def endpoints(**blocks: Any) -> Any:
    return book(**blocks).issuers[ISSUER].endpoints


def test_basic_form_encodes_both_before_they_are_joined() -> None:
    form = client_form(endpoints(client_credentials={"scope": "a"}).client_credentials, SVC)
    raw = base64.b64decode(form.headers["Authorization"].removeprefix("Basic ")).decode()

    assert raw == "svc%3Aa+b:s%2Fu%25%26%3D%3Ax"
    assert parse_qsl(form.body) == [("grant_type", "client_credentials"), ("scope", "a")]


def test_post_puts_both_into_the_body() -> None:
    grant = endpoints(client_credentials={"method": "client_secret_post"}).client_credentials
    form = client_form(grant, SVC)

    assert "Authorization" not in form.headers
    assert parse_qsl(form.body)[1:] == [("client_id", SVC.id), ("client_secret", SVC.secret)]


def test_an_exchange_names_both_types_and_what_it_is_for() -> None:
    grant = endpoints(exchange={"tokens_of": "k", "audience": "gateway"}).exchange
    form = exchange_form(grant, "a.b.c", None)

    assert "Authorization" not in form.headers
    assert parse_qsl(form.body) == [
        ("grant_type", EXCHANGE),
        ("subject_token", "a.b.c"),
        ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ("audience", "gateway"),
    ]


def test_a_form_does_not_show_what_it_holds() -> None:
    assert "hidden" not in repr(Form("hidden", {"Authorization": "hidden"}))


def answer(**changes: Any) -> str:
    usual = {"access_token": token(), "token_type": "Bearer", "expires_in": 60}
    return json.dumps({k: v for k, v in (usual | changes).items() if v is not ...})


@pytest.mark.parametrize(
    ("status", "text", "code", "told"),
    [
        (401, '{"error": "invalid_client"}', "identity-client", "invalid_client"),
        (400, '{"error": "invalid_scope", "error_description": "hidden"}', "identity-client", "invalid_scope"),
        (400, '{"error": "hidden"}', "identity-client", "status 400"),
        (403, "hidden", "identity-client", "status 403"),
        (400, '{"error": "invalid_client", "error": "invalid_scope"}', "identity-client", "status 400"),
        (429, "{}", "identity-unavailable", "status 429"),
        (500, answer(), "identity-unavailable", "status 500"),
        (302, answer(), "identity-unavailable", "status 302"),
        (201, answer(), "identity-unavailable", "status 201"),
        (200, "hidden", "identity-unavailable", "strict JSON"),
        (200, "[]", "identity-unavailable", "strict JSON"),
        (200, "[" * 100_000, "identity-unavailable", "strict JSON"),
        (200, answer(access_token=...), "identity-unavailable", "no access token"),
        (200, answer(access_token=["hidden"]), "identity-unavailable", "no access token"),
        (200, answer(token_type=...), "identity-unavailable", "no access token"),
        (200, answer(token_type="DPoP"), "identity-client", "Bearer"),
        (200, answer(token_type="mac"), "identity-client", "Bearer"),
        (200, answer(issued_token_type="urn:ietf:params:oauth:token-type:refresh_token"), "identity-client", "no access"),
        (200, answer(access_token="hidden"), "identity-client", "no JWT"),
        (200, answer(access_token="eyJ" + "a" * 16_400 + ".a.a"), "identity-client", "no JWT"),
        (200, answer()[:-1] + ', "access_token": "hidden"}', "identity-unavailable", "strict JSON"),
    ],
)  # fmt: skip
def test_an_answer_that_is_no_good_token_is_refused_in_our_own_words(
    status: int, text: str, code: str, told: str
) -> None:
    with pytest.raises(IdentityError) as caught:
        granted(status, text, refusal="identity-client")

    assert caught.value.code == code
    assert told in caught.value.detail
    assert "hidden" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.parametrize("kind", ["Bearer", "bearer", "N_A"])
def test_a_good_answer_gives_its_token(kind: str) -> None:
    assert (
        granted(200, answer(access_token="eyJh.a.b", token_type=kind), refusal="x") == "eyJh.a.b"
    )


@given(st.integers(100, 599), st.text())
def test_any_answer_is_a_token_or_an_identity_error(status: int, text: str) -> None:
    with pytest.raises(IdentityError) as caught:
        granted(status, text, refusal="identity-exchange")

    assert caught.value.code in ("identity-exchange", "identity-unavailable")
