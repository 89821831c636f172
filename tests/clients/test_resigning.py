"""AWS calls that are masked and signed anew: boto3 at the near side, a far side that verifies signatures by itself."""

import json
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from residency.core.signing.host import scope_of
from scripts.lab.gateway import Gateway
from scripts.lab.rules import lab_rules
from scripts.lab.world import Lab
from tests.clients.farside import Exchange, FarSide
from tests.clients.run import environment, program
from tests.e2e.conftest import eventually, records
from tests.sigv4 import Key, Refused, verify

EMAIL = "anna.muster@example.com"
REGION = "eu-central-1"
#: What each far side wants signatures for, written out.
SERVICES = {
    f"lambda.{REGION}.amazonaws.com": "lambda",
    f"bedrock-runtime.{REGION}.amazonaws.com": "bedrock",
    f"dynamodb.{REGION}.amazonaws.com": "dynamodb",
    f"people.s3.{REGION}.amazonaws.com": "s3",
}
CALLERS = "AKIACALLERCALLERCALL"
OURS = "ASIAGATEWAYGATEWAYGA"
SECRETS = ("caller-secret", "gateway-secret", "gateway-session+/token==")
KEYS = {CALLERS: Key(SECRETS[0]), OURS: Key(SECRETS[1], SECRETS[2])}
RULE = """
rules:
  - id: masked-to-aws
    from: {groups: [analytics]}
    functions: ["aws:*"]
    to: [DE]
    then: mask
    mask: [contacts]
    resign: masked-eu
"""
SIGNING = f"""\
version: 1
roles:
  - name: masked-eu
    why: Masked calls of the analysts.
    profile: masked-eu
    groups: [analytics]
    services: [lambda, bedrock, dynamodb, s3]
    regions: [{REGION}]
"""
SET = """
  - name: contacts
    why: GDPR Art. 4(1)
    fields: [{detect: [email], with: token}]
"""


@dataclass
class Service:
    """Far sides that let in whose signature counts, and say back the tokens that they see."""

    seen: list[str] = field(default_factory=list)
    who: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)

    def serve(self, exchange: Exchange) -> None:
        body, headers = b"".join(exchange.body()), exchange.headers
        try:
            self.who.append(
                verify(
                    exchange.command, exchange.path, list(headers.items()), body, KEYS,
                    service=SERVICES[headers["host"]], region=REGION,
                )
            )  # fmt: skip
        except Refused as e:
            self.refused.append(str(e))
            answer(exchange, 403, {"message": "InvalidSignatureException"})
            return
        self.seen.append(body.decode())
        token = (re.findall(r"<email:[0-9a-f]{16}>", body.decode()) or ["none"])[0]
        answer(exchange, 200, said(exchange.headers["host"], token), etag=token)


