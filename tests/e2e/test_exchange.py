"""A platform's token, exchanged by a real OpenID provider (oidc-provider, RFC 8693), through a real gateway.

The platform is no issuer of the gateway: nobody but the provider says whether its token counts.
"""

import json
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.lab.client import curl
from scripts.lab.issuer import AUDIENCE, Issuer
from scripts.lab.npm import Unavailable
from scripts.lab.provider import Provider
from scripts.lab.world import Lab
from tests.e2e.conftest import records

pytestmark = pytest.mark.slow

URL = "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/score/invocations"
SUBJECT = "system:serviceaccount:billing:score"
TYPE = "urn:ietf:params:oauth:token-type:"
CLIENTS: dict[str, dict[str, Any]] = {
    "gateway": {"secret": "gateway-secret", "groups": [], "exchanges": True},
    "svc-eu": {"secret": "svc-secret", "groups": ["eu-services"]},
}
BLOCK = """
  - issuer: {url}
    audience: {audience}
    algorithms: [RS256]
    types: [at+jwt]
    keys: {{discovery: true}}
    exchange:
      tokens_of: ["{platform}", "{stranger}"]
      audience: {audience}
      scope: jwt
      client_id: gateway
      secret: {{file: gateway-secret}}
"""


class World:
    """A platform that the provider knows, one that it does not, and the lab."""

    def __init__(self, platform: Issuer, stranger: Issuer, provider: Provider, lab: Lab) -> None:
        self.platform, self.stranger, self.provider, self.lab = platform, stranger, provider, lab

    def call(self, token: str) -> tuple[int, dict[str, Any]]:
        """Status of the call, or of CONNECT if that was refused; and the record's decision."""
        _, out = curl(self.lab, "--output", "/dev/null", "--write-out", "%{http_connect} %{http_code}",
                      "--data", "{}", URL, token=token)  # fmt: skip
        connect, status = map(int, out.split())
        return status or connect, records(self.lab.gateway)[-1]

    def token(self, **changes: Any) -> str:
        return self.platform.token(SUBJECT, [], **{"audience": "provider", **changes})

    def asked(self, client: str, **changes: str) -> tuple[int, dict[str, Any]]:
        """What the provider itself answers to *client*."""
        form = {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token": self.token(),
            "subject_token_type": f"{TYPE}jwt",
            "audience": AUDIENCE,
        } | changes
        try:
            return 200, self.provider.post("/token", (client, CLIENTS[client]["secret"]), **form)  # fmt: skip
        except urllib.error.HTTPError as e:
            with e:
                return e.code, json.loads(e.read())


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with Issuer() as platform, Issuer() as stranger:
        known = {"audience": "provider", "keys": platform.keys, "groups": ["eu-services"]}
        try:
            provider = Provider(CLIENTS, platforms={platform.url: known})
        except Unavailable as e:
            pytest.skip(str(e))

        def edit(rules: Path) -> None:
            path = rules / "identity.yaml"
            names = {"platform": platform.url, "stranger": stranger.url}
            block = BLOCK.format(url=provider.url, audience=AUDIENCE, **names)
            path.write_text(path.read_text(encoding="utf-8") + block, encoding="utf-8")
            (rules / "gateway-secret").write_text("gateway-secret\n", encoding="utf-8")

        with provider, Lab(edit=edit) as lab:
            yield World(platform, stranger, provider, lab)


def test_a_platforms_token_calls_by_the_providers_word(world: World) -> None:
    status, record = world.call(world.token())

    assert status == 200
    assert record["caller"]["issuer"] == world.provider.url
    assert record["caller"]["subject"] == SUBJECT
    assert record["caller"]["groups"] == ["eu-services"]


@pytest.mark.parametrize(
    "changes",
    [{"audience": "another-provider"}, {"lifetime": -5}, {"exp": ...}, {"sub": ...}],
    ids=["for another", "expired", "without an end", "of nobody"],
)
def test_a_token_that_the_provider_does_not_take_reaches_nobody(
    changes: dict[str, Any], world: World
) -> None:
    before = len(world.lab.upstream.requests)

    status, record = world.call(world.token(**changes))

    assert (status, record["code"]) == (407, "identity-exchange")
    assert len(world.lab.upstream.requests) == before


def test_a_token_that_another_signed_reaches_nobody(world: World) -> None:
    forged = world.stranger.token(SUBJECT, [], audience="provider", iss=world.platform.url)

    status, record = world.call(forged)

    assert (status, record["code"]) == (407, "identity-exchange")


def test_a_platform_that_the_provider_does_not_know_proves_nobody(world: World) -> None:
    token = world.stranger.token(SUBJECT, [], audience="provider")

    status, record = world.call(token)

    assert (status, record["code"]) == (407, "identity-exchange")


def test_a_gateway_with_a_wrong_secret_of_its_own_gets_nothing(world: World) -> None:
    secret = world.lab.rules / "gateway-secret"
    secret.write_text("guess\n", encoding="utf-8")
    try:
        status, record = world.call(world.token(lifetime=500))
    finally:
        secret.write_text("gateway-secret\n", encoding="utf-8")

    assert (status, record["code"]) == (407, "identity-exchange")


def test_the_provider_answers_as_the_rfc_says(world: World) -> None:
    status, answer = world.asked("gateway")

    assert status == 200
    assert answer["issued_token_type"] == f"{TYPE}access_token"
    assert answer["token_type"] == "Bearer"


@pytest.mark.parametrize(
    ("client", "changes", "error"),
    [
        ("gateway", {"audience": "another-gateway"}, "invalid_target"),
        ("gateway", {"subject_token_type": f"{TYPE}saml2"}, "invalid_request"),
        ("gateway", {"requested_token_type": f"{TYPE}refresh_token"}, "invalid_request"),
        ("gateway", {"subject_token": ""}, "invalid_request"),
        ("svc-eu", {}, "invalid_request"),
    ],
    ids=["audience", "token type", "requested type", "no token", "a client that may not"],
)
def test_the_providers_refusals_are_the_rfcs(
    client: str, changes: dict[str, str], error: str, world: World
) -> None:
    status, answer = world.asked(client, **changes)

    assert (status, answer["error"]) == (400, error)


def test_no_token_and_no_secret_is_at_rest(world: World) -> None:
    text = world.lab.gateway.output() + json.dumps(world.lab.gateway.ledger())

    assert "gateway-secret" not in text.replace(str(world.lab.rules), "")
    assert "eyJ" not in text
