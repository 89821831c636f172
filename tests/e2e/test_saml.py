"""Assertions through a real gateway: exchanged and then called with, or as the password in one go."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.lab.client import curl
from scripts.lab.gateway import clean_environment
from scripts.lab.world import Lab
from tests import saml
from tests.e2e.conftest import eventually, records
from tests.proxy.test_samlexchange import BLOCK

pytestmark = saml.needs_xmlsec1
URL = "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/score-customer/invocations"


def with_saml(rules: Path) -> None:
    path = rules / "identity.yaml"
    path.write_text(path.read_text(encoding="utf-8") + BLOCK, encoding="utf-8")
    (rules / "idp.xml").write_text(saml.metadata(), encoding="utf-8")


@pytest.fixture(scope="module")
def house() -> Iterator[Lab]:
    with Lab(edit=with_saml) as lab:
        yield lab


def exchange(lab: Lab, text: str) -> dict[str, str]:
    done = subprocess.run(
        ["curl", "--silent", "--max-time", "20", f"{lab.gateway.admin_url}/saml",
         "-d", "grant_type=urn:ietf:params:oauth:grant-type:saml2-bearer",
         "--data-urlencode", f"assertion={text}"],
        capture_output=True, check=True, env=clean_environment(),
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def call(lab: Lab, token: str) -> int:
    _, out = curl(lab, "--output", "/dev/null", "--write-out", "%{http_connect} %{http_code}",
                  "--data", "{}", URL, token=token)  # fmt: skip
    connect, code = map(int, out.split())
    return code or connect


def fresh(**parts: str) -> str:
    return saml.encoded(saml.assertion(now=time.time(), **parts))


def test_an_assertion_is_exchanged_and_the_token_calls(house: Lab) -> None:
    house.upstream.clear()
    token = exchange(house, fresh(id_="_e1"))["access_token"]

    assert call(house, token) == 200

    (received,) = house.upstream.requests
    assert token not in repr(received)
    decision = eventually(lambda: records(house.gateway))[-1]
    assert decision["caller"]["issuer"] == saml.GATEWAY


def test_an_assertion_as_the_password_calls_more_than_once(house: Lab) -> None:
    text = fresh(id_="_e2")

    assert [call(house, text) for _ in range(3)] == [200, 200, 200]


def test_the_second_exchange_and_a_forged_one_are_refused_with_a_record(house: Lab) -> None:
    text = fresh(id_="_e3")
    exchange(house, text)

    assert exchange(house, text)["code"] == "identity-replayed"
    assert exchange(house, fresh(key="evil"))["code"] == "identity-signature"
    assert [r["code"] for r in records(house.gateway, "saml")][-2:] == [
        "identity-replayed", "identity-signature",
    ]  # fmt: skip


def test_a_forged_password_reaches_nobody(house: Lab) -> None:
    house.upstream.clear()

    assert call(house, fresh(key="evil")) == 407
    assert call(house, fresh(subject="billing<!-- -->")) == 407

    assert house.upstream.accepts == 0


def test_nothing_of_an_assertion_is_left_behind(house: Lab) -> None:
    text = fresh(id_="_e4")
    token = exchange(house, text)["access_token"]
    call(house, token)
    call(house, text)

    for place in (house.gateway.ledger_file, house.gateway.log_file):
        kept = place.read_text(encoding="utf-8")
        assert text[:60] not in kept
        assert token.rpartition(".")[2] not in kept
