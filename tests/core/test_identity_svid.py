"""JWT-SVIDs: "The sub claim MUST be set to the SPIFFE ID of the workload to which it is issued"."""

from typing import Any

import pytest

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import KeySet, parse, verify
from residency.core.identity.spiffe import is_trust_domain, trust_domain
from residency.errors import ConfigurationError, IdentityError
from tests.tokens import ISSUER, NOW, book, claims, ec_key, jwk, jwks, rsa_key, token

ID = "spiffe://example.org/ns/billing"
KEYS = {ISSUER: KeySet.parse(jwks(jwk(rsa_key(), "rsa", use="jwt-svid"), jwk(ec_key(), "ec", use="x509-svid")))}  # fmt: skip


def svid(**changes: Any) -> str:
    return token(claims(**{"sub": ID, "iss": ..., **changes}))


@pytest.mark.parametrize("named", [False, True], ids=["no-iss", "iss"])
def test_a_svid_is_known_by_its_trust_domain(named: bool) -> None:  # noqa: FBT001
    text = svid(iss=ISSUER if named else ...)

    caller = verify(text, book(spiffe="example.org"), KEYS, now=NOW)

    assert caller.key == (ISSUER, ID)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"iss": "https://evil.test"}, "identity-issuer"),
        ({"iss": None}, "identity-claims"),
        ({"iss": ""}, "identity-issuer"),
        ({"sub": "spiffe://evil.test/ns/billing"}, "identity-claims"),
        ({"sub": "spiffe://evil.test/ns/billing", "iss": ISSUER}, "identity-claims"),
        ({"sub": "billing", "iss": ISSUER}, "identity-claims"),
        ({"sub": ["spiffe://example.org/a"]}, "identity-claims"),
        ({"sub": ...}, "identity-claims"),
        ({"exp": ...}, "identity-claims"),
        ({"iat": ...}, "identity-claims"),
        ({"aud": ...}, "identity-claims"),
        ({"aud": "other"}, "identity-audience"),
    ],
)
def test_a_svid_is_judged_as_strictly_as_any_token(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(IdentityError, match=code):
        verify(svid(**changes), book(spiffe="example.org"), KEYS, now=NOW)


def test_without_a_trust_domain_a_token_needs_its_iss() -> None:
    with pytest.raises(IdentityError, match="iss is missing"):
        verify(svid(), book(), KEYS, now=NOW)


def test_a_key_for_x509_svids_verifies_no_token() -> None:
    text = token(claims(sub=ID, iss=...), key=ec_key())

    with pytest.raises(IdentityError, match="identity-key"):
        verify(text, book(spiffe="example.org"), KEYS, now=NOW)


def test_a_strangers_signature_is_refused_without_iss_too() -> None:
    text = token(claims(sub=ID, iss=...), key=rsa_key("evil"))

    with pytest.raises(IdentityError, match="identity-signature"):
        verify(text, book(spiffe="example.org"), KEYS, now=NOW)


@pytest.mark.parametrize(
    ("subject", "domain"),
    [
        ("spiffe://example.org/a", "example.org"),
        ("spiffe://example.org/ns/a/sa/b_-.9", "example.org"),
        ("spiffe://example.org", None),
        ("spiffe://example.org/", None),
        ("spiffe://example.org/a/", None),
        ("spiffe://example.org//a", None),
        ("spiffe://example.org/a/../b", None),
        ("spiffe://example.org/.", None),
        ("spiffe://example.org/..", None),
        ("spiffe://example.org/...", "example.org"),
        ("spiffe://example.org/a%2fb", None),
        ("spiffe://example.org/a?b", None),
        ("spiffe://example.org/a#b", None),
        ("spiffe://example.org:443/a", None),
        ("spiffe://user@example.org/a", None),
        ("spiffe://Example.org/a", None),
        ("SPIFFE://example.org/a", None),
        ("https://example.org/a", None),
        ("spiffe:///a", None),
        ("spiffe://example.org/a\n", None),
        (None, None),
    ],
)
def test_only_a_workloads_id_is_one(subject: object, domain: str | None) -> None:
    assert trust_domain(subject) == domain


@pytest.mark.parametrize("text", ["spiffe://example.org", "Example.org", "a/b", "", "a:1", "*"])
def test_a_trust_domain_is_a_name_alone(text: str) -> None:
    assert not is_trust_domain(text)
    with pytest.raises(ConfigurationError, match="trust domain"):
        book(spiffe=text)


def test_a_trust_domain_has_one_block() -> None:
    block = "  - {{issuer: {}, spiffe: example.org, audience: g, keys: {{file: k.json}}}}\n"
    faults = Faults()
    text = "version: 1\nissuers:\n" + block.format("a") + block.format("b")

    assert parse(read(text, "identity.yaml", faults), faults) is None
    assert "this trust domain a second time" in str(faults.found[0])
    assert faults.found[0].line == 4
