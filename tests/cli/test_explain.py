"""``explain`` says what a gateway would do, and why."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.cli.test_check import resigning

LAMBDA = "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/score/invocations"
OPENAI = "https://api.openai.com/v1/chat/completions"
CHAT = '{"model": "gpt-5", "user": {"email": "canary@example.com"}}'
KEYS = {
    "action", "rule", "code", "reason", "provider", "function", "regions", "places", "status", "evidence",
    "carrying", "masks", "policy",
}  # fmt: skip


def test_a_stranger_is_blocked_and_that_is_no_error(rules: Path, run: Run) -> None:
    found = run("explain", LAMBDA, "--rules", rules, "--format", "json")

    assert found.exit_code == 0
    assert json.loads(found.stdout)["code"] == "no-rule"


@pytest.mark.parametrize(
    "url",
    ["ftp://x.test/", "https://user:secret@x.test/", "https://127.1/", "https://x.test/a b", ""],
)
def test_a_url_that_no_gateway_reads_is_bad_input(url: str, rules: Path, run: Run) -> None:
    found = run("explain", url, "--rules", rules)

    assert (found.exit_code, found.stdout) == (2, "")
    assert "secret" not in found.stderr
    assert found.stderr.startswith("error: ")


@pytest.mark.parametrize("header", ["Upgrade: h2c", "no-colon", ": x", "X: a\nb", "Ü: x"])
def test_a_header_that_no_gateway_reads_is_bad_input(header: str, rules: Path, run: Run) -> None:
    assert run("explain", LAMBDA, "--header", header, "--rules", rules).exit_code == 2


HANDSHAKE = (
    "--header", "Upgrade: websocket", "--header", "Connection: Upgrade", "--header", "Sec-WebSocket-Version: 13",
    "--header", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)  # fmt: skip


@pytest.mark.parametrize("said", [("--websocket",), HANDSHAKE], ids=["option", "headers"])
def test_a_handshake_is_refused_with_code_and_rule_where_the_rule_does_not_open_it(
    said: tuple[str, ...], rules: Path, run: Run
) -> None:
    def asked() -> tuple[str, str, str | None]:
        found = run("explain", LAMBDA, "--groups", "eu-services", *said, "--rules", rules, "--format", "json")  # fmt: skip
        answer = json.loads(found.stdout)
        return answer["action"], answer["rule"], answer["code"]

    assert asked() == ("block", "eea", "upgrade-refused")
    policy = rules / "policy.yaml"
    policy.write_text(policy.read_text().replace("to: [EEA], then: allow", "to: [EEA], then: allow, websockets: true", 1))  # fmt: skip
    assert asked() == ("allow", "eea", None)


def test_a_handshake_has_no_body(rules: Path, run: Run) -> None:
    assert run("explain", LAMBDA, "--websocket", "--body", "-", "--rules", rules, given="{}").exit_code == 2  # fmt: skip
    assert run("explain", LAMBDA, "--websocket", "--method", "POST", "--rules", rules).exit_code == 2  # fmt: skip


def test_a_host_header_does_not_move_the_call(rules: Path, run: Run) -> None:
    found = run("explain", OPENAI, "--groups", "eu-services", "--header",
                "Host: lambda.eu-central-1.amazonaws.com", "--rules", rules, "--format", "json")  # fmt: skip

    assert json.loads(found.stdout)["status"] == "conflict"
    assert json.loads(found.stdout)["action"] != "allow"


def test_a_port_that_is_not_open_is_blocked_with_its_code(rules: Path, run: Run) -> None:
    url = LAMBDA.replace(".com/", ".com:8443/")
    found = run("explain", url, "--groups", "eu-services", "--rules", rules, "--format", "json")

    assert json.loads(found.stdout)["code"] == "port-refused"


def test_no_value_of_the_body_is_shown(rules: Path, run: Run) -> None:
    for form in ("text", "json"):
        found = run("explain", OPENAI, "--groups", "eu-services", "--body", "-", "--rules", rules,
                    "--format", form, given=CHAT)  # fmt: skip

        assert found.exit_code == 0
        assert "canary" not in found.output


def test_the_json_answer_has_these_keys(rules: Path, run: Run) -> None:
    found = run("explain", OPENAI, "--groups", "analytics", "--body", "-", "--rules", rules,
                "--format", "json", given=CHAT)  # fmt: skip
    answer = json.loads(found.stdout)

    assert answer.keys() == KEYS
    assert (answer["action"], answer["rule"], answer["masks"]) == ("mask", "masked", ["personal-data"])  # fmt: skip
    assert answer["places"] == "anywhere"
    assert answer["carrying"]["counts"]["personal-data"] == {"$..email": 1}
    assert len(answer["policy"]) == 64


def test_a_hold_is_told_with_its_rule_and_terms(rules: Path, run: Run) -> None:
    found = run("explain", OPENAI, "--groups", "eu-services", "--body", "-", "--rules", rules, given=CHAT)  # fmt: skip

    assert "ask: One call at a time." in found.stdout
    assert "1 of compliance; waits 55s, valid 15m" in found.stdout
    assert "personal-data" not in found.stdout.split("policy")[0].split("carrying")[0]
    assert "\x1b" not in found.output


def test_groups_come_in_one_option_or_several(rules: Path, run: Run) -> None:
    for groups in (["--groups", "x, eu-services"], ["--groups", "x", "--groups", "eu-services"]):
        found = run("explain", LAMBDA, *groups, "--rules", rules, "--format", "json")

        assert json.loads(found.stdout)["rule"] == "eea"


def test_an_issuer_that_a_rule_does_not_name_does_not_match(rules: Path, run: Run) -> None:
    found = run("explain", OPENAI, "--groups", "analytics", "--issuer", "https://other.test",
                "--body", "-", "--rules", rules, "--format", "json", given=CHAT)  # fmt: skip

    assert json.loads(found.stdout)["rule"] is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ('{"diagnosis": "x"}', "health-data: $..diagnosis (1)"),
        ('{"a": 1}', "nothing regulated"),
        ('{"a": ', "cannot be read: not-json"),
    ],
)
def test_what_the_body_carries_is_told(given: str, says: str, rules: Path, run: Run) -> None:
    found = run("explain", OPENAI, "--groups", "analytics", "--body", "-", "--rules", rules, given=given)  # fmt: skip

    assert says in found.stdout


def test_a_signed_body_is_told_to_be_signed(rules: Path, run: Run) -> None:
    found = run("explain", OPENAI, "--groups", "analytics", "--body", "-", "--rules", rules,
                "--header", "Content-Digest: sha-256=:x:", given=CHAT)  # fmt: skip

    assert "unmaskable" in found.stdout
    assert "the sender signed the body" in found.stdout


def test_where_the_body_does_not_matter_it_is_not_asked(rules: Path, run: Run) -> None:
    found = run("explain", LAMBDA, "--groups", "eu-services", "--rules", rules)

    assert "not asked" in found.stdout
    assert "regions   eu-central-1" in found.stdout


@pytest.mark.parametrize("arguments", [[], [LAMBDA, "--batch"]], ids=["neither", "both"])
def test_it_takes_a_url_or_a_batch(arguments: list[str], rules: Path, run: Run) -> None:
    found = run("explain", *arguments, "--rules", rules)

    assert (found.exit_code, found.stdout) == (2, "")


@pytest.mark.parametrize(
    ("region", "says"),
    [
        ("us-east-1", "signed anew  as masked-abroad: AWS profile p"),
        ("eu-west-1", "AWS, for lambda in eu-west-1, which is not the host's"),
    ],
)
def test_what_would_be_signed_anew_is_told(
    region: str, says: str, rules: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    resigning(rules, monkeypatch)
    signature = f"AWS4-HMAC-SHA256 Credential=AKIACALLERCALLERCALL/20261122/{region}/lambda/aws4_request, SignedHeaders=host, Signature={'0' * 64}"
    found = run("explain", LAMBDA.replace("eu-central-1", "us-east-1"), "--groups", "analytics", "--body", "-", "--rules", rules,
                "--issuer", "https://login.test/realms/main", "--header", f"Authorization: {signature}",
                "--header", "X-Amz-Date: 20261122T120000Z", given=CHAT)  # fmt: skip

    assert " ".join(says.split()) in " ".join(found.stdout.split())
