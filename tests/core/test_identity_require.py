"""Issuers that many share: only our own tenant's tokens count (G14)."""

from typing import Any

import pytest

from residency.core.identity import KeySet, verify
from residency.core.identity.require import SHARED, Requirement
from residency.errors import ConfigurationError, IdentityError
from tests.tokens import ISSUER, NOW, book, claims, jwk, jwks, rsa_key, token

KEYS = {ISSUER: KeySet.parse(jwks(jwk(rsa_key(), "rsa")))}


def asked(require: dict[str, Any], **sent: Any) -> str:
    return verify(token(claims(**sent)), book(require=require), KEYS, now=NOW).subject


@pytest.mark.parametrize(
    ("require", "sent"),
    [
        ({"tid": "t-1"}, {"tid": "t-1"}),
        ({"tid": ["t-0", "t-1"]}, {"tid": "t-1"}),
        ({"tid": "t-*"}, {"tid": "t-1"}),
        ({"email_verified": "true"}, {"email_verified": True}),
        ({"owner": "7"}, {"owner": 7}),
        ({"owner": "7"}, {"owner": "7"}),
        ({"amr": "mfa"}, {"amr": ["pwd", "mfa"]}),
        ({"google.project": "p"}, {"google": {"project": "p"}}),
        ({"/kubernetes.io/namespace": "n"}, {"kubernetes.io": {"namespace": "n"}}),
        ({"https://a.test/org": "o"}, {"https://a.test/org": "o"}),
        ({"azp": "gateway", "token_use": "access"}, {"azp": "gateway", "token_use": "access"}),
    ],
)
def test_a_token_with_what_is_required_passes(
    require: dict[str, Any], sent: dict[str, Any]
) -> None:
    assert asked(require, **sent) == "billing"


@pytest.mark.parametrize(
    ("require", "sent"),
    [
        ({"tid": "t-1"}, {}),
        ({"tid": "t-1"}, {"tid": "t-2"}),
        ({"tid": "t-1"}, {"tid": "T-1"}),
        ({"tid": "t-1"}, {"tid": "t-1 "}),
        ({"tid": "t-1"}, {"tid": "t-1\n"}),
        ({"tid": "*"}, {}),
        ({"tid": "*"}, {"tid": None}),
        ({"tid": "*"}, {"tid": {}}),
        ({"tid": "*"}, {"tid": []}),
        ({"tid": "*"}, {"tid": [["x"]]}),
        ({"tid": "1"}, {"tid": 1.0}),
        ({"tid": "1"}, {"tid": True}),
        ({"email_verified": "true"}, {"email_verified": "True"}),
        ({"email_verified": "true"}, {"email_verified": 1}),
        ({"google.project": "p"}, {"google": "project"}),
        ({"google.project": "p"}, {"google.project": "p"}),
        ({"azp": "gateway", "token_use": "access"}, {"azp": "gateway", "token_use": "id"}),
    ],
)
def test_a_token_without_it_is_refused(require: dict[str, Any], sent: dict[str, Any]) -> None:
    with pytest.raises(IdentityError) as caught:
        asked(require, **sent)

    assert caught.value.code == "identity-claims"
    assert caught.value.detail.endswith("is not what is required of this issuer")


def test_the_refusal_names_the_claim_and_neither_its_value_nor_the_one_that_is_required() -> None:
    with pytest.raises(IdentityError) as caught:
        asked({"tid": "secret-tenant"}, tid="canary-4711")

    assert caught.value.detail.startswith("tid ")
    assert "canary" not in str(caught.value)
    assert "secret-tenant" not in str(caught.value)


def test_a_number_without_end_is_a_refusal_and_no_crash() -> None:
    payload = '{"tid": ' + "9" * 4200 + "," + str(claims()).replace("'", '"')[1:]

    with pytest.raises(IdentityError):
        verify(token(payload), book(require={"tid": "1"}), KEYS, now=NOW)


@pytest.mark.parametrize("issuer", sorted(SHARED))
def test_an_issuer_that_signs_for_anybody_needs_require_or_subject(issuer: str) -> None:
    for weak in ({}, {"subject": "*"}, {"subject": ["repo:example/*", "**"]}):
        with pytest.raises(ConfigurationError, match="signs tokens for anybody"):
            book(issuer=issuer, **weak)

    assert book(issuer=issuer, require={"owner": "7"}).issuers[issuer].require
    assert book(issuer=issuer, subject="repo:example/*").issuers


@pytest.mark.parametrize(
    ("require", "said"),
    [
        ({}, "at least 1"),
        ({"tid": []}, "at least 1"),
        ({"tid": ""}, "is empty"),
        ({"tid.": "x"}, "is no claim"),
        ({"/": "x"}, "is no claim"),
        (["tid"], "is not a mapping"),
    ],
)
def test_a_requirement_that_nothing_could_meet_is_refused(require: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        book(require=require)


def test_one_of_several_subjects_is_enough() -> None:
    trusted = book(subject=["team-*", "bill*"])

    assert verify(token(), trusted, KEYS, now=NOW).subject == "billing"
    with pytest.raises(IdentityError):
        verify(token(claims(sub="eve")), trusted, KEYS, now=NOW)


def test_requirements_are_values() -> None:
    (one,) = book(require={"a.b": "x"}).issuers[ISSUER].require

    assert isinstance(one, Requirement)
    assert (one.path, one.says) == (("a", "b"), "a.b")
