"""The gateway itself in the mitmproxy console, and not in mitmweb."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts.lab.gateway import clean_environment, free_port
from scripts.lab.world import Lab
from tests.e2e.conftest import eventually
from tests.e2e.test_desk_console import Console
from tests.e2e.test_holding import Call, body
from tests.e2e.wire import Wire

ROOT = Path(__file__).parents[2]
OPENAI = "api.openai.com"
CHAT = "/v1/chat/completions"

pytestmark = pytest.mark.slow


def arguments(lab: Lab, port: int, folder: Path) -> list[str]:
    settings = [
        f"residency_rules={lab.rules}",
        f"residency_ledger={folder / 'ledger.jsonl'}",
        "residency_admin=",
        f"ssl_verify_upstream_trusted_ca={lab.authority.file}",
        f"residency_token_file={lab.token_file(lab.approver_token(), 'console-token')}",
        *(f"residency_resolve={entry}" for entry in lab.upstream.resolve),
    ]
    return [
        *("--listen-host", "127.0.0.1", "-p", str(port)),
        *(part for s in settings for part in ("--set", s)),
        *("-s", str(ROOT / "addons/chain.py")),
    ]


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed here")
def test_the_console_approves_and_denies_the_flow_in_focus(lab: Lab, tmp_path: Path) -> None:
    port = free_port()
    with Console(
        tmp_path, *arguments(lab, port, tmp_path), "--set", "console_mouse=false"
    ) as console:
        ledger = tmp_path / "ledger.jsonl"
        eventually(lambda: ledger.exists() and b'"kind":"start"' in ledger.read_bytes())
        ca = eventually(lambda: next(iter(console.confdir.glob("mitmproxy-ca-cert.pem")), None))
        assert ca is not None
        wire = Wire(port, ca, lab.token("eu-services"))

        call = Call(lambda: wire.post(OPENAI, CHAT, body("console-1")))
        eventually(lambda: ledger.read_bytes().count(b'"kind":"hold"') == 1)
        console.until(lambda: OPENAI in console.screen(), "the held flow")
        console.keys("G")
        console.keys("a")  # mitmproxy's own resume: no way past the approver
        console.keys(":")
        console.type('residency.approve @focus "contract 4711"')
        assert call.result().status == 200
        assert [r.body for r in lab.upstream.requests] == [body("console-1")]

        call = Call(lambda: wire.post(OPENAI, CHAT, body("console-2")))
        eventually(lambda: ledger.read_bytes().count(b'"kind":"hold"') == 2)
        console.until(lambda: console.screen().count(OPENAI) >= 2, "the second flow")
        console.keys("G")
        console.keys(":")
        console.type('residency.deny @focus "no contract"')
        assert call.result().status == 451
        assert len(lab.upstream.requests) == 1

        # An option that opens a way around is refused at run time too.
        console.keys(":")
        console.type("set ignore_hosts .*")
        assert (
            wire.post("bedrock-runtime.us-east-1.amazonaws.com", "/model/x/converse", b"{}").status
            == 451
        )


def test_a5_the_gateway_does_not_start_in_mitmweb(lab: Lab, tmp_path: Path) -> None:
    port = free_port()
    command = [
        str(Path(sys.executable).with_name("mitmweb")), "--no-web-open-browser", "--web-port", str(free_port()),
        "--set", f"confdir={lab.folder / 'confdir'}", *arguments(lab, port, tmp_path),
    ]  # fmt: skip
    done = subprocess.run(
        command,
        capture_output=True,
        timeout=30,
        check=False,
        cwd=tmp_path,
        env=clean_environment() | {"HOME": os.fspath(tmp_path)},
    )

    assert done.returncode == 1
    assert b"mitmweb can edit calls" in done.stdout + done.stderr
