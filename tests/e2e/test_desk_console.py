"""The desk in a real ``mitmproxy`` console, worked by keys in a real terminal (tmux)."""

import asyncio
import json
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from scripts.lab.client import Client
from scripts.lab.world import Lab
from tests.admin_api import TOKEN, AdminApi, in_thread

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed here"),
]

ROOT = Path(__file__).parents[2]


class Console:
    """``mitmproxy`` with *arguments* in a terminal of its own; nothing is left of it afterwards."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._folder = folder
        self._socket = folder / "tmux.sock"
        program = Path(sys.executable).with_name("mitmproxy")
        self.confdir = folder / "confdir"
        self._command = [str(program), "--set", f"confdir={self.confdir}", *arguments]

    def __enter__(self) -> Self:
        # tmux 3.3a does not always notice a program's end (``remain-on-exit``), a shell does.
        command = f"{shlex.join(self._command)}; echo ended with $?; exec sleep 600"
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", "160", "-y", "40", command)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], check=False)

    def keys(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def screen(self) -> str:
        # -S: what has scrolled off belongs to it.
        return self._tmux("capture-pane", "-p", "-J", "-S", "-200")

    def line(self, word: str) -> str:
        """The first line of the list that has *word*; empty if there is none."""
        return next((x for x in self.screen().splitlines() if word in x and "HOLD" in x), "")

    def exit_code(self) -> str:
        """Empty while it runs."""
        found = re.search(r"^ended with (\d+)", self.screen(), re.MULTILINE)
        return found[1] if found else ""

    def until[T](self, ask: Callable[[], T], what: str, seconds: float = 20) -> T:
        deadline = time.monotonic() + seconds
        while not (found := ask()):
            assert time.monotonic() < deadline, f"never: {what}\n{self.screen()}"
            time.sleep(0.1)
        return found

    def shows(self, text: str) -> None:
        self.until(lambda: text in self.screen(), text)

    def _tmux(self, *arguments: str) -> str:
        done = subprocess.run(
            ["tmux", "-S", str(self._socket), *arguments],
            capture_output=True,
            text=True,
            check=True,
            env={"PATH": "/usr/bin:/bin", "TERM": "xterm-256color", "LC_ALL": "C.UTF-8", "HOME": str(self._folder)},
        )  # fmt: skip
        return done.stdout


def desk(folder: Path, url: str, token: str, *more: str) -> Console:
    token_file = folder / "token"
    token_file.write_text(token)
    return Console(
        folder,
        *("-n", "-s", str(ROOT / "addons" / "desk.py")),
        *("--set", f"residency_gateway={url}", "--set", f"residency_token_file={token_file}"),
        *more,
    )


@pytest.fixture
def served() -> Iterator[tuple[AdminApi, asyncio.AbstractEventLoop]]:
    with in_thread() as found:
        yield found


@pytest.fixture
def api(served: tuple[AdminApi, asyncio.AbstractEventLoop]) -> AdminApi:
    return served[0]


def test_a_call_is_approved_with_a_key_and_leaves(api: AdminApi, tmp_path: Path) -> None:
    id_ = api.hold(1)
    with desk(tmp_path, api.url, TOKEN) as console:
        console.until(lambda: "⌛" in console.line("gpt-1"), "the waiting call")
        console.keys("Y")
        console.shows(
            "Approve openai:chat.completions:gpt-1 at api.openai.com → US, for alice. Reason:"
        )
        console.type('it\'s in contract "4711"')
        console.until(lambda: "✅" in console.line("gpt-1"), "the mark of approval")
        console.shows(": the hold is approved")
        console.until(lambda: not console.line("gpt-1"), "the call leaving")

    assert api.rulings == [(id_, {"ruling": "approve", "reason": 'it\'s in contract "4711"'})]


def test_a_later_call_is_denied_with_a_key_from_its_details(api: AdminApi, tmp_path: Path) -> None:
    api.hold(1)
    with desk(tmp_path, api.url, TOKEN) as console:
        console.until(lambda: console.line("gpt-1"), "the first call")
        id_ = api.hold(2)
        console.until(lambda: console.line("gpt-2"), "the second call")
        console.keys("Down", "Enter")
        console.shows("personal-data 2 ($.messages[*].content 2)")
        console.shows("Y (yes) approves and R (refuse) denies")
        console.keys("R")
        console.shows("Deny openai:chat.completions:gpt-2")
        console.type("no ground")
        console.until(lambda: api.rulings, "the ruling")
        console.keys("q")
        console.until(lambda: "❌" in console.line("gpt-2"), "the mark of denial")
        assert "⌛" in console.line("gpt-1")

    assert api.rulings == [(id_, {"ruling": "deny", "reason": "no ground"})]


def test_a_call_is_approved_by_a_command_on_the_focus(api: AdminApi, tmp_path: Path) -> None:
    id_ = api.hold(1)
    with desk(tmp_path, api.url, TOKEN) as console:
        console.until(lambda: console.line("gpt-1"), "the call")
        console.keys(":")
        console.type('residency.approve @focus "contract 4711"')
        console.until(lambda: "✅" in console.line("gpt-1"), "the mark of approval")

    assert api.rulings == [(id_, {"ruling": "approve", "reason": "contract 4711"})]


def test_escape_at_the_prompt_rules_nothing(api: AdminApi, tmp_path: Path) -> None:
    api.hold(1)
    with desk(tmp_path, api.url, TOKEN) as console:
        console.until(lambda: console.line("gpt-1"), "the call")
        console.keys("Y")
        console.shows("Reason:")
        console.keys("Escape")
        console.until(lambda: "Reason:" not in console.screen(), "the prompt's end")
        asked = api.requests
        console.until(lambda: api.requests > asked + 1, "two more polls")

    assert not api.rulings


def test_replaying_a_card_goes_nowhere(api: AdminApi, tmp_path: Path) -> None:
    api.hold(1)
    with desk(tmp_path, api.url, TOKEN) as console:
        console.until(lambda: console.line("gpt-1"), "the call")
        console.keys("r")
        console.until(lambda: "err" in console.line("gpt-1"), "the refusal")
        assert "no connections" in console.line("gpt-1")


def test_a_gateway_that_comes_back_is_found_again(
    served: tuple[AdminApi, asyncio.AbstractEventLoop], tmp_path: Path
) -> None:
    api, loop = served
    api.hold(1)
    with desk(tmp_path, api.url, TOKEN) as console:
        console.until(lambda: "⌛" in console.line("gpt-1"), "the waiting call")
        loop.call_soon_threadsafe(api.stop)
        console.shows("no answer from")
        console.until(lambda: "⚠" in console.line("gpt-1"), "the mark of doubt")
        loop.call_soon_threadsafe(api.start)
        console.until(lambda: "⌛" in console.line("gpt-1"), "the waiting call again")


def test_the_token_is_nowhere_on_screen_or_disk_and_it_ends_cleanly(
    api: AdminApi, tmp_path: Path
) -> None:
    api.hold(1)
    with desk(tmp_path, api.url, TOKEN) as console:
        console.until(lambda: console.line("gpt-1"), "the call")
        api.tokens = set()
        console.shows("identity-expired")
        console.keys("E")
        console.shows("Loading script")
        assert TOKEN not in console.screen()
        console.keys("Q")
        assert console.until(console.exit_code, "the end") == "0"
        assert "Traceback" not in console.screen()

    written = [p for p in tmp_path.rglob("*") if p.is_file() and p.name != "token"]
    assert not [p for p in written if TOKEN.encode() in p.read_bytes()]


DESK = ("-s", str(ROOT / "addons" / "desk.py"))
STAGE = ("-s", str(ROOT / "addons" / "region.py"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-n", *DESK], ["residency_gateway: names no gateway", "residency_token_file: names no file"]),
        (["-n", *DESK, "--set", "residency_gatewy=x"], ["residency_gatewy: there is no such option"]),
        (["-p", "0", *DESK], ["add -n, so that nothing listens"]),
        (["-p", "0", *DESK, *STAGE], ["cannot share a process with the gateway"]),
        (["-p", "0", *STAGE, *DESK], ["cannot share a process with the gateway"]),
    ],
    ids=["no options", "a slip of the pen", "a proxy that listens", "a stage after it", "a stage before it"],
)  # fmt: skip
def test_a_desk_that_cannot_work_says_why_and_ends_with_1(
    arguments: list[str], words: list[str], tmp_path: Path
) -> None:
    with Console(tmp_path, *arguments) as console:
        assert console.until(console.exit_code, "the end") == "1"
        screen = " ".join(console.screen().split())

    assert all(w in screen for w in words), screen


def test_a_call_that_a_real_gateway_holds_is_approved_at_the_desk(
    lab: Lab, tmp_path: Path
) -> None:
    email = "ada.canary@example.com"
    body = json.dumps({"model": "gpt-5", "messages": [], "metadata": {"email": email}}).encode()
    url = "https://api.openai.com/v1/chat/completions"
    caller = lab.token("eu-services")
    with (
        desk(tmp_path, lab.gateway.admin_url, lab.approver_token()) as console,
        Client(lab, "post_httpx", url, token=caller, stdin=body) as client,
    ):
        line = console.until(lambda: console.line("gpt-5"), "the held call")
        console.keys("Enter")
        console.shows("Hold-Id")
        details = console.screen()
        console.keys("Y")
        console.shows("Reason:")
        console.type("contract 4711")
        answer = client.result()
        console.keys("q")
        console.until(lambda: "✅" in console.line("gpt-5"), "the mark of approval")

    assert answer["status"] == 200
    assert [r.body for r in lab.upstream.requests] == [body]
    assert "api.openai.com" in line
    assert "personal-data 1 ($..email 1)" in details
    assert email not in line + details
