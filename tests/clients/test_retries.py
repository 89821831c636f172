"""A held call whose wait ran out is sent again by the client's own retries, until somebody has ruled on it."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.step import EMAIL
from scripts.lab.world import Lab
from tests.clients.conftest import Impatient
from tests.clients.piped import piped
from tests.clients.run import command, environment
from tests.e2e.conftest import eventually, records

URL = "https://api.openai.com/v1/chat/completions"
BODY = b'{"model": "gpt-5", "email": "' + EMAIL.encode() + b'"}'
METADATA = b'{"email": "' + EMAIL.encode() + b'"}'

#: Name → command line, standard input, more environment. Each is told by its own settings to retry, or does so anyway.
RETRYING: dict[str, tuple[Sequence[str], bytes, dict[str, str]]] = {
    "openai": (command("chat", "5"), METADATA, {}),
    "boto3": (
        command("aws", "lambda", "us-east-1", "score"), METADATA,
        {"AWS_MAX_ATTEMPTS": "8", "AWS_RETRY_MODE": "standard"},
    ),
    "requests": (command("call", "requests-retrying", "POST", URL), BODY, {}),
    "curl": (
        ["curl", "--silent", "--fail", "--retry", "5", "--data-binary", "@-", "--max-time", "60", URL], BODY,
        {},
    ),
}  # fmt: skip


def decisions(gateway: Gateway, subject: str) -> list[dict[str, Any]]:
    return [r for r in records(gateway) if (r["caller"] or {}).get("subject") == subject]


def rule_on_the_first(lab: Lab, impatient: Impatient, subject: str, ruling: str) -> str:
    """Rule once the first attempt is over, with 503; answers the hold's id."""
    first = eventually(lambda: decisions(impatient.gateway, subject))[0]
    assert (first["code"], impatient.upstream.accepts) == ("held", 0)
    id_ = str(first["ruling"]["hold"])
    terms = {"ruling": ruling, "reason": "checked"}
    impatient.gateway.ask(f"/holds/{id_}/ruling", lab.approver_token(), terms)
    return id_


@pytest.mark.slow
@pytest.mark.parametrize("client", RETRYING)
def test_a_client_that_retries_by_itself_gets_through_once_it_is_approved(
    lab: Lab, impatient: Impatient, client: str
) -> None:
    subject = f"svc-retry-{client}"
    argv, stdin, more = RETRYING[client]
    env = environment(lab, lab.token("eu-services", subject=subject), impatient.gateway) | more
    with piped(argv, env) as running:
        running.send(stdin, last=True)
        id_ = rule_on_the_first(lab, impatient, subject, "approve")
        out = running.end()

    (received,) = impatient.upstream.requests
    assert EMAIL.encode() in received.body
    if client == "openai":
        assert received.body.decode() == json.loads(out)["sent"]
        assert int(received.header("x-stainless-retry-count") or "0") >= 1
    last = decisions(impatient.gateway, subject)[-1]
    assert (last["permitted"], last["ruling"]["hold"]) == (True, id_)


@pytest.mark.slow
def test_a_retry_of_a_denied_call_does_not_get_through(lab: Lab, impatient: Impatient) -> None:
    subject = "svc-retry-denied"
    env = environment(lab, lab.token("eu-services", subject=subject), impatient.gateway)
    with piped(command("chat", "1"), env) as running:
        running.send(METADATA, last=True)
        rule_on_the_first(lab, impatient, subject, "deny")
        out = running.end()

    assert json.loads(out)["error"] == "APIStatusError"  # 451, the denial, which no SDK retries
    found = decisions(impatient.gateway, subject)
    assert found[-1]["code"] == "denied"
    assert [r["permitted"] for r in found] == [False, False]
    assert impatient.upstream.accepts == 0
