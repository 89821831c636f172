"""``whoami --assertion-file`` says what the gateway would say, and never shows the assertion."""

import json
import time
from pathlib import Path

import pytest

from tests import saml
from tests.cli.conftest import Run
from tests.proxy.test_samlexchange import BLOCK

pytestmark = saml.needs_xmlsec1


@pytest.fixture
def house(rules: Path) -> Path:
    path = rules / "identity.yaml"
    path.write_text(path.read_text(encoding="utf-8") + BLOCK, encoding="utf-8")
    (rules / "idp.xml").write_text(saml.metadata(), encoding="utf-8")
    return rules


def test_xml_and_base64_both_name_the_caller(house: Path, run: Run) -> None:
    xml = saml.assertion(now=time.time())
    for given in (xml, saml.encoded(xml) + "\n"):
        found = run("whoami", "--assertion-file", "-", "--rules", house, "--format", "json", given=given)  # fmt: skip

        told = json.loads(found.stdout)
        assert (told["subject"], told["issuer"], told["groups"]) == ("billing", saml.GATEWAY, ["eu-services"])  # fmt: skip
        assert told["rules"][0] == "eea"
        assert given[200:260] not in found.output


def test_a_gateway_may_know_assertions_alone(house: Path, run: Run) -> None:
    (house / "identity.yaml").write_text("version: 1\n" + BLOCK, encoding="utf-8")
    policy = house / "policy.yaml"
    text = policy.read_text(encoding="utf-8")
    issuer = ', issuers: ["https://login.test/realms/main"]'
    policy.write_text(text.replace(issuer, ""), encoding="utf-8")
    given = saml.assertion(now=time.time())

    assert run("check", house).exit_code == 0
    assert run("whoami", "--assertion-file", "-", "--rules", house, given=given).exit_code == 0


def test_what_is_refused_is_told_with_its_code(house: Path, run: Run) -> None:
    xml = saml.assertion(now=time.time(), key="evil")

    found = run("whoami", "--assertion-file", "-", "--rules", house, given=xml)

    assert found.exit_code == 1
    assert "identity-signature" in found.stderr


def test_without_the_block_none_counts(rules: Path, run: Run) -> None:
    found = run("whoami", "--assertion-file", "-", "--rules", rules, given="<a/>")

    assert (found.exit_code, "takes no SAML" in found.stderr) == (1, True)


@pytest.mark.parametrize("given", ["", " \n"])
def test_an_empty_file_is_bad_input(given: str, house: Path, run: Run) -> None:
    assert run("whoami", "--assertion-file", "-", "--rules", house, given=given).exit_code == 2
    assert run("whoami", "--assertion-file", "/nowhere", "--rules", house).exit_code == 2
    assert run("whoami", "--rules", house).exit_code == 2


def test_check_finds_metadata_that_pins_nothing(house: Path, run: Run) -> None:
    (house / "idp.xml").write_text("<a/>", encoding="utf-8")

    found = run("check", house)

    assert found.exit_code == 1
    assert "idp.xml: 0 entities with the entityID of saml.idp" in found.output
