"""A masked call leaves with the gateway's signature, or not at all."""

import asyncio
import datetime
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from mitmproxy import http

from residency import aws
from residency.aws import Keys
from residency.core.replay import replay
from residency.errors import CallError
from residency.proxy import seal
from residency.proxy.resign import SignedAs
from residency.proxy.runtime import OFF_LOOP
from residency.proxy.signers import Signers
from tests.proxy.conftest import LAMBDA, Gateway, problem_of, started, write_rules
from tests.proxy.test_hold import held, rule
from tests.sigv4 import Key, verify

REGION = "eu-central-1"
BODY = json.dumps({"email": "CANARY@x.test", "n": 1}).encode()
CALLER = "AKIACALLERCALLERCALL"
KEYS = Keys(key="ASIAGATEWAYGATEWAYGA", secret="CANARY-secret", token="CANARY-token", expires=None, arn="arn:aws:iam::1:role/masked")  # fmt: skip
KNOWN = {KEYS.key: Key("CANARY-secret", "CANARY-token"), CALLER: Key("caller")}
RULES = """
rules:
  - id: resigned
    from: {groups: [analytics, others]}
    functions: ["aws:*"]
    to: [DE]
    then: mask
    mask: [personal-data]
    resign: masked-eu
  - id: held
    from: {groups: [eu-services]}
    functions: ["aws:*"]
    to: [DE]
    then: hold
    mask: [personal-data]
    resign: masked-eu
    approval: {groups: [compliance], wait: 2s}
"""
SIGNING = f"""\
version: 1
roles:
  - name: masked-eu
    profile: p
    groups: [analytics, eu-services]
    services: [lambda]
    regions: [{REGION}]
"""


