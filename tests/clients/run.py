"""Start a client as what it is: a process to which nothing of the gateway is given but environment variables."""

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.lab.gateway import Gateway
from scripts.lab.world import Lab

PROGRAMS = Path(__file__).with_name("programs")
SECONDS = 60.0

#: Clients that take any method, URL and body; what ``http_call`` starts.
CURLS = {"curl-h1": "--http1.1", "curl-h2": "--http2"}
# httpx with HTTP/2 on (httpcore 1.0) names http/1.1 first in ALPN, and mitmproxy takes the client's first.
LIBRARIES = ("requests", "httpx-h1", "httpx-h2", "urllib")
CLIENTS = (*CURLS, *LIBRARIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a client shows its user. Status 0: no answer at all, only the client's *complaint*."""

    status: int = 0
    version: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    complaint: str = ""

    @property
    def problem(self) -> Any:
        assert self.headers["content-type"] == "application/problem+json"
        return json.loads(self.body)


def environment(lab: Lab, token: str = "", gateway: Gateway | None = None) -> dict[str, str]:
    """``Lab.client_env``, for another gateway of the lab's where one is named, and with what git and node read."""
    proxy = (gateway or lab.gateway).proxy_url(token)
    ca = str(lab.gateway.ca_file)
    usual = {k: v for k, v in lab.client_env(token).items() if not k.startswith(("PIP_", "GIT_"))}
    return usual | {
        "HTTPS_PROXY": proxy,
        "https_proxy": proxy,
        "GIT_SSL_CAINFO": ca,
        "GIT_TERMINAL_PROMPT": "0",
        "NODE_EXTRA_CA_CERTS": ca,
        "NODE_USE_ENV_PROXY": "1",
        "PIP_CONFIG_FILE": "/dev/null",
    }


def http_call(
    client: str, env: Mapping[str, str], url: str, body: bytes = b"", *, method: str = "POST"
) -> Seen:
    """What *client*, one of ``CLIENTS``, shows for one call."""
    if client in CURLS:
        extra = ("--head",) if method == "HEAD" else ("--request", method)
        data = ("--data-binary", "@-", "--header", "Content-Type: application/json")
        return curl(CURLS[client], *extra, *(data if body else ()), url, env=env, stdin=body)
    found = program("call", client, method, url, env=env, stdin=body)
    return Seen(**{**found, "body": base64.b64decode(found.get("body", ""))})


def curl(*arguments: str, env: Mapping[str, str], stdin: bytes = b"") -> Seen:
    """What curl shows; its complaint begins with its exit status, if that is not 0."""
    with tempfile.TemporaryDirectory() as folder:
        head, body = Path(folder, "head"), Path(folder, "body")
        body.touch()
        done = subprocess.run(
            [
                *("curl", "--silent", "--show-error", "--max-time", str(SECONDS)),
                *("--dump-header", head, "--output", body, "--suppress-connect-headers"),
                *("--write-out", "%{http_code} %{http_version}", *arguments),
            ],
            input=stdin, capture_output=True, env=env, cwd=folder, timeout=SECONDS + 5, check=False,
        )  # fmt: skip
        status, version = done.stdout.decode().split()
        complaint = f"{done.returncode} {done.stderr.decode()}" if done.returncode else ""
        return Seen(
            status=int(status),
            version=version,
            headers=_last(head.read_bytes().decode("latin-1")),
            body=b"" if "--head" in arguments else body.read_bytes(),
            complaint=complaint,
        )


def _last(heads: str) -> dict[str, str]:
    """The headers of the last of the *heads* that came, interim answers before it."""
    blocks = [b for b in heads.split("\r\n\r\n") if b.strip()]
    lines = blocks[-1].split("\r\n")[1:] if blocks else []
    pairs = (line.partition(":") for line in lines)
    return {name.lower(): value.strip() for name, _, value in pairs}


def command(name: str, *arguments: str) -> list[str]:
    """The command line of a program in ``programs``."""
    return [sys.executable, str(PROGRAMS / f"{name}.py"), *arguments]


def program(
    name: str, *arguments: str, env: Mapping[str, str], stdin: bytes = b""
) -> dict[str, Any]:
    """The JSON object that a program in ``programs`` prints."""
    found = json.loads(run(command(name, *arguments), env=env, stdin=stdin).stdout)
    assert isinstance(found, dict)
    return found


def run(
    argv: Sequence[str], *, env: Mapping[str, str], stdin: bytes = b"", check: bool = True
) -> subprocess.CompletedProcess[bytes]:
    """A client from start to end."""
    done = subprocess.run(
        argv, input=stdin, capture_output=True, env=env, cwd=tempfile.gettempdir(), timeout=SECONDS, check=False,
    )  # fmt: skip
    assert not check or done.returncode == 0, done.stderr.decode(errors="replace")
    return done
