"""Who calls, through a real gateway: every refusal with its code and its record, and nothing sent."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.issuer import AUDIENCE, Issuer
from scripts.lab.rules import lab_rules
from scripts.lab.world import Lab
from tests.e2e.conftest import record_of, wire_to
from tests.e2e.wire import Answer, Wire, read, request

HOST = "lambda.eu-central-1.amazonaws.com"
PATH = "/2015-03-31/functions/f/invocations"
CANARY = "canary4711"


def connect(lab: Lab, *lines: str) -> Answer:
    """What CONNECT with these header lines is answered."""
    head = "\r\n".join([f"CONNECT {HOST}:443 HTTP/1.1", f"Host: {HOST}:443", *lines, "", ""])
    with Wire(lab.gateway.port, lab.gateway.ca_file, None).dial() as sock:
        sock.sendall(head.encode())
        return read(sock)


def bearer(token: str) -> str:
    return f"Proxy-Authorization: Bearer {token}"


def basic(user: str, password: str) -> str:
    return f"Proxy-Authorization: Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def refused(lab: Lab, answer: Answer, code: str) -> dict[str, Any]:
    """A 407 with a challenge, a problem and a record, and nothing that went out or broke."""
    assert answer.status == 407
    assert "proxy-authenticate" in answer.headers
    found = json.loads(answer.body)
    assert found["code"] == code
    record = record_of(lab.gateway, found["decision"])
    assert record["permitted"] is False
    assert code in json.dumps(record)
    assert lab.upstream.accepts == 0
    for text in (answer.body.decode(), json.dumps(record), lab.gateway.output()):
        assert CANARY not in text
    assert "Traceback" not in lab.gateway.output()
    assert isinstance(found, dict)
    return found


def test_every_failed_check_is_named(lab: Lab) -> None:
    good = lab.token("eu-services", note=CANARY)
    cases = {
        "identity-missing": ["X-Nothing: 1"],
        "identity-malformed": [bearer(CANARY)],
        "identity-conflict": [bearer(good), bearer(lab.token("analytics"))],
        "identity-issuer": [bearer(lab.token("eu-services", iss=f"https://{CANARY}.test"))],
        "identity-audience": [bearer(lab.token("eu-services", audience=CANARY))],
        "identity-expired": [bearer(lab.token("eu-services", lifetime=-100))],
        "identity-claims": [bearer(lab.token("eu-services", sub=f"{CANARY}\n"))],
        "identity-signature": [bearer(good[:-8] + "AAAAAAAA")],
    }
    for code, lines in cases.items():
        refused(lab, connect(lab, *lines), code)


def test_a_real_token_for_another_audience_is_told_which_one_is_asked_for(lab: Lab) -> None:
    found = refused(lab, connect(lab, bearer(lab.token(audience=CANARY))), "identity-audience")

    assert f"aud names none of {AUDIENCE}" in found["detail"]


def test_who_is_not_trusted_learns_no_issuer(lab: Lab) -> None:
    text = lab.token(iss=f"https://{CANARY}.test")

    assert lab.issuer.url not in json.dumps(refused(lab, connect(lab, bearer(text)), "identity-issuer"))  # fmt: skip


def test_g16_one_identity_and_no_second(lab: Lab) -> None:
    one, same = lab.token("eu-services"), lab.token("eu-services")
    for lines in (
        [bearer(one), bearer(one)],
        [bearer(one), bearer(same)],
        [bearer(one), basic("token", one)],
        [f"{bearer(one)}, Bearer {same}"],
        [basic(one, same)],
    ):
        refused(lab, connect(lab, *lines), "identity-conflict")


def test_g18_the_targets_authorization_is_no_identity(lab: Lab) -> None:
    refused(lab, connect(lab, f"Authorization: Bearer {lab.token('eu-services')}"), "identity-missing")  # fmt: skip


def test_g18_the_targets_authorization_arrives_and_the_identity_does_not(
    lab: Lab, wire: Wire
) -> None:
    assert wire.post(HOST, PATH, b"{}", "Authorization: Bearer sk-target").status == 200

    (received,) = lab.upstream.requests
    assert received.header("authorization") == "Bearer sk-target"
    assert received.header("proxy-authorization") is None


def in_tunnel(wire: Wire, *tokens: str | None) -> list[Answer]:
    """The answers to calls in one tunnel, each with its own token or none."""
    found = []
    with wire.tls(HOST) as sock:
        for token in tokens:
            sock.sendall(request(HOST, PATH, b"{}", *([bearer(token)] if token else [])))
            found.append(read(sock))
    return found


def test_g17_a_renewed_token_of_the_same_caller_counts_in_its_tunnel(lab: Lab, wire: Wire) -> None:
    renewed = lab.token("eu-services", lifetime=900)

    answers = in_tunnel(wire, None, renewed, None)

    assert [a.status for a in answers] == [200, 200, 200]
    assert all(r.header("proxy-authorization") is None for r in lab.upstream.requests)


def test_g17_a_renewed_token_brings_its_own_groups(lab: Lab, wire: Wire) -> None:
    answers = in_tunnel(wire, lab.token("marketing"))

    assert [a.status for a in answers] == [451]
    assert lab.upstream.accepts == 0


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"subject": "someone-else"}, "identity-conflict"),
        ({"lifetime": -100}, "identity-expired"),
        ({"audience": "other"}, "identity-audience"),
    ],
    ids=["another-caller", "expired", "audience"],
)
def test_g17_another_token_in_a_tunnel_is_verified_anew(
    lab: Lab, wire: Wire, other: dict[str, Any], code: str
) -> None:
    (answer,) = in_tunnel(wire, lab.token("eu-services", **other))

    refused(lab, answer, code)


# --- several issuers at once


_BLOCKS = """\
  - issuer: {platform}
    audience: platform-audience
    algorithms: [RS256]
    keys: {{discovery: true}}
    require: {{cluster: "7"}}
    subjects: {{"system:serviceaccount:billing:*": eu-services}}
    groups: {{claim: /kubernetes.io/namespace, prefix: "ns:"}}
  - issuer: {spiffe}
    spiffe: example.org
    audience: platform-audience
    keys: {{discovery: true}}
    subjects: {{"spiffe://example.org/billing/*": eu-services}}