@pytest.fixture
async def gateway(loaded: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    (tmp_path / "config").write_text("[profile p]\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    loaded.rules = rules(tmp_path / "rules")
    loaded.runtime.signers = Signers(lambda _: KEYS)
    return await started(loaded, tmp_path)


def rules(folder: Path) -> Path:
    write_rules(folder)
    policy = folder / "policy.yaml"
    text = policy.read_text().partition("\ntests:")[0]
    policy.write_text(text.replace("\nrules:\n", RULES, 1))
    (folder / "signing.yaml").write_text(SIGNING)
    return folder


def signed(
    gateway: Gateway,
    *,
    url: str = LAMBDA,
    body: bytes = BODY,
    service: str = "lambda",
    region: str = REGION,
    groups: str = "analytics",
    auth: Any = SigV4Auth,
    token: str | None = None,
    **headers: str,
) -> http.HTTPFlow:
    """A call as botocore would sign it with the caller's keys."""
    request = AWSRequest(method="POST", url=url, data=body, headers={n.replace("_", "-"): v for n, v in headers.items()})  # fmt: skip
    request.headers["Host"] = urlsplit(url).netloc
    auth(Credentials(CALLER, "caller", token), service, region).add_auth(request)
    flow = gateway.flow(request.url, body, groups=[groups])
    for name, value in request.headers.items():
        flow.request.headers[name] = value
    return flow


def who(flow: http.HTTPFlow) -> str:
    """Whose signature the far side sees."""
    r = flow.request
    fields = [(n.decode(), v.decode("latin-1")) for n, v in r.headers.fields]
    return verify(r.method, r.path, fields, r.raw_content or b"", KNOWN, service="lambda", region=REGION)  # fmt: skip


async def test_a_masked_call_leaves_with_the_gateways_signature(gateway: Gateway) -> None:
    flow = await gateway.call(signed(gateway, token="callers-token", x_amz_client_context="e30="))

    assert flow.response is None
    assert (who(flow), json.loads(flow.request.raw_content or b"")) == (KEYS.key, {"email": "***", "n": 1})  # fmt: skip
    assert "callers-token" not in str(flow.request.headers)
    assert flow.request.headers["x-amz-client-context"] == "e30="


async def test_only_the_signatures_headers_change(gateway: Gateway) -> None:
    flow = signed(gateway, x_kept=" a  b ", x_amz_meta_a="1")
    before = set(flow.request.headers.fields)
    await gateway.call(flow)

    changed = {n.lower() for n, _ in before ^ set(flow.request.headers.fields)}
    # The two may be of the same second.
    assert changed - {b"x-amz-date"} == {
        b"authorization", b"x-amz-security-token", b"content-length", b"proxy-authorization",
    }  # fmt: skip


async def test_a_large_body_is_signed_too(gateway: Gateway) -> None:
    body = json.dumps({"email": "CANARY@x.test", "more": "x" * OFF_LOOP}).encode()
    flow = await gateway.call(signed(gateway, body=body))

    assert (flow.response, who(flow)) == (None, KEYS.key)


async def test_what_needs_no_mask_keeps_its_signature(gateway: Gateway) -> None:
    flow = await gateway.call(signed(gateway, body=b'{"n": 1}'))

    assert (flow.response, who(flow)) == (None, CALLER)
    assert "signed_as" not in gateway.decisions()[0]


async def test_a_call_that_nobody_signed_is_not_signed_by_the_gateway(gateway: Gateway) -> None:
    flow = await gateway.call(gateway.flow(LAMBDA, BODY, groups=["analytics"]))

    assert (flow.response, "authorization" in flow.request.headers) == (None, False)


async def test_the_record_says_as_whom_and_is_decided_again_alike(gateway: Gateway) -> None:
    await gateway.call(signed(gateway))

    (record,) = gateway.decisions()
    assert record["signed_as"] == {"role": "masked-eu", "profile": "p", "key": KEYS.key, "arn": KEYS.arn}  # fmt: skip
    assert "CANARY" not in gateway.ledger_path.read_text()
    configuration = gateway.runtime.configuration
    today = datetime.datetime.now(datetime.UTC).date()
    assert replay(configuration.policy, configuration.sets, record, today).verdict == "same"


# Attacks


def refused(flow: http.HTTPFlow) -> tuple[str, str | None]:
    found = problem_of(flow)
    return found["code"], found.get("reason")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"groups": "others"}, "signed-role"),
        ({"service": "dynamodb"}, "signed-scope"),
        ({"region": "us-east-1"}, "signed-scope"),
        ({"url": "https://dynamodb.eu-central-1.amazonaws.com/", "service": "dynamodb"}, "signed-role"),
        ({"auth": SigV4QueryAuth}, "signed-form"),
        ({"x_amz_content_sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, "signed-form"),
        ({"x_amz_decoded_content_length": "5"}, "signed-form"),
        ({"x_amz_content_sha256": "0" * 64}, "signed-form"),
        ({"x_amz_region_set": "*"}, "signed-form"),
        ({"dpop": "x"}, "signed-form"),
    ],
    ids=str,
)  # fmt: skip
async def test_an_attack_is_refused_with_its_reason(
    gateway: Gateway, changes: dict[str, Any], reason: str
) -> None:
    flow = await gateway.call(signed(gateway, **changes))

    assert refused(flow) == ("unmaskable", reason)
    assert KEYS.key not in str(flow.request.headers)


async def test_an_old_call_does_not_come_to_life_again(gateway: Gateway) -> None:
    flow = signed(gateway)
    then = flow.request.headers["x-amz-date"]
    old = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    authorization = flow.request.headers["authorization"]
    flow.request.headers["x-amz-date"] = f"{old:%Y%m%dT%H%M%SZ}"
    flow.request.headers["authorization"] = authorization.replace(then[:8], f"{old:%Y%m%d}")
    await gateway.call(flow)

    assert refused(flow) == ("unmaskable", "signed-date")
    assert gateway.decisions()[0]["decided"]["action"] == "mask"


async def test_two_authorizations_are_no_signature(gateway: Gateway) -> None:
    flow = signed(gateway)
    flow.request.headers.add("Authorization", flow.request.headers["authorization"])
    await gateway.call(flow)

    assert flow.response is not None
    assert KEYS.key not in str(flow.request.headers)


