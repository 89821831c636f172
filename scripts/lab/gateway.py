"""A real ``mitmdump`` with the gateway's scripts, as a process of its own."""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from scripts.lab.rules import ROOT

START_SECONDS = 90.0
STOP_SECONDS = 15.0

# The lab's own requests must not take a detour through the proxy of whoever starts it.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class GatewayFailed(Exception):  # noqa: N818 - named as what is wrong
    """The process has ended, or did not become ready. The text is all that it printed."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and that for a minute goes to whoever names it and nobody else.

    A connection to it is closed from this end, which leaves the port in TIME_WAIT: a server that names it may listen
    there (with SO_REUSEADDR, as all do), and the kernel gives it to none that asks for any port.
    """
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        with socket.create_connection(server.getsockname()) as client:
            accepted, _ = server.accept()
            accepted.close()
            client.recv(1)
        return int(server.getsockname()[1])


def clean_environment() -> dict[str, str]:
    """This process's environment without anything about proxies, certificates or the gateway."""
    prefixes = ("RESIDENCY_", "AWS_", "OPENAI_", "COV_")
    names = {"ssl_cert_file", "ssl_cert_dir", "requests_ca_bundle", "curl_ca_bundle"}
    return {
        k: v
        for k, v in os.environ.items()
        if not k.lower().endswith("_proxy") and k.lower() not in names
        and not k.startswith(prefixes)
    }  # fmt: skip


class Gateway:
    """Starts at once, and is ready when the constructor returns.

    Args:
        rules: The rules folder.
        workdir: Where confdir, ledger and output go.
        trust: CA file that the gateway trusts upstream.
        resolve: ``HOST=ADDRESS:PORT`` entries.
        scripts: Paths below the repository's top, or absolute ones. None at all is a stock ``mitmdump``.
        extra_args: More arguments of ``mitmdump``.
        env: More environment variables.
        confdir: Another confdir than a new one, for the same CA after a restart.

    Raises:
        GatewayFailed: It did not become ready.
    """

    def __init__(
        self,
        rules: Path,
        *,
        workdir: Path,
        trust: Path | None = None,
        resolve: Iterable[str] = (),
        scripts: Sequence[str] = ("addons/chain.py",),
        extra_args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        confdir: Path | None = None,
    ) -> None:
        workdir.mkdir(parents=True, exist_ok=True)
        self.port, self.admin_port = free_port(), free_port()
        self.ledger_file = workdir / "ledger.jsonl"
        self.log_file = workdir / "gateway.log"
        self._confdir = confdir or workdir / "confdir"
        settings = [f"confdir={self._confdir}"]
        if trust:
            settings.append(f"ssl_verify_upstream_trusted_ca={trust}")
        self._stock = not scripts
        if scripts:
            settings += [
                f"residency_rules={rules}",
                f"residency_ledger={self.ledger_file}",
                f"residency_admin=127.0.0.1:{self.admin_port}",
                *(f"residency_resolve={entry}" for entry in resolve),
            ]
        argv = [
            str(Path(sys.executable).with_name("mitmdump")),
            *("--listen-host", "127.0.0.1", "--listen-port", str(self.port)),
            *(part for setting in settings for part in ("--set", setting)),
            *(part for script in scripts for part in ("-s", str(ROOT / script))),
            *extra_args,
        ]
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=workdir,
                env=clean_environment() | dict(env or {}),
            )
        try:
            self._wait()
        except BaseException:
            self.stop()
            raise

    @property
    def ca_file(self) -> Path:
        """The CA that clients of the gateway have to trust."""
        return self._confdir / "mitmproxy-ca-cert.pem"

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.admin_port}"

    def proxy_url(self, token: str = "") -> str:
        """What a service sets ``HTTPS_PROXY`` to; without a token, one of nobody.

        The token is the password: botocore 1.44 sends no credentials at all where the password is empty.
        """
        return f"http://{f'token:{token}@' if token else ''}127.0.0.1:{self.port}"

    def ledger(self) -> list[dict[str, Any]]:
        """The records so far; a line that is just being written is left out."""
        if not self.ledger_file.exists():
            return []
        text = self.ledger_file.read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines(keepends=True) if line[-1:] == "\n"]

    def output(self) -> str:
        """Everything it has printed so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def ask(self, path: str, token: str, body: object | None = None) -> Any:
        """What the admin API answers to an approver: GET, or POST of *body* as JSON.

        Raises:
            urllib.error.HTTPError: It refuses.
        """
        request = urllib.request.Request(  # noqa: S310 - loopback
            self.admin_url + path,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {token}", "Content-Type": "application/json"},
        )
        with _DIRECT.open(request, timeout=10) as answer:
            return json.loads(answer.read())

    def stop(self) -> None:
        """End the process: asked first, then made to."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not (self._listens() if self._stock else self._is_ready() and self._listens()):
            if self.process.poll() is not None:
                text = self.output()
                raise GatewayFailed(f"exit {self.process.returncode}:\n{text}")
            if time.monotonic() > deadline:
                raise GatewayFailed(f"not ready after {START_SECONDS:g} s:\n{self.output()}")
            time.sleep(0.05)

    def _is_ready(self) -> bool:
        try:
            with _DIRECT.open(f"{self.admin_url}/health", timeout=2) as answer:
                return bool(json.loads(answer.read())["ready"] is True)
        except (OSError, ValueError):
            return False

    def _listens(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 2):
            return True
        return False
