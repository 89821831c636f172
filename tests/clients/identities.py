"""Clients and ways of identity: what each client does with nothing but environment variables.

    python -m tests.clients.identities     prints the table, each cell run for real

A way of proving who calls is a row of ``WAYS``: environment variables, made for a lab and its gateway. A client is
a row of ``CLIENTS``: it makes one call with what is in its environment, and says whether it got what it asked for.
"""

import hashlib
import io
import json
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path

from scripts.lab.gateway import Gateway
from scripts.lab.npm import Unavailable
from scripts.lab.world import Lab
from tests.clients import node
from tests.clients.farside import PRIVATE, Exchange, FarSide
from tests.clients.house import MORE, TLS, house, variables
from tests.clients.run import PROGRAMS, environment, http_call, run

GROUP = "eu-services"
COMMIT = "0123456789abcdef0123456789abcdef01234567"

type Environment = Mapping[str, str]


def _proxy(gateway: Gateway, user: str, password: str, scheme: str = "http") -> dict[str, str]:
    url = f"{scheme}://{user}:{password}@127.0.0.1:{gateway.port}"
    return {"HTTPS_PROXY": url, "https_proxy": url}


#: Way → the variables that say who calls, on top of ``environment``. One more is one line more.
WAYS: dict[str, Callable[[Lab, Gateway], dict[str, str]]] = {
    "JWT as password": lambda lab, gateway: _proxy(gateway, "token", lab.token(GROUP)),
    "JWT as user": lambda lab, gateway: _proxy(gateway, lab.token(GROUP), ""),
    "JWT as user, password x": lambda lab, gateway: _proxy(gateway, lab.token(GROUP), "x"),
}


def _library(name: str) -> Callable[[Environment], str]:
    def call(env: Environment) -> str:
        seen = http_call(name, env, f"https://{PRIVATE}/score", b'{"a": 1}')
        return "" if seen.status == 200 else f"{seen.status} {seen.complaint}"

    return call


def _node(env: Environment) -> str:
    argv = ["node", str(PROGRAMS / "fetch.mjs"), f"https://{PRIVATE}/score"]
    done = run(argv, env={**env, **node.variables()}, stdin=b'{"a": 1}')
    found = json.loads(done.stdout)
    return "" if found.get("status") == 200 else str(found)


def _git(env: Environment) -> str:
    done = run(["git", "ls-remote", f"https://{PRIVATE}/project.git"], env=env, check=False)
    return "" if COMMIT.encode() in done.stdout else done.stderr.decode()


def _pip(env: Environment) -> str:
    with tempfile.TemporaryDirectory() as folder:
        done = run(
            [sys.executable, "-m", "pip", "download", "--no-cache-dir", "--disable-pip-version-check", "--no-deps", "-q",
             "--retries", "0", "--dest", folder, "--index-url", f"https://{PRIVATE}/simple/", "thing"],
            env=env, check=False,
        )  # fmt: skip
        return "" if list(Path(folder).glob("thing-*.whl")) else done.stderr.decode()


#: Client → one call; empty if it got its answer, else what it complains of.
CLIENTS: dict[str, Callable[[Environment], str]] = {
    "curl": _library("curl-h1"),
    "requests": _library("requests"),
    "httpx": _library("httpx-h1"),
    "aiohttp": _library("aiohttp"),
    "urllib": _library("urllib"),
    "node fetch": _node,
    "git": _git,
    "pip": _pip,
}

#: What a client cannot, and why. All else must work.
CANNOT: dict[tuple[str, str], str] = {
    ("urllib", "JWT as user"): "sends no credentials where the password is empty",
    ("node fetch", "JWT as user"): "sends no credentials where the password is empty",
    ("curl", TLS): "no variable names a CA for the proxy; --proxy-cacert does",
    ("git", TLS): "no variable names a CA for the proxy; http.proxySSLCAInfo does",
    ("aiohttp", TLS): "ignores an https:// proxy of the environment",
}

#: What works, and is not what it seems.
BUT: dict[tuple[str, str], str] = {
    ("urllib", TLS): "yes, but speaks to the proxy without TLS all the same"
}


def serve(exchange: Exchange) -> None:
    """What the clients ask for: a function's answer, a repository's refs, a package."""
    for _ in exchange.body():
        pass
    wheel = _wheel()
    known = {
        "/score": ("application/json", b'{"score": 1}'),
        "/project.git/info/refs": ("text/plain", f"{COMMIT}\trefs/heads/main\n".encode()),
        "/project.git/HEAD": ("text/plain", b"ref: refs/heads/main\n"),
        "/simple/thing/": (
            "text/html",
            f'<a href="/thing-1-py3-none-any.whl#sha256={hashlib.sha256(wheel).hexdigest()}">thing-1-py3-none-any.whl</a>'.encode(),
        ),
        "/thing-1-py3-none-any.whl": ("application/octet-stream", wheel),
    }
    kind, body = known.get(exchange.path.partition("?")[0], ("", b""))
    status = "200 OK" if kind else "404 Not Found"
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind or 'text/plain'}\r\nContent-Length: {len(body)}\r\n\r\n"
    exchange.raw(head.encode() + body)


def _wheel() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name, text in (
            ("thing.py", ""),
            ("thing-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: thing\nVersion: 1\n"),
            ("thing-1.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: lab\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            ("thing-1.dist-info/RECORD", ""),
        ):  # fmt: skip
            file.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()


def attempt(lab: Lab, gateway: Gateway, client: str, way: str) -> str:
    """One cell: empty if *client* got its answer, else what it complains of.

    Raises:
        Unavailable: The client is not to be had here.
    """
    return CLIENTS[client]({**environment(lab, gateway=gateway), **WAYS[way](lab, gateway)})


def table() -> str:
    ways = [*WAYS, *MORE]
    lines = [f"| client | {' | '.join(ways)} |", f"|---|{'---|' * len(ways)}"]
    with (
        house() as (lab, provider),
        FarSide(lab.authority) as far,
        lab.start(resolve=far.resolve) as gateway,
    ):
        far.serve = serve
        for client, call in CLIENTS.items():
            cells = []
            for way in ways:
                extra = WAYS[way](lab, gateway) if way in WAYS else variables(way, lab, gateway, provider)  # fmt: skip
                try:
                    failed = call({**environment(lab, gateway=gateway), **extra})
                except Unavailable as e:
                    cells.append(f"not tried: {e}")
                    continue
                cells.append(
                    f"no: {CANNOT.get((client, way), failed[:200])}"
                    if failed
                    else BUT.get((client, way), "yes")
                )
            lines.append(f"| {client} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