@pytest.mark.parametrize("error", [ValueError("CANARY"), asyncio.CancelledError(), SystemExit()])
async def test_a_signing_that_breaks_lets_nothing_out(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    def broken(*_: object) -> None:
        raise error

    monkeypatch.setattr(aws, "sign", broken)
    flow = await gateway.call(signed(gateway))

    assert problem_of(flow)["code"] == "internal"
    assert "CANARY" not in gateway.ledger_path.read_text()


async def test_a_signature_that_is_not_whole_lets_nothing_out(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "sign", lambda *_: (("X-Amz-Date", "20260101T000000Z"),))
    flow = await gateway.call(signed(gateway))

    assert problem_of(flow)["code"] == "internal"


async def test_without_credentials_the_call_is_refused(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(_: str) -> Keys:
        raise ValueError("CANARY")

    gateway.runtime.signers.stop()
    gateway.runtime.signers = Signers(none)
    gateway.runtime.signers.take(gateway.runtime.configuration.roles)
    flow = await gateway.call(signed(gateway))

    assert flow.response
    assert (problem_of(flow)["code"], flow.response.status_code) == ("signing-unavailable", 503)
    assert gateway.decisions()[0]["permitted"] is False


async def test_a_call_that_changes_while_credentials_come_is_not_signed(gateway: Gateway) -> None:
    flow = signed(gateway)

    class Meddling:
        async def keys(self, _: object) -> Keys:
            flow.request.raw_content = b'{"email": "CANARY@x.test"}'
            return KEYS

        def stop(self) -> None: ...

    gateway.runtime.signers.stop()
    gateway.runtime.signers = Meddling()  # type: ignore[assignment]
    await gateway.call(flow)

    assert problem_of(flow)["code"] == "stale"


async def test_a_stage_that_never_ran_lets_nothing_out(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*_: object) -> None: ...

    monkeypatch.setattr("residency.proxy.audit.sign_anew", never)
    flow = await gateway.call(signed(gateway))

    assert problem_of(flow)["code"] == "internal"


async def test_what_is_sealed_is_the_signed_call(gateway: Gateway) -> None:
    flow = await gateway.call(signed(gateway))

    seal.check(flow, gateway.runtime.secret, gateway.runtime.policy_digest)
    flow.request.headers["authorization"] = "other"
    with pytest.raises(CallError):
        seal.check(flow, gateway.runtime.secret, gateway.runtime.policy_digest)


# Holds


async def test_a_held_call_is_signed_after_the_ruling(gateway: Gateway) -> None:
    flow, task, id_ = await held(gateway, signed(gateway, groups="eu-services"))
    (hold,) = [r for r in gateway.records() if r["kind"] == "hold"]
    assert hold["resign"] == "masked-eu"
    assert CALLER in flow.request.headers["authorization"]
    await rule(gateway, id_)
    await task

    assert (flow.response, who(flow)) == (None, KEYS.key)


async def test_nobody_is_asked_for_a_call_that_cannot_be_signed(gateway: Gateway) -> None:
    gateway.runtime.signers.stop()
    flow = await gateway.call(signed(gateway, groups="eu-services"))

    assert problem_of(flow)["code"] == "signing-unavailable"
    assert "hold" not in {r["kind"] for r in gateway.records()}


async def test_a_retry_is_one_call_whoever_sends_it_when(gateway: Gateway) -> None:
    """The SDK signs each attempt anew: an approval in between is for all of them, and used once."""
    for _ in range(2):
        await gateway.call(signed(gateway, groups="eu-services"))

    assert len([r for r in gateway.records() if r["kind"] == "hold"]) == 1


# Rules


async def test_a_role_that_no_rule_names_keeps_the_old_rules_in_force(gateway: Gateway) -> None:
    before = gateway.runtime.policy_digest
    path = gateway.rules / "signing.yaml"
    path.write_text(SIGNING + SIGNING.partition("roles:\n")[2].replace("masked-eu", "idle"))
    for _ in range(2):
        await gateway.runtime.reload()

    assert gateway.runtime.policy_digest == before
    assert gateway.records()[-1]["kind"] == "reload-refused"


async def test_a_reload_takes_the_roles_anew(gateway: Gateway) -> None:
    path = gateway.rules / "signing.yaml"
    path.write_text(SIGNING.replace("[lambda]", "[dynamodb]"))
    for _ in range(2):
        await gateway.runtime.reload()
    flow = await gateway.call(signed(gateway))

    assert refused(flow) == ("unmaskable", "signed-role")


def test_as_whom_is_read_back() -> None:
    found = SignedAs(role="r", profile="p", key="k")

    assert SignedAs.from_plain(found.to_plain()) == found
    for name in ("role", "profile", "key", "arn"):
        with pytest.raises(TypeError):
            SignedAs.from_plain(found.to_plain() | {name: 1})
