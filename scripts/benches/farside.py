"""What all calls reach: nginx over TLS where it is installed, else the lab's own far side, which is slower."""

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.lab.ca import Authority
from scripts.lab.gateway import free_port
from scripts.lab.upstream import Upstream

START_SECONDS = 10.0

# One answer for everything: what counts is the proxy's time, not the far side's.
_CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate};
        ssl_certificate_key {certificate};
        default_type application/json;
        location / {{ return 200 '{{"score": 0.25, "model": "lab", "ok": true}}'; }}
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class FarSide:
    """What stands there, and the port of 127.0.0.1 for each host."""

    name: str
    ports: dict[str, int]


@contextmanager
def far_side(folder: Path, authority: Authority, hosts: Sequence[str]) -> Iterator[FarSide]:
    """A far side for *hosts*, with a certificate of *authority*, until the end of the block.

    Raises:
        RuntimeError: nginx did not start; the text is what it says.
    """
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program:
        with _nginx(program, folder, authority, hosts) as port:
            yield FarSide("nginx", dict.fromkeys(hosts, port))
        return
    with Upstream(authority, hosts) as upstream:
        yield FarSide("the lab's own server (nginx is not installed)", upstream.ports)


@contextmanager
def _nginx(
    program: str, folder: Path, authority: Authority, hosts: Sequence[str]
) -> Iterator[int]:
    folder.mkdir()
    port, file = free_port(), folder / "nginx.conf"
    certificate = authority._leaf(tuple(hosts))
    text = _CONFIGURATION.format(folder=folder, port=port, certificate=certificate)
    file.write_text(text, encoding="utf-8")
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(
            [program, "-p", str(folder), "-c", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(
                    f"nginx did not start: {(folder / 'output').read_text(errors='replace')}"
                )
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 2):
        return True
    return False
