"""The approver's desk: a real ``mitmproxy`` console in a real terminal, worked by keys through tmux."""

import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from scripts.lab.gateway import clean_environment
from scripts.lab.rules import ROOT

SECONDS = 20.0


def available() -> bool:
    """True where tmux is installed."""
    return shutil.which("tmux") is not None


class Desk:
    """A desk for one gateway, in a tmux server of its own.

    Args:
        gateway: URL of the gateway's admin API.
        token_file: File with the approver's token.
        folder: Where mitmproxy may keep its own things.
    """

    def __init__(self, gateway: str, token_file: Path, folder: Path) -> None:
        self._socket = folder / "desk.sock"
        self._folder = folder
        command = [
            str(Path(sys.executable).with_name("mitmproxy")), "-n",
            "--set", f"confdir={folder / 'desk'}",
            "--set", "console_mouse=false",
            "-s", str(ROOT / "addons" / "desk.py"),
            "--set", f"residency_gateway={gateway}",
            "--set", f"residency_token_file={token_file}",
        ]  # fmt: skip
        self._tmux(
            *("-f", "/dev/null", "new-session", "-d", "-x", "180", "-y", "40"),
            shlex.join(command),
        )
        self._tmux("set-option", "-g", "remain-on-exit", "on")

    def screen(self) -> str:
        """What the terminal shows."""
        return self._tmux("capture-pane", "-p")

    def wait_for(self, shown: Callable[[str], bool], what: str) -> str:
        """The screen, once *shown* is true of it.

        Raises:
            RuntimeError: It did not become true in time; the text has the screen.
        """
        deadline = time.monotonic() + SECONDS
        while not shown(screen := self.screen()):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the desk does not show {what}:\n{screen.rstrip()}")
            time.sleep(0.1)
        return screen

    def command(self, text: str) -> None:
        """Type *text* at the console's prompt."""
        self._tmux("send-keys", ":")
        self.wait_for(lambda s: s.rstrip().rpartition("\n")[2].startswith(":"), "its prompt")
        self._tmux("send-keys", "-l", text)
        self._tmux("send-keys", "Enter")

    def stop(self) -> None:
        self._tmux("kill-server", check=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _tmux(self, *arguments: str, check: bool = True) -> str:
        done = subprocess.run(
            ["tmux", "-S", self._socket, *arguments],
            capture_output=True,
            text=True,
            cwd=self._folder,
            # A locale with UTF-8, for the marks; TMUX out of the way of whoever runs the lab in tmux.
            env={k: v for k, v in clean_environment().items() if k != "TMUX"}
            | {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"},
            check=False,
        )
        if check and done.returncode:
            raise RuntimeError(f"tmux {arguments[0]}: {done.stderr.strip()}")
        return done.stdout
