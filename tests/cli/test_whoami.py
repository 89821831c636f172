"""``whoami`` verifies as the gateway does, and never shows the token."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import Result

from residency.cli import whoami as module
from residency.cli.caller import Shown
from residency.core.identity import Caller
from scripts.lab.issuer import Issuer
from tests import tokens
from tests.cli.conftest import Run, fresh, one_line


def whoami(run: Run, rules: Path, token: str, *more: str) -> Result:
    found = run("whoami", "--token-file", "-", "--rules", rules, *more, given=token)
    if token:
        assert token not in found.output
        assert token.rpartition(".")[2] not in found.output
    return found


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (
            lambda: fresh(iat=int(time.time()) - 500, exp=int(time.time()) - 100),
            "identity-expired",
        ),
        (lambda: fresh(iat=int(time.time()) + 500), "identity-early"),
        (lambda: fresh(aud="another"), "identity-audience"),
        (lambda: fresh(iss="https://evil.test"), "identity-issuer"),
        (lambda: fresh(sub=...), "identity-claims"),
        (lambda: fresh()[:-8] + "AAAAAAAA", "identity-signature"),
        (lambda: tokens.token(tokens.claims(), kid="unknown"), "identity-key"),
        (lambda: "no-token", "identity-malformed"),
    ],
)
def test_who_is_not_known_is_told_the_code_and_what_to_do(
    token: object, code: str, rules: Path, run: Run
) -> None:
    assert callable(token)
    text = token()

    found = whoami(run, rules, text)
    told = json.loads(whoami(run, rules, text, "--format", "json").stdout)

    assert (found.exit_code, found.stdout) == (1, "")
    assert f"{code}: " in one_line(found)
    assert told.keys() == {"known", "code", "detail", "mend"}
    assert (told["known"], told["code"]) == (False, code)


@pytest.mark.parametrize("text", ["", "two tokens", "tokén", " \n "], ids=repr)
def test_a_file_without_one_token_is_bad_input(text: str, rules: Path, run: Run) -> None:
    found = whoami(run, rules, text)

    assert found.exit_code == 2
    assert "one token and nothing else" in one_line(found)


def test_a_known_caller_is_told_what_the_gateway_sees(rules: Path, run: Run) -> None:
    found = whoami(run, rules, fresh(groups=["eu-services", "b"]) + "\n", "--format", "json")
    told = json.loads(found.stdout)

    assert found.exit_code == 0
    assert told["known"] is True
    assert (told["subject"], told["issuer"]) == ("billing", tokens.ISSUER)
    assert told["groups"] == ["b", "eu-services"]
    assert 500 < told["expires_in"] <= 600
    assert told["expires"].endswith("Z")


def test_rules_are_those_whose_from_takes_the_caller_in(rules: Path, run: Run) -> None:
    for groups, named in (
        (["eu-services"], ["eea", "no-health", "ask"]),
        (["analytics"], ["no-health", "masked"]),
        ([], ["no-health"]),
    ):
        found = whoami(run, rules, fresh(groups=groups), "--format", "json")

        assert json.loads(found.stdout)["rules"] == named


def test_people_are_told_how_long_it_lasts(rules: Path, run: Run) -> None:
    found = whoami(run, rules, fresh())

    assert "billing" in found.stdout
    assert ", in 9m" in found.stdout
    assert "eea (allow)" in found.stdout


def test_a_caller_that_no_rule_names_is_told_so(rules: Path, run: Run) -> None:
    text = (rules / "policy.yaml").read_text(encoding="utf-8")
    line = "  - {id: no-health, carrying: {any_of: [health-data]}, then: block}\n"
    (rules / "policy.yaml").write_text(text.replace(line, ""), encoding="utf-8")

    found = whoami(run, rules, fresh(groups=["marketing"]))

    assert found.exit_code == 0
    assert "every call is blocked" in found.stdout


def test_a_control_character_in_a_name_is_spelled_out(rules: Path, run: Run) -> None:
    found = whoami(run, rules, fresh(groups=["a\u202eb"]))

    assert found.exit_code == 1 or "\\u202e" in found.stdout
    assert "\u202e" not in found.output


def issuer_block(rules: Path, more: str) -> None:
    text = (rules / "identity.yaml").read_text(encoding="utf-8")
    (rules / "identity.yaml").write_text(text.replace("}}", "}, " + more + "}"), encoding="utf-8")


def test_each_group_is_told_with_all_that_it_comes_from(rules: Path, run: Run) -> None:
    issuer_block(
        rules, "groups: [{claim: groups}, {claim: realm.roles, map: {eu: [eu-services, home]}}], "
        "subjects: {'bill*': [home]}",
    )  # fmt: skip
    token = fresh(groups=["eu-services"], realm={"roles": ["eu", "unmapped"]})

    told = json.loads(whoami(run, rules, token, "--format", "json").stdout)
    text = whoami(run, rules, token).stdout

    assert told["groups"] == ["eu-services", "home"]
    assert told["sources"] == {
        "eu-services": ["claim groups", "claim realm.roles, map 'eu'"],
        "home": ["claim realm.roles, map 'eu'", "subjects 'bill*'"],
    }
    assert "eu-services (claim groups; claim realm.roles, map 'eu')" in text


@pytest.mark.parametrize(
    ("aud", "audiences", "rule", "approves"),
    [
        ("gateway", ["call"], ["no-health"], []),
        ("rulings", ["approve"], [], ["ask"]),
        (["gateway", "rulings"], ["call", "approve"], ["no-health"], ["ask"]),
    ],
)
def test_what_the_token_fits_is_told(
    aud: object, audiences: list[str], rule: list[str], approves: list[str], rules: Path, run: Run
) -> None:
    issuer_block(rules, "approver_audience: rulings")
    token = fresh(aud=aud, groups=["compliance"])

    told = json.loads(whoami(run, rules, token, "--format", "json").stdout)

    assert (told["audiences"], told["rules"], told["approves"]) == (audiences, rule, approves)


def test_an_approvers_token_that_may_rule_on_nothing_is_told_so(rules: Path, run: Run) -> None:
    issuer_block(rules, "approver_audience: rulings")

    found = whoami(run, rules, fresh(aud="rulings", groups=["marketing"]))

    assert found.exit_code == 0
    assert "rulings on held calls" in found.stdout
    assert "no approval names a group" in found.stdout
    assert "every call is blocked" not in found.stdout


def test_a_caller_without_sources_is_shown_all_the_same() -> None:
    """Such as one that comes from a record."""
    one = Caller(issuer="i", subject="s", groups=("a",), expires=60.0)

    shown = Shown.of(one, ["call"], [], 0.0)

    assert ("groups", "a") in shown.rows()


# --- keys that have to be fetched


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as issuer:
        yield issuer


def trust(rules: Path, name: str, keys: str = "discovery: true") -> None:
    block = f"  - {{issuer: '{name}', audience: residency-gateway, keys: {{{keys}}}}}\n"
    other = "  - {issuer: 'https://nobody.invalid', audience: a, keys: {discovery: true}}\n"
    text = f"version: 1\nissuers:\n{other}{block}"
    (rules / "identity.yaml").write_text(text, encoding="utf-8")
    policy = (rules / "policy.yaml").read_text(encoding="utf-8")
    policy = policy.replace("https://login.test/realms/main", name)
    (rules / "policy.yaml").write_text(policy, encoding="utf-8")


def test_keys_are_fetched_of_the_tokens_issuer_alone(
    issuer: Issuer, rules: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    trust(rules, issuer.url)

    found = whoami(run, rules, issuer.token("svc", ["eu-services"]))

    assert found.exit_code == 0
    assert found.stderr == ""
    assert len(issuer.asked) == 2


def test_a_key_that_the_issuer_does_not_have_is_not_believed(
    issuer: Issuer, rules: Path, run: Run
) -> None:
    trust(rules, issuer.url)
    issuer.rotate()
    token = issuer.token("svc", ["eu-services"])
    issuer.rotate(keep=False)

    found = whoami(run, rules, token)

    assert found.exit_code == 1
    assert "identity-key" in one_line(found)


def test_an_issuer_that_cannot_be_reached_is_named(issuer: Issuer, rules: Path, run: Run) -> None:
    trust(rules, issuer.url, "url: 'http://127.0.0.1:9/keys'")

    found = whoami(run, rules, issuer.token("svc", []))

    assert found.exit_code == 1
    assert f"keys cannot be had: {issuer.url}: keys not fetched" in one_line(found)


def test_an_issuer_that_never_answers_is_given_up(
    issuer: Issuer, rules: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", 2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        trust(rules, issuer.url, f"url: 'http://127.0.0.1:{silent.getsockname()[1]}/keys'")
        began = time.monotonic()

        found = whoami(run, rules, issuer.token("svc", []))

    # Nobody would be waited for by tornado itself for 20 seconds.
    assert time.monotonic() - began < 15
    assert found.exit_code == 1
    assert "keys cannot be had" in one_line(found)
    assert "HTTPTimeoutError" in one_line(found)


# --- what an issuer has to be asked about


@pytest.fixture
def grants(rules: Path) -> Iterator[HTTPServer]:
    """An issuer that knows one client, svc with the secret s3cret."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            known = self.headers["Authorization"] == "Basic c3ZjOnMzY3JldA=="
            answer = {"access_token": fresh(sub="svc"), "token_type": "Bearer"}
            body = json.dumps(answer if known else {"error": "invalid_client"}).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    text = (rules / "identity.yaml").read_text(encoding="utf-8").rstrip()
    endpoint = f"http://127.0.0.1:{server.server_port}/token"
    block = f", client_credentials: {{endpoint: '{endpoint}'}}}}\n"
    assert text.endswith("}")
    (rules / "identity.yaml").write_text(text[:-1] + block, encoding="utf-8")
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def client(run: Run, rules: Path, secret: str, *more: str) -> Result:
    arguments = ("--client-id", "svc", "--client-secret-file", "-", "--rules", rules, *more)
    found = run("whoami", *arguments, given=secret + "\n")
    assert secret not in found.output
    assert "eyJ" not in found.output
    return found


def test_a_client_is_told_what_the_gateway_sees(grants: HTTPServer, rules: Path, run: Run) -> None:
    told = json.loads(client(run, rules, "s3cret", "--format", "json").stdout)

    assert (told["known"], told["subject"], told["groups"]) == (True, "svc", ["eu-services"])


def test_a_wrong_secret_is_told_as_such(grants: HTTPServer, rules: Path, run: Run) -> None:
    found = client(run, rules, "gu3ss")

    assert found.exit_code == 1
    assert "identity-client: the issuer says invalid_client" in one_line(found)


def test_a_client_that_no_issuer_takes_is_told_so(rules: Path, run: Run) -> None:
    found = client(run, rules, "s3cret")

    assert found.exit_code == 1
    assert "no client_credentials of identity.yaml takes this client id" in one_line(found)


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--client-id", "svc"),
        ("--client-secret-file", "-"),
        ("--token-file", "-", "--client-id", "svc", "--client-secret-file", "-"),
    ],
)
def test_half_a_proof_and_two_proofs_are_bad_usage(
    arguments: tuple[str, ...], rules: Path, run: Run
) -> None:
    assert run("whoami", "--rules", rules, *arguments, given="x").exit_code == 2
