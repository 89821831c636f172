"""Tools that fetch: what they say of a host that no rule permits, and node where its fetch knows proxies."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.lab.world import Lab
from tests.clients.run import PROGRAMS, environment, run
from tests.e2e.conftest import records

UNKNOWN = "unknown-host.example"


def needs(tool: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(shutil.which(tool) is None, reason=f"{tool} is not installed")


def why_no_node() -> str:
    """Why node cannot be tried; empty where it can."""
    if shutil.which("node") is None:
        return "node is not installed"
    ask = "process.allowedNodeEnvironmentFlags.has('--use-env-proxy')"
    done = subprocess.run(["node", "-p", ask], capture_output=True, text=True, check=False)
    version = subprocess.run(["node", "-v"], capture_output=True, text=True, check=False).stdout
    if done.stdout.strip() != "true":
        return f"fetch of node {version.strip()} does not know NODE_USE_ENV_PROXY (24 does)"
    return ""


@needs("git")
@pytest.mark.parametrize(
    ("groups", "says"), [(["eu-services"], "451"), ([], "407")], ids=["refused", "no-token"]
)
def test_git_says_with_which_status_it_was_refused(lab: Lab, groups: list[str], says: str) -> None:
    env = environment(lab, lab.token(*groups) if groups else "")

    done = run(["git", "ls-remote", f"https://{UNKNOWN}/project.git"], env=env, check=False)

    text = done.stderr.decode()
    assert done.returncode == 128
    assert f"unable to access 'https://{UNKNOWN}/project.git/'" in text
    assert says in text


# With less than -vv pip says of an index only that nothing was found.
PIP = {
    "index": ("-vv", "--index-url", f"https://{UNKNOWN}/simple/", "nothing-of-that-name"),
    "file": (f"https://{UNKNOWN}/nothing-1.0.tar.gz",),
}


@pytest.mark.parametrize("case", PIP)
def test_pip_says_with_which_status_it_was_refused(lab: Lab, tmp_path: Path, case: str) -> None:
    env = environment(lab, lab.token("eu-services"))

    done = run(
        [sys.executable, "-m", "pip", "download", "--no-cache-dir", "--disable-pip-version-check",
         "--dest", str(tmp_path), *PIP[case]],
        env=env, check=False,
    )  # fmt: skip

    assert done.returncode == 1
    assert "451 Client Error" in (done.stdout + done.stderr).decode()
    assert not list(tmp_path.iterdir())


NO_NODE = why_no_node()


@pytest.mark.skipif(bool(NO_NODE), reason=NO_NODE)
class TestNode:
    URL = "https://api.openai.com/v1/chat/completions"
    BODY = b'{ "model":"gpt-5", "email" : "ana.demo@example.com" }'

    def fetch(self, lab: Lab, *groups: str) -> dict[str, object]:
        env = environment(lab, lab.token(*groups) if groups else "")
        done = run(["node", str(PROGRAMS / "fetch.mjs"), self.URL], env=env, stdin=self.BODY)
        found = json.loads(done.stdout)
        assert isinstance(found, dict)
        return found

    def test_fetch_is_masked(self, lab: Lab) -> None:
        assert self.fetch(lab, "analytics")["status"] == 200
        assert lab.upstream.requests[0].body == b'{ "model":"gpt-5", "email" : "***" }'

    def test_fetch_is_refused_with_451(self, lab: Lab) -> None:
        found = self.fetch(lab, "marketing")

        assert found["status"] == 451
        assert json.loads(str(found["text"]))["code"] == "no-rule"
        assert lab.upstream.accepts == 0

    def test_fetch_without_a_token_fails(self, lab: Lab) -> None:
        # node 24 hides the status; the ledger has it.
        assert "fetch failed" in str(self.fetch(lab)["complaint"])
        assert records(lab.gateway)[-1]["code"] == "identity-missing"
        assert lab.upstream.accepts == 0
