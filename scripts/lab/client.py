"""Run a service: a process of its own, to which nothing is given but environment, arguments and standard input."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Self

from scripts.lab.world import Lab

CLIENTS = Path(__file__).with_name("clients")
SECONDS = 60.0


class Client:
    """A running program of ``scripts/lab/clients``; ``with`` ends it, whatever happens."""

    def __init__(
        self, lab: Lab, program: str, *arguments: str, token: str, stdin: bytes = b""
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(CLIENTS / f"{program}.py"), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=lab.folder,
            env=lab.client_env(token),
        )
        assert self._process.stdin is not None
        self._process.stdin.write(stdin)
        self._process.stdin.close()
        self._process.stdin = None

    def result(self) -> dict[str, Any]:
        """What it printed, once it has ended.

        Raises:
            RuntimeError: It failed; the text is the end of its complaint.
        """
        out, err = self._process.communicate(timeout=SECONDS)
        if self._process.returncode:
            lines = err.decode(errors="replace").strip().splitlines() or ["no word"]
            raise RuntimeError(f"client failed: {lines[-1]}")
        found = json.loads(out)
        assert isinstance(found, dict)
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.communicate()


def call(
    lab: Lab, program: str, *arguments: str, token: str, stdin: bytes = b""
) -> dict[str, Any]:
    """What *program* printed."""
    with Client(lab, program, *arguments, token=token, stdin=stdin) as client:
        return client.result()


def curl(lab: Lab, *arguments: str, token: str = "", stdin: bytes = b"") -> tuple[int, str]:
    """curl's exit status and standard output; ``--cacert`` names the gateway's CA."""
    done = subprocess.run(
        ["curl", "--silent", "--max-time", "30", "--cacert", lab.gateway.ca_file, *arguments],
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=lab.folder,
        env=lab.client_env(token),
        check=False,
    )
    return done.returncode, done.stdout.decode(errors="replace")
