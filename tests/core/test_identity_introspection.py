"""An issuer's word about an opaque token is read as strictly as a JWT."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.identity import ClientCredentials
from residency.core.identity.introspection import introspected, introspection_form
from residency.errors import IdentityError
from tests.tokens import ISSUER, NOW, book, claims

OWN = {"client_id": "gateway", "secret": {"env": "S"}}


def word(*, status: int = 200, block: dict[str, Any] | None = None, **changes: Any) -> Any:
    text = json.dumps({"active": True, **claims(**changes)})
    return introspected(status, text, book(**(block or {})).issuers[ISSUER], now=NOW)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"active": False}, "identity-inactive"),
        ({"active": "true"}, "identity-unavailable"),
        ({"active": 1}, "identity-unavailable"),
        ({"active": ...}, "identity-unavailable"),
        ({"iss": "https://evil.test"}, "identity-issuer"),
        ({"iss": None}, "identity-issuer"),
        ({"aud": ...}, "identity-audience"),
        ({"aud": "other"}, "identity-audience"),
        ({"aud": {"gateway": 1}}, "identity-audience"),
        ({"aud": []}, "identity-audience"),
        ({"token_type": "refresh_token"}, "identity-claims"),
        ({"token_type": "DPoP"}, "identity-claims"),
        ({"token_type": None}, "identity-claims"),
        ({"cnf": {"x5t#S256": "a"}}, "identity-claims"),
        ({"exp": ...}, "identity-claims"),
        ({"exp": str(int(NOW) + 60)}, "identity-claims"),
        ({"exp": int(NOW) + 1e9}, "identity-claims"),
        ({"exp": int(NOW) - 31}, "identity-expired"),
        ({"iat": ..., "exp": int(NOW) + 90_000}, "identity-claims"),
        ({"iat": ..., "exp": int(NOW) - 100}, "identity-claims"),
        ({"iat": int(NOW) + 31}, "identity-early"),
        ({"nbf": int(NOW) + 31}, "identity-early"),
        ({"sub": ...}, "identity-claims"),
        ({"sub": ""}, "identity-claims"),
        ({"sub": None, "client_id": "billing"}, "identity-claims"),
        ({"sub": 7}, "identity-claims"),
        ({"groups": 7}, "identity-claims"),
        ({"hasgroups": True, "groups": ...}, "identity-claims"),
    ],
)
def test_a_word_that_is_not_good_enough_is_refused(changes: dict[str, Any], code: str) -> None:
    found = {"active": True} | claims() | changes
    text = json.dumps({k: v for k, v in found.items() if v is not ...})
    with pytest.raises(IdentityError) as caught:
        introspected(200, text, book().issuers[ISSUER], now=NOW)

    assert caught.value.code == code


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 302])
def test_a_refusal_refuses_the_gateway_and_not_the_caller(status: int) -> None:
    with pytest.raises(IdentityError, match="identity-unavailable"):
        word(status=status)


def test_a_subject_that_may_not_call_is_refused() -> None:
    with pytest.raises(IdentityError, match="identity-claims"):
        word(block={"subject": "svc-*"})


def test_a_good_word_names_the_caller_as_a_token_would() -> None:
    found = word(groups=["b", "a"], aud=["x", "gateway"])

    assert found.caller.key == (ISSUER, "billing")
    assert found.caller.groups == ("a", "b")
    assert found.caller.expires == int(NOW) + 600


def test_a_client_without_a_subject_is_its_own_subject() -> None:
    assert word(sub=..., client_id="svc", iat=..., iss=...).caller.key == (ISSUER, "svc")


def test_the_request_says_what_kind_of_token_it_asks_about() -> None:
    asked = book(introspection=OWN).issuers[ISSUER].endpoints.introspection
    assert asked
    form = introspection_form(asked, "opaque", ClientCredentials("gateway", "s"))

    assert parse_qsl(form.body) == [("token", "opaque"), ("token_type_hint", "access_token")]


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda c: st.lists(c) | st.dictionaries(
    st.sampled_from(["active", "exp", "iat", "aud", "sub", "groups", "cnf", "iss"]), c)))  # fmt: skip
def test_any_answer_is_refused_with_an_identity_code(value: object) -> None:
    with pytest.raises(IdentityError):
        introspected(200, json.dumps(value), book().issuers[ISSUER], now=NOW)
