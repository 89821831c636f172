"""Identity from a real OpenID provider (oidc-provider): id and secret, or an opaque token, through a real gateway."""

import base64
import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.lab.gateway import clean_environment
from scripts.lab.issuer import AUDIENCE
from scripts.lab.npm import Unavailable
from scripts.lab.provider import RESOURCE, Provider
from scripts.lab.world import Lab
from tests.e2e.conftest import records
from tests.e2e.wire import Wire, read, request

HOST = "lambda.eu-central-1.amazonaws.com"
URL = f"https://{HOST}/2015-03-31/functions/score/invocations"
CLIENTS = {
    "svc-eu": {"secret": "s3cret/of+eu%", "groups": ["eu-services"]},
    "svc-other": {"secret": "other-secret", "groups": ["nobody"]},
    "gateway": {"secret": "gateway-secret", "groups": []},
}
BLOCK = """
  - issuer: {url}
    audience: {audience}
    algorithms: [RS256]
    types: [at+jwt]
    keys: {{discovery: true}}
    groups: groups
    client_credentials: {{clients: "svc-*", scope: jwt, resource: "{resource}"}}
    introspection: {{client_id: gateway, secret: {{env: LAB_SECRET}}, keep: 2s}}
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    try:
        found = Provider(CLIENTS, lifetime=8)
    except Unavailable as e:
        pytest.skip(str(e))
    with found:
        yield found


@pytest.fixture(scope="module")
def gateway(provider: Provider) -> Iterator[Lab]:
    def edit(rules: Path) -> None:
        path = rules / "identity.yaml"
        block = BLOCK.format(url=provider.url, audience=AUDIENCE, resource=RESOURCE)
        path.write_text(path.read_text(encoding="utf-8") + block, encoding="utf-8")

    with Lab(edit=edit, env={"LAB_SECRET": "gateway-secret"}) as lab:
        yield lab


def curl(lab: Lab, user: str) -> tuple[int, dict[str, Any]]:
    """Status of the call, or of CONNECT if that was refused; and the record's decision."""
    proxy = f"http://{user}@127.0.0.1:{lab.gateway.port}"
    argv = ["curl", "--silent", "--max-time", "20", "-d", "{}", "-o", os.devnull, URL]
    done = subprocess.run(
        [*argv, "--cacert", lab.gateway.ca_file, "-w", "%{http_code} %{http_connect}"],
        env=clean_environment() | {"HTTPS_PROXY": proxy},
        capture_output=True,
        text=True,
        check=False,
    )
    status, connect = map(int, done.stdout.split())
    return status or connect, records(lab.gateway)[-1]


def opaque(provider: Provider, client: str = "svc-eu") -> str:
    answer = provider.post("/token", (client, str(CLIENTS[client]["secret"])),
        grant_type="client_credentials", scope="opaque", resource=RESOURCE)  # fmt: skip
    return str(answer["access_token"])


def test_a_client_id_and_secret_in_the_proxy_url_are_enough(gateway: Lab) -> None:
    status, record = curl(gateway, "svc-eu:s3cret%2Fof%2Beu%25")

    assert status == 200
    assert record["caller"]["subject"] == "svc-eu"
    assert record["caller"]["groups"] == ["eu-services"]


def test_a_wrong_secret_is_refused_and_recorded(gateway: Lab) -> None:
    before = len(gateway.upstream.requests)
    status, record = curl(gateway, "svc-eu:gu3ss")

    assert status == 407
    assert record["code"] == "identity-client"
    assert len(gateway.upstream.requests) == before


def test_a_client_of_no_issuer_is_refused(gateway: Lab) -> None:
    status, record = curl(gateway, "job:s3cret")

    assert (status, record["code"]) == (407, "identity-malformed")


def test_rules_judge_a_client_by_its_groups(gateway: Lab) -> None:
    assert curl(gateway, "svc-other:other-secret")[0] == 451


def test_an_opaque_token_is_introspected(gateway: Lab, provider: Provider) -> None:
    status, record = curl(gateway, f"token:{opaque(provider)}")

    assert status == 200
    assert record["caller"]["subject"] == "svc-eu"


def test_an_opaque_token_of_nobody_is_refused(gateway: Lab) -> None:
    status, record = curl(gateway, "token:nobody-made-this")

    assert (status, record["code"]) == (407, "identity-inactive")


def test_an_opaque_token_that_is_revoked_ends_within_seconds(
    gateway: Lab, provider: Provider
) -> None:
    token = opaque(provider)
    assert curl(gateway, f"token:{token}")[0] == 200
    provider.post("/token/revocation", ("svc-eu", str(CLIENTS["svc-eu"]["secret"])), token=token)
    time.sleep(2.1)

    status, record = curl(gateway, f"token:{token}")

    assert (status, record["code"]) == (407, "identity-inactive")


def test_a_tunnel_outlives_the_tokens_behind_it(gateway: Lab, provider: Provider) -> None:
    """Tokens last eight seconds, and keys are rotated meanwhile; nobody has to renew anything."""
    wire = Wire(gateway.gateway.port, gateway.gateway.ca_file, None)
    pair = base64.b64encode(b"svc-eu:s3cret/of+eu%").decode()
    wire.authorization = lambda: f"Proxy-Authorization: Basic {pair}\r\n"  # type: ignore[method-assign]
    answers = []
    with wire.tls(HOST) as sock:
        for n in range(12):
            if n == 4:
                provider.rotate()
            sock.sendall(request(HOST, "/2015-03-31/functions/score/invocations", b"{}"))
            answers.append(read(sock).status)
            time.sleep(1)

    assert answers == [200] * 12


def test_no_secret_and_no_token_is_at_rest(gateway: Lab) -> None:
    text = gateway.gateway.output() + json.dumps(gateway.gateway.ledger())

    for client in CLIENTS.values():
        assert str(client["secret"]) not in text
    assert "eyJ" not in text