def said(host: str, token: str) -> object:
    message = {"role": "assistant", "content": [{"text": token}]}
    return {
        "bedrock": {"output": {"message": message}, "stopReason": "end_turn", "metrics": {"latencyMs": 1},
                    "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2}},
        "dynamodb": {"Attributes": {"mail": {"S": token}}},
        "lambda": {"to": token},
    }.get(SERVICES[host], {})  # fmt: skip


def answer(exchange: Exchange, status: int, value: object, etag: str = "") -> None:
    # S3 answers nothing to what it has put.
    data = json.dumps(value).encode() if value else b""
    more = 'ETag: "e"\r\n' if etag else ""
    head = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n{more}Content-Length: {len(data)}\r\n\r\n"
    exchange.raw(head.encode() + data)


def aws_config(folder: Path, process: str) -> dict[str, str]:
    """The environment of a gateway whose AWS configuration has the profile, and of nothing else."""
    config = folder / "aws-config"
    config.write_text(f"[profile masked-eu]\nregion = {REGION}\ncredential_process = {process}\n")
    return {
        "AWS_CONFIG_FILE": str(config),
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "no-credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def printing(folder: Path, **changes: str) -> str:
    """A process that prints the gateway's credentials."""
    told = {"Version": 1, "AccessKeyId": OURS, "SecretAccessKey": SECRETS[1], "SessionToken": SECRETS[2],
            "Expiration": "2099-01-01T00:00:00Z"} | changes  # fmt: skip
    path = folder / "credentials.json"
    path.write_text(json.dumps(told))
    return f"cat {path}"


def resigning_rules(folder: Path, issuer: str) -> Path:
    rules = lab_rules(folder, issuer)
    policy = rules / "policy.yaml"
    text = policy.read_text().partition("\ntests:")[0]
    policy.write_text(text.replace("\nrules:\n", RULE, 1))
    masks = rules / "masks.yaml"
    masks.write_text(masks.read_text() + SET)
    (rules / "signing.yaml").write_text(SIGNING)
    return rules


@dataclass
class Side:
    lab: Lab
    far: FarSide
    gateway: Gateway
    service: Service

    def call(
        self,
        kind: str,
        *,
        email: str = EMAIL,
        gateway: Gateway | None = None,
        **env: str,
    ) -> dict[str, Any]:
        """What boto3 has of a call with *email*, made by an analyst."""
        usual = environment(self.lab, self.lab.token("analytics"), gateway or self.gateway)
        keys = {"AWS_ACCESS_KEY_ID": CALLERS, "AWS_SECRET_ACCESS_KEY": SECRETS[0]}
        return program("signed", kind, env=usual | keys | env, stdin=email.encode())


@pytest.fixture(scope="module")
def _side(lab: Lab) -> Iterator[Side]:
    folder = lab.folder / "resigning"
    rules = resigning_rules(folder, lab.issuer.url)
    with FarSide(lab.authority, tuple(SERVICES)) as far:
        gateway = Gateway(
            rules, workdir=folder / "gateway", confdir=lab.folder / "confdir", trust=lab.authority.file,
            resolve=far.resolve, env=aws_config(folder, printing(folder)),
        )  # fmt: skip
        with gateway:
            yield Side(lab, far, gateway, Service())


@pytest.fixture
def side(_side: Side) -> Iterator[Side]:
    _side.far.clear()
    _side.service = Service()
    _side.far.serve = _side.service.serve
    yield _side
    _side.far.go.set()


SAYS = {
    "lambda": {"to": EMAIL},
    "converse": EMAIL,
    "dynamodb": EMAIL,
    "s3": '"e"',
    "s3-signed-payload": '"e"',
}


@pytest.mark.parametrize("kind", SAYS)
def test_a_masked_call_arrives_signed_by_the_gateways_role(side: Side, kind: str) -> None:
    found = side.call(kind)

    assert (side.service.refused, found) == ([], {"says": SAYS[kind]})
    assert side.service.who == [OURS]
    assert EMAIL not in side.service.seen[0]
    assert "<email:" in side.service.seen[0]


@pytest.mark.parametrize("kind", SAYS)
def test_a_call_that_needs_no_mask_keeps_its_own_signature(side: Side, kind: str) -> None:
    side.call(kind, email="nobody")

    assert (side.service.refused, side.service.who) == ([], [CALLERS])


def test_a_callers_session_token_does_not_go_along(side: Side) -> None:
    found = side.call("lambda", AWS_SESSION_TOKEN="callers-token")

    assert (found, side.service.who) == ({"says": {"to": EMAIL}}, [OURS])


def test_the_record_says_as_whom_and_no_secret(side: Side) -> None:
    side.call("lambda")

    record = eventually(lambda: records(side.gateway))[-1]
    assert record["signed_as"] == {
        "role": "masked-eu",
        "profile": "masked-eu",
        "key": OURS,
        "arn": None,
    }
    assert record["carrying"]["signature"] == {
        "problem": "",
        "service": "lambda",
        "region": REGION,
        "key": CALLERS,
    }
    told = side.gateway.ledger_file.read_text() + side.gateway.output()
    assert not [s for s in (*SECRETS, EMAIL, "callers-token") if s in told]


def test_an_aws_chunked_payload_is_refused_and_not_sent(side: Side) -> None:
    found = side.call("s3-chunked")

    assert found["status"] == 451
    assert (side.service.who, side.service.refused) == ([], [])


def test_a_provider_that_hangs_refuses_the_call_and_not_the_others(side: Side) -> None:
    folder = side.lab.folder / "hanging"
    rules = resigning_rules(folder, side.lab.issuer.url)
    process = f"{sys.executable} -c 'import time; time.sleep(600)'"
    gateway = Gateway(
        rules, workdir=folder / "gateway", confdir=side.lab.folder / "confdir", trust=side.lab.authority.file,
        resolve=side.far.resolve, env=aws_config(folder, process),
    )  # fmt: skip
    with gateway:
        found = side.call("lambda", gateway=gateway)

        assert (found["status"], side.service.who) == (503, [])
        assert records(gateway)[-1]["code"] == "signing-unavailable"
        side.call("lambda", email="nobody", gateway=gateway)
        assert side.service.who == [CALLERS]


def test_the_far_sides_want_what_the_gateway_signs_for() -> None:
    assert {host: scope_of(host) for host in SERVICES} == {
        h: (s, REGION) for h, s in SERVICES.items()
    }
