"""A far side that does on the wire what a test tells it to: pauses in the middle, odd framings, broken endings."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from scripts.lab.ca import Authority

PRIVATE = "functions.private.example.com"
MODELS = ("api.openai.com", "api.anthropic.com", "bedrock-runtime.us-east-1.amazonaws.com")
HOSTS = (PRIVATE, "us.api.openai.com", *MODELS)
BLOCK = 64 * 1024
SECONDS = 20.0


class Exchange(BaseHTTPRequestHandler):
    """One request, and raw access to its answer."""

    protocol_version = "HTTP/1.1"
    far: "FarSide"

    def body(self) -> Iterator[bytes]:
        """The request's body as it comes, whichever way it is framed; counted in ``FarSide.seen``."""
        if self.headers.get("transfer-encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                yield from self._exactly(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            yield from self._exactly(int(self.headers.get("content-length", "0")))

    def _exactly(self, left: int) -> Iterator[bytes]:
        while left:
            data = self.rfile.read1(min(left, BLOCK))
            if not data:
                raise ConnectionError("the request was cut short")
            left -= len(data)
            self.far.seen += len(data)
            yield data

    def raw(self, data: bytes) -> None:
        self.wfile.write(data)
        self.wfile.flush()

    def chunk(self, data: bytes) -> None:
        """One chunk of a chunked answer; an empty one is its end."""
        self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    def hang_up(self) -> None:
        self.close_connection = True

    def _any(self) -> None:
        self.far.serve(self)

    do_GET = do_HEAD = do_POST = do_PUT = _any  # noqa: N815 - the names that http.server calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news here."""


def sink(exchange: Exchange) -> None:
    """Read all of the body, and answer its length and digest."""
    digest = hashlib.sha256()
    count = 0
    for data in exchange.body():
        digest.update(data)
        count += len(data)
    text = json.dumps({"bytes": count, "sha256": digest.hexdigest()}).encode()
    exchange.raw(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(text), text))


class FarSide:
    """Runs in threads, from construction to ``stop``, for every one of *hosts* on one port.

    ``serve`` answers each request, ``seen`` counts bytes of bodies as they come, ``go`` is what a serving function
    may wait for in the middle of its work.
    """

    def __init__(self, authority: Authority, hosts: tuple[str, ...] = HOSTS) -> None:
        self._hosts = hosts
        self.clear()
        handler = type("Handler", (Exchange,), {"far": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        # The handshake is done by the connection's own thread, at its first read.
        self._server.socket = authority.context(*hosts).wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        threading.Thread(target=self._server.serve_forever, name="far-side", daemon=True).start()

    def clear(self) -> None:
        self.serve: Callable[[Exchange], None] = sink
        self.seen = 0
        self.go = threading.Event()

    @property
    def resolve(self) -> list[str]:
        return [f"{host}=127.0.0.1:{self._server.server_port}" for host in self._hosts]

    def wait(self) -> bool:
        """Wait for ``go``; false if it never came."""
        return self.go.wait(SECONDS)

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
