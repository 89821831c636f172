"""The openai SDK and boto3 see every outcome in their own way, and their own bytes arrive."""

import json

import pytest

from scripts.lab.step import CUSTOMER, EMAIL, IBAN
from scripts.lab.world import Lab
from tests.clients.conftest import Impatient
from tests.clients.run import environment, program
from tests.e2e.conftest import record_of, records

METADATA = json.dumps({"customer": "4711"}).encode()


class TestOpenai:
    """The openai SDK, whose body is its own."""

    def test_an_allowed_completion_arrives_as_it_was_sent(self, lab: Lab) -> None:
        env = environment(lab, lab.token("eu-services"))
        env["OPENAI_BASE_URL"] = "https://us.api.openai.com/v1"

        found = program("chat", "0", env=env, stdin=METADATA)

        assert (found["status"], found["says"]) == (200, "The lab has your request.")
        assert [r.body.decode() for r in lab.upstream.requests] == [found["sent"]]
        assert lab.upstream.requests[0].header("authorization") == "Bearer sk-lab"

    def test_a_refusal_is_an_api_status_error_with_the_problem(self, lab: Lab) -> None:
        env = environment(lab, lab.token("marketing"))

        # With retries: a refusal must not be taken for something that passes.
        found = program("chat", "2", env=env, stdin=METADATA)

        assert (found["error"], found["status"]) == ("APIStatusError", 451)
        assert found["problem"]["code"] == "no-rule"
        decision = found["problem"]["decision"]
        assert record_of(lab.gateway, decision)["code"] == "no-rule"
        assert lab.upstream.accepts == 0

    def test_masked_fields_change_and_every_other_byte_stays(self, lab: Lab) -> None:
        found = program("chat", "0", env=environment(lab, lab.token("analytics")), stdin=CUSTOMER)

        assert found["status"] == 200
        (received,) = lab.upstream.requests
        wanted = found["sent"].replace(f'"{EMAIL}"', '"***"').replace(f'"{IBAN}"', '"***"')
        assert wanted != found["sent"]
        assert received.body.decode() == wanted

    def test_a_call_without_a_token_is_a_connection_error_that_says_407(self, lab: Lab) -> None:
        found = program("chat", "0", env=environment(lab), stdin=METADATA)

        assert "APIConnectionError" in found["complaint"]
        assert "407" in found["complaint"]
        assert lab.upstream.accepts == 0

    def test_a_hold_is_an_error_with_approval_and_retry_after(
        self, lab: Lab, impatient: Impatient
    ) -> None:
        env = environment(lab, lab.token("eu-services", subject="svc-sdk"), impatient.gateway)

        found = program("chat", "0", env=env, stdin=CUSTOMER)

        assert (found["error"], found["status"], found["retry_after"]) == (
            "InternalServerError", 503, "2",
        )  # fmt: skip
        assert len(found["problem"]["approval"]) == 32
        assert impatient.upstream.accepts == 0


class TestBoto3:
    """boto3, whose bodies are signed."""

    PAYLOAD = b'{ "customer":"4711", "email" : "' + EMAIL.encode() + b'","n": 1.50 }\n'
    INVOKE = ("lambda", "eu-central-1", "score-customer")
    HAIKU = "anthropic.claude-3-haiku-20240307-v1:0"

    def test_an_allowed_invocation_arrives_as_it_was_signed(self, lab: Lab) -> None:
        env = environment(lab, lab.token("eu-services"))

        found = program("aws", *self.INVOKE, env=env, stdin=self.PAYLOAD)

        assert (found["status"], found["attempts"]) == (200, 1)
        (received,) = lab.upstream.requests
        assert received.body == self.PAYLOAD
        assert (received.header("authorization") or "").startswith("AWS4-HMAC-SHA256 ")
        assert received.header("proxy-authorization") is None

    def test_an_allowed_conversation_is_answered(self, lab: Lab) -> None:
        env = environment(lab, lab.token("eu-services"))

        found = program("aws", "converse", "eu-central-1", self.HAIKU, env=env)

        assert (found["status"], found["says"]) == (200, "The lab has your request.")

    @pytest.mark.parametrize(
        ("group", "call"),
        [
            ("marketing", INVOKE),
            ("analytics", ("converse", "us-east-1", HAIKU)),
            ("eu-services", ("converse", "eu-central-1", f"global.{HAIKU}")),
        ],
        ids=["lambda-stranger", "converse-abroad", "converse-global-profile"],
    )
    def test_a_refusal_is_a_client_error_with_451(
        self, lab: Lab, group: str, call: tuple[str, ...]
    ) -> None:
        env = environment(lab, lab.token(group)) | {"AWS_MAX_ATTEMPTS": "3"}

        found = program("aws", *call, env=env, stdin=b"{}")

        assert (found["status"], found["attempts"]) == (451, 1)
        # botocore shows the problem's code as the error's.
        assert "(no-rule)" in found["complaint"]
        assert record_of(lab.gateway, found["decision"])["code"] == "no-rule"
        assert lab.upstream.accepts == 0

    def test_a_call_without_a_token_is_a_proxy_error(self, lab: Lab) -> None:
        # botocore 1.44 hides the status; the ledger has it.
        found = program("aws", *self.INVOKE, env=environment(lab), stdin=self.PAYLOAD)

        assert "ProxyConnectionError" in found["complaint"]
        assert records(lab.gateway)[-1]["code"] == "identity-missing"
        assert lab.upstream.accepts == 0

    def test_a_hold_that_nobody_rules_on_is_503_and_tells_when_to_come_again(
        self, lab: Lab, impatient: Impatient
    ) -> None:
        env = environment(lab, lab.token("eu-services", subject="svc-boto"), impatient.gateway)

        found = program("aws", "lambda", "us-east-1", "score", env=env, stdin=self.PAYLOAD)

        assert (found["status"], found["retry_after"]) == (503, "2")
        assert impatient.upstream.accepts == 0
