"""Every documented way to hand the gateway a token, by real clients."""

import pytest

from scripts.lab.world import Lab
from tests.clients.run import CLIENTS, curl, environment, http_call

URL = "https://us.api.openai.com/v1/chat/completions"
BODY = b'{"model": "gpt-5", "messages": []}'
FORMS = {
    "token-as-password": "http://token:{token}@127.0.0.1:{port}",
    "token-as-user": "http://{token}:@127.0.0.1:{port}",
}


# urllib, like botocore, sends no credentials where the password is empty.
CASES = [(c, f) for c in CLIENTS for f in FORMS if (c, f) != ("urllib", "token-as-user")]


@pytest.mark.parametrize(("client", "form"), CASES)
def test_the_token_may_stand_in_the_proxys_url(lab: Lab, client: str, form: str) -> None:
    proxy = FORMS[form].format(token=lab.token("eu-services"), port=lab.gateway.port)
    env = environment(lab) | {"HTTPS_PROXY": proxy, "https_proxy": proxy}

    seen = http_call(client, env, URL, BODY)

    assert seen.status == 200, seen.complaint
    assert len(lab.upstream.requests) == 1


@pytest.mark.parametrize("version", ["--http1.1", "--http2"])
def test_curl_may_send_the_token_as_bearer(lab: Lab, version: str) -> None:
    header = f"Proxy-Authorization: Bearer {lab.token('eu-services')}"

    seen = curl(
        version, "--proxy-header", header, "--data-binary", "@-", URL,
        env=environment(lab), stdin=BODY,
    )  # fmt: skip

    assert seen.status == 200, seen.complaint
    assert lab.upstream.requests[0].header("proxy-authorization") is None


def test_a_token_in_the_url_and_another_callers_in_the_header_is_refused(lab: Lab) -> None:
    other = f"Proxy-Authorization: Bearer {lab.token('eu-services', subject='svc-other')}"
    env = environment(lab, lab.token("eu-services"))

    seen = curl("--header", other, "--data-binary", "@-", URL, env=env, stdin=BODY)

    assert seen.status in (0, 407)
    assert lab.upstream.accepts == 0
