"""``whoami --certificate`` says whom the gateway would see behind a client certificate."""

import json
import time
from pathlib import Path

import pytest

from tests.certificates import DAY, SPIFFE, Certified, dn
from tests.cli.conftest import Run, one_line

NOW = time.time()
ROOT = Certified.root(NOW)
BETWEEN = ROOT.sign(now=NOW, name=dn(cn="Between"), ca=True)
STRANGER = Certified.root(NOW, "Stranger")
MESH = Certified.root(NOW, "Mesh")

IDENTITY = """\
version: 1
certificates:
  - name: spiffe://example.org
    authorities: {file: root.pem}
    spiffe: {trust_domain: example.org}
    groups: {"spiffe://example.org/ns/prod/*": [eu-services], "*/sa/billing": [billing, eu-services]}
  - {name: mesh, authorities: {file: mesh.pem}, transport: true}
"""


@pytest.fixture
def house(rules: Path) -> Path:
    """A gateway that knows client certificates alone."""
    policy = rules / "policy.yaml"
    text = policy.read_text(encoding="utf-8")
    issuer = ', issuers: ["https://login.test/realms/main"]'
    policy.write_text(text.replace(issuer, ""), encoding="utf-8")
    (rules / "identity.yaml").write_text(IDENTITY, encoding="utf-8")
    (rules / "root.pem").write_text(ROOT.pem, encoding="utf-8")
    (rules / "mesh.pem").write_text(MESH.pem, encoding="utf-8")
    return rules


def test_a_workload_is_shown_with_its_authorities_and_where_its_groups_come_from(
    house: Path, run: Run
) -> None:
    given = BETWEEN.sign(now=NOW).files()

    found = run("whoami", "--certificate", "-", "--rules", house, "--format", "json", given=given)
    told = json.loads(found.stdout)

    assert (told["subject"], told["issuer"]) == (SPIFFE, "spiffe://example.org")
    assert told["authorities"] == "root.pem"
    assert told["groups"] == ["billing", "eu-services"]
    assert told["sources"]["eu-services"] == [
        "certificates, groups '*/sa/billing'",
        "certificates, groups 'spiffe://example.org/ns/prod/*'",
    ]
    assert DAY - 3700 < told["expires_in"] <= DAY
    assert told["audiences"] == ["call"]
    assert told["rules"] == ["eea", "no-health", "ask"]


def test_people_are_shown_the_same(house: Path, run: Run) -> None:
    given = ROOT.sign(now=NOW).files()

    found = run("whoami", "--certificate", "-", "--rules", house, given=given)

    assert "authorities" in found.stdout
    assert "billing (certificates, groups '*/sa/billing')" in found.stdout
    assert "PRIVATE" not in found.output


@pytest.mark.parametrize(
    ("shown", "said"),
    [
        (STRANGER.sign(now=NOW), "identity-certificate: no authority that is trusted here"),
        (ROOT.sign(now=NOW, begins=-7200.0, lasts=-3600.0), "has expired"),
        (ROOT.sign(now=NOW, uris=("spiffe://other.test/a",)), "another trust domain"),
        (MESH.sign(now=NOW), "identity-missing: the certificate is transport"),
    ],
    ids=["stranger", "expired", "another domain", "transport"],
)
def test_what_is_refused_is_told_with_its_reason(
    shown: Certified, said: str, house: Path, run: Run
) -> None:
    found = run("whoami", "--certificate", "-", "--rules", house, given=shown.files())

    assert (found.exit_code, found.stdout) == (1, "")
    assert said in one_line(found)


def test_without_the_block_none_counts(rules: Path, run: Run) -> None:
    given = ROOT.sign(now=NOW).files()

    found = run("whoami", "--certificate", "-", "--rules", rules, given=given)

    assert (found.exit_code, "takes no client certificates" in found.stderr) == (1, True)


@pytest.mark.parametrize("given", ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n"])
def test_a_file_without_a_certificate_is_bad_input(given: str, house: Path, run: Run) -> None:
    found = run("whoami", "--certificate", "-", "--rules", house, given=given)

    assert (found.exit_code, found.stdout) == (2, "")


def test_one_proof_is_enough(house: Path, run: Run) -> None:
    other = ("--assertion-file", "-")
    assert run("whoami", "--certificate", "-", *other, "--rules", house).exit_code == 2
    token = ("--token-file", "-")
    assert run("whoami", "--certificate", "-", *token, "--rules", house).exit_code == 2
    assert run("whoami", "--certificate", "/nowhere", "--rules", house).exit_code == 2
