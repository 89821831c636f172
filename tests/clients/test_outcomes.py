"""Every plain client sees every outcome as what it is: allowed, refused, masked, held, without a token."""

import pytest

from scripts.lab.step import EMAIL, IBAN
from scripts.lab.world import Lab
from tests.clients.conftest import Impatient
from tests.clients.run import CLIENTS, CURLS, environment, http_call
from tests.e2e.conftest import record_of

US = "https://us.api.openai.com/v1/chat/completions"
ANYWHERE = "https://api.openai.com/v1/chat/completions"
PRIVATE = "https://functions.private.example.com/score"
# Spaces and an order that no serializer would make.
CLEAN = b'{ "model":"gpt-5",\n "messages" : [], "n": 1.50 }\n'
REGULATED = (
    b'{ "model":"gpt-5", "email" : "' + EMAIL.encode() + b'",\n "iban":"' + IBAN.encode() + b'" }'
)
MASKED = b'{ "model":"gpt-5", "email" : "***",\n "iban":"***" }'


@pytest.mark.parametrize("url", [US, PRIVATE], ids=["after-reading-the-body", "by-the-head-alone"])
@pytest.mark.parametrize("client", CLIENTS)
def test_an_allowed_call_arrives_as_it_was_sent(lab: Lab, client: str, url: str) -> None:
    seen = http_call(client, environment(lab, lab.token("eu-services")), url, CLEAN)

    assert seen.status == 200
    if client in CURLS:
        assert seen.version == ("2" if client == "curl-h2" else "1.1")
    (received,) = lab.upstream.requests
    assert received.body == CLEAN
    assert received.header("content-type") == "application/json"
    assert received.header("proxy-authorization") is None


@pytest.mark.parametrize("client", CLIENTS)
def test_a_refused_call_shows_451_and_the_reason(lab: Lab, client: str) -> None:
    seen = http_call(client, environment(lab, lab.token("marketing")), US, CLEAN)

    assert (seen.status, seen.problem["code"]) == (451, "no-rule")
    assert seen.headers["residency-decision"] == seen.problem["decision"]
    assert not record_of(lab.gateway, seen.problem["decision"])["permitted"]
    assert lab.upstream.accepts == 0


@pytest.mark.parametrize("client", CLIENTS)
def test_masked_fields_change_and_every_other_byte_stays(lab: Lab, client: str) -> None:
    seen = http_call(client, environment(lab, lab.token("analytics")), ANYWHERE, REGULATED)

    assert seen.status == 200
    assert [r.body for r in lab.upstream.requests] == [MASKED]


@pytest.mark.parametrize("client", CLIENTS)
def test_a_call_without_a_token_is_told_407(lab: Lab, client: str) -> None:
    seen = http_call(client, environment(lab), US, CLEAN)

    # The tunnel was refused, and so there is no answer to show.
    assert seen.status == 0
    assert "407" in seen.complaint
    assert lab.upstream.accepts == 0


@pytest.mark.parametrize("client", CLIENTS)
def test_a_token_that_has_run_out_is_told_407(lab: Lab, client: str) -> None:
    token = lab.token("eu-services", lifetime=-600)

    seen = http_call(client, environment(lab, token), US, CLEAN)

    assert seen.status == 0
    assert "407" in seen.complaint
    assert token not in seen.complaint
    assert lab.upstream.accepts == 0


@pytest.mark.parametrize("client", CLIENTS)
def test_a_hold_that_nobody_rules_on_is_told_503_and_when_to_come_again(
    lab: Lab, impatient: Impatient, client: str
) -> None:
    env = environment(lab, lab.token("eu-services", subject=f"svc-{client}"), impatient.gateway)

    seen = http_call(client, env, ANYWHERE, REGULATED)

    assert (seen.status, seen.problem["code"], seen.headers["retry-after"]) == (503, "held", "2")
    assert len(seen.problem["approval"]) == 32
    assert impatient.upstream.accepts == 0
