"""The blocks that rules/README.md shows load as they stand, and take their platform's tokens in."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt import encode
from jwt.algorithms import ECAlgorithm

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import Caller, IssuerBook, KeySet, parse, verify
from residency.errors import IdentityError
from tests.tokens import NOW, ec_key, jwk, jwks, rsa_key

README = (Path(__file__).parents[2] / "rules/README.md").read_text(encoding="utf-8")
PART = README.split("## identity.yaml\n", 1)[1].split("\n## ", maxsplit=1)[0]
BLOCKS = dict(re.findall(r"### (.+?)\n.*?```yaml\n(.*?)```", PART, re.DOTALL))

P384 = ec.generate_private_key(ec.SECP384R1())
KEYS = KeySet.parse(
    jwks(
        jwk(rsa_key(), "rsa"),
        jwk(ec_key(), "ec", use="jwt-svid"),
        {
            **ECAlgorithm.to_jwk(P384.public_key(), as_dict=True),
            "kid": "p384",
            "key_ops": ["verify"],
        },
    )
)
NIL = "00000000-0000-0000-0000-000000000000"
AWS = "https://sts.amazonaws.com/"

#: Platform → algorithm, header without kid, claims beside iss and times, subject's groups.
SAMPLES: dict[str, tuple[str, dict[str, Any], dict[str, Any], tuple[str, ...]]] = {
    "Kubernetes": (
        "RS256", {"typ": None},
        {"sub": "system:serviceaccount:billing:score", "aud": ["residency-gateway"], "jti": "x",
         "kubernetes.io": {"namespace": "billing", "pod": {"name": "p"}}},
        ("eu-services", "namespace:billing"),
    ),
    "SPIFFE": (
        "ES256", {},
        {"iss": ..., "sub": "spiffe://example.org/ns/billing/sa/score", "aud": ["residency-gateway"]},
        ("eu-services",),
    ),
    "GitHub Actions": (
        "RS256", {},
        {"sub": "repo:example/score:ref:refs/heads/main", "repository_owner_id": "9919", "ref": "refs/heads/main",
         "aud": "residency-gateway"},
        ("eu-services",),
    ),
    "GitLab CI": (
        "RS256", {},
        {"sub": "project_path:example/score:ref_type:branch:ref:main", "namespace_id": "72", "ref_protected": "true"},
        ("eu-services",),
    ),
    "AWS": (
        "ES384", {},
        {"sub": "arn:aws:iam::123456789012:role/score-eu", AWS: {"aws_account": "123456789012", "org_id": "o-abc1234567"}},
        ("eu-services",),
    ),
    "Google Cloud": (
        "RS256", {},
        {"sub": "112233445566778899000", "azp": "112233445566778899000", "email_verified": True,
         "email": "score@example-project.iam.gserviceaccount.com"},
        ("eu-services",),
    ),
    "Microsoft Entra": (
        "RS256", {},
        {"aud": "11111111-1111-1111-1111-111111111111", "sub": "o-id", "tid": NIL, "ver": "2.0", "roles": ["eu-services"]},
        ("eu-services",),
    ),
    "Keycloak, Auth0 and the like": (
        "RS256", {},
        {"sub": "f:1", "realm_access": {"roles": ["eu-services"]}, "scope": "openid call",
         "https://example.com/groups": ["staff"]},
        ("eu-services", "scope:call", "scope:openid", "staff"),
    ),
}  # fmt: skip


def book(*blocks: str) -> IssuerBook:
    text = "version: 1\nissuers:\n" + "".join(textwrap.indent(b, "  ") for b in blocks)
    faults = Faults()
    found = parse(read(text, "identity.yaml", faults), faults)
    faults.check()
    assert found
    return found


def signed(platform: str, issuer: str, **changes: Any) -> str:
    algorithm, header, claims, _ = SAMPLES[platform]
    key: Any = {"RS256": rsa_key(), "ES256": ec_key(), "ES384": P384}[algorithm]
    usual = {"iss": issuer, "aud": "residency-gateway", "iat": int(NOW) - 5, "exp": int(NOW) + 600}
    payload = {k: v for k, v in (usual | claims | changes).items() if v is not ...}
    kid = {"RS256": "rsa", "ES256": "ec", "ES384": "p384"}[algorithm]
    return encode(payload, key, algorithm, {"kid": kid, **header})


def known(platform: str, trusted: IssuerBook, **changes: Any) -> Caller:
    (name,) = book(BLOCKS[platform]).issuers
    keys = dict.fromkeys(trusted.issuers, KEYS)
    return verify(signed(platform, name, **changes), trusted, keys, now=NOW)


def test_every_platform_of_the_readme_has_its_sample() -> None:
    assert list(BLOCKS) == list(SAMPLES)


@pytest.mark.parametrize("platform", BLOCKS)
def test_a_platforms_token_is_taken_in_with_its_groups(platform: str) -> None:
    caller = known(platform, book(BLOCKS[platform]))

    assert caller.groups == SAMPLES[platform][3]
    assert {group for group, _ in caller.sources} == set(caller.groups)


@pytest.mark.parametrize("platform", BLOCKS)
def test_all_of_them_stand_side_by_side(platform: str) -> None:
    trusted = book(*BLOCKS.values())

    assert known(platform, trusted) == known(platform, book(BLOCKS[platform]))


@pytest.mark.parametrize(
    ("platform", "changes"),
    [
        ("Kubernetes", {"sub": "system:node:n1"}),
        ("SPIFFE", {"sub": "spiffe://evil.test/ns/billing/sa/score"}),
        ("GitHub Actions", {"repository_owner_id": "1"}),
        ("GitHub Actions", {"repository_owner_id": ...}),
        ("GitLab CI", {"namespace_id": "73"}),
        ("GitLab CI", {"ref_protected": "false"}),
        ("AWS", {AWS: {"org_id": "o-evil"}}),
        ("AWS", {AWS: ...}),
        ("Google Cloud", {"email": "score@evil.iam.gserviceaccount.com"}),
        ("Google Cloud", {"email_verified": False}),
        ("Microsoft Entra", {"tid": "1" + NIL[1:]}),
        ("Microsoft Entra", {"ver": "1.0"}),
        ("Microsoft Entra", {"groups": ..., "_claim_names": {"groups": "src1"}}),
    ],
)
def test_a_token_of_another_tenant_is_refused(platform: str, changes: dict[str, Any]) -> None:
    with pytest.raises(IdentityError, match="identity-claims"):
        known(platform, book(*BLOCKS.values()), **changes)


@pytest.mark.parametrize("platform", BLOCKS)
def test_a_token_for_another_service_is_refused(platform: str) -> None:
    with pytest.raises(IdentityError, match="identity-audience"):
        known(platform, book(*BLOCKS.values()), aud="https://elsewhere.test")


@pytest.mark.parametrize("platform", [p for p in BLOCKS if p != "SPIFFE"])
def test_one_platform_cannot_speak_for_another(platform: str) -> None:
    """Each block has its own keys: a key of GitHub's signs nothing that says it is Google's."""
    trusted = book(*BLOCKS.values())
    (name,) = book(BLOCKS[platform]).issuers
    other = KeySet.parse(jwks(jwk(rsa_key("other"), "rsa")))
    keys = {n: other if n == name else KEYS for n in trusted.issuers}

    with pytest.raises(IdentityError, match=r"identity-(signature|key)"):
        verify(signed(platform, name), trusted, keys, now=NOW)
