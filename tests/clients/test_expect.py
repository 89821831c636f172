"""curl asks with ``Expect: 100-continue`` before it sends more than a megabyte."""

import hashlib
import json
import subprocess

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.world import Lab
from tests.clients.farside import PRIVATE, FarSide
from tests.clients.run import curl, environment

BY_HEAD = f"https://{PRIVATE}/upload"
BY_BODY = "https://us.api.openai.com/v1/chat/completions"
BIG = json.dumps({"model": "gpt-5", "messages": [], "x": "x" * 1_500_000}).encode()


@pytest.mark.parametrize("url", [BY_HEAD, BY_BODY], ids=["by-the-head", "by-the-body"])
def test_curl_is_told_to_continue_and_sends_its_body(
    far: FarSide, far_env: dict[str, str], url: str
) -> None:
    argv = [
        "curl",
        "--silent",
        "--verbose",
        "--max-time",
        "60",
        "--http1.1",
        "--data-binary",
        "@-",
    ]
    done = subprocess.run(
        [*argv, url], input=BIG, env=far_env, capture_output=True, timeout=65, check=True
    )

    assert b"> Expect: 100-continue" in done.stderr
    assert b"< HTTP/1.1 100 Continue" in done.stderr
    digest = hashlib.sha256(BIG).hexdigest()
    assert json.loads(done.stdout) == {"bytes": len(BIG), "sha256": digest}


def test_curl_is_told_451_where_it_may_not_send(
    lab: Lab, far: FarSide, open_gateway: Gateway
) -> None:
    env = environment(lab, lab.token("marketing"), open_gateway)

    seen = curl("--http1.1", "--data-binary", "@-", BY_HEAD, env=env, stdin=BIG)

    assert (seen.status, seen.problem["code"]) == (451, "no-rule")
    assert far.seen == 0