"""


class Platforms:
    def __init__(self, lab: Lab, folder: Path, platform: Issuer, spiffe: Issuer) -> None:
        self.lab, self.platform, self.spiffe = lab, platform, spiffe
        rules = lab_rules(folder / "rules", lab.issuer.url)
        with (rules / "identity.yaml").open("a", encoding="utf-8") as file:
            file.write(_BLOCKS.format(platform=platform.url, spiffe=spiffe.url))
        self.gateway = Gateway(
            rules, workdir=folder / "gateway", confdir=lab.folder / "confdir",
            trust=lab.authority.file, resolve=lab.upstream.resolve,
        )  # fmt: skip

    def ask(self, token: str) -> Answer:
        wire = wire_to(self.lab, self.gateway, "")
        with wire.dial() as sock:
            sock.sendall(f"CONNECT {HOST}:443 HTTP/1.1\r\nHost: {HOST}:443\r\n{bearer(token)}\r\n\r\n".encode())  # fmt: skip
            answer = read(sock) if sock.recv(12, 2) != b"HTTP/1.1 200" else None
        return answer or wire_to(self.lab, self.gateway, token).post(HOST, PATH, b"{}")


@pytest.fixture(scope="module")
def platforms(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platforms]:
    with Issuer() as platform, Issuer() as spiffe:
        found = Platforms(lab, tmp_path_factory.mktemp("platforms"), platform, spiffe)
        with found.gateway:
            yield found


def kubernetes(platforms: Platforms, **changes: Any) -> str:
    usual: dict[str, Any] = {
        "groups": (), "cluster": 7, "audience": "platform-audience",
        "kubernetes.io": {"namespace": "billing"}, "subject": "system:serviceaccount:billing:score",
    }  # fmt: skip
    sent = usual | changes
    return platforms.platform.token(sent.pop("subject"), sent.pop("groups"), **sent)


def test_issuers_stand_side_by_side(platforms: Platforms) -> None:
    svid = platforms.spiffe.token(
        "spiffe://example.org/billing/score", (), audience="platform-audience", iss=...
    )
    for token in (platforms.lab.token("eu-services"), kubernetes(platforms), svid):
        answer = platforms.ask(token)

        assert answer.status == 200, answer.body


def test_the_record_has_the_groups_and_not_where_they_come_from(platforms: Platforms) -> None:
    answer = platforms.ask(kubernetes(platforms))

    callers = [
        r["caller"] for r in platforms.gateway.ledger()
        if (r.get("caller") or {}).get("issuer") == platforms.platform.url
    ]  # fmt: skip
    assert answer.status == 200
    assert callers[-1] == {
        "issuer": platforms.platform.url,
        "subject": "system:serviceaccount:billing:score",
        "groups": ["eu-services", "ns:billing"],
    }


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"cluster": 8}, 407),
        ({"cluster": ...}, 407),
        ({"audience": AUDIENCE}, 407),
        ({"subject": "system:serviceaccount:other:score"}, 451),
        ({"groups": ["eu-services"], "subject": "system:serviceaccount:other:score"}, 451),
    ],
    ids=["cluster", "no-cluster", "audience", "subject", "claims-that-are-not-read"],
)
def test_each_issuer_is_taken_at_its_own_word(
    platforms: Platforms, changes: dict[str, Any], status: int
) -> None:
    assert platforms.ask(kubernetes(platforms, **changes)).status == status
    assert platforms.lab.upstream.accepts == 0


def test_one_issuer_cannot_speak_for_another(platforms: Platforms) -> None:
    for issuer in (platforms.platform, platforms.spiffe):
        token = issuer.token("svc", ["eu-services"], iss=platforms.lab.issuer.url)

        assert platforms.ask(token).status == 407
    assert platforms.lab.upstream.accepts == 0
