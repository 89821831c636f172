"""Callers nobody knows: tokens of a trusted issuer that name keys which it does not have, and clients it never had."""

import base64
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from scripts.benches.scenarios import SCENARIOS
from scripts.lab.issuer import Issuer

HOST = SCENARIOS[0].host
SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Strangers:
    """Those of one *issuer*; *clients* is what its clients' ids begin with, *name* makes them different from others."""

    issuer: str
    clients: str
    name: str

    @contextmanager
    def beside(self, port: int, pace: float) -> Iterator[None]:
        """Come, *pace* a second, whether they are answered or not: tokens and clients by turns."""
        over = threading.Event()

        def work() -> None:
            waiting: deque[socket.socket] = deque()
            number = 0
            while not over.wait(1 / pace):
                number += 1
                sock = socket.create_connection(("127.0.0.1", port), 5)
                sock.sendall(self._says(number))
                waiting.append(sock)
                if len(waiting) > 10 * pace:
                    waiting.popleft().close()
            for sock in waiting:
                sock.close()

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _says(self, number: int) -> bytes:
        if number % 2:
            return connect(self.issuer, f"{self.name}-{number}")
        pair = f"{self.clients}-{number}:{self.name}".encode()
        return _connect("Basic " + base64.b64encode(pair).decode())


def each(port: int, issuer: str, kids: int) -> None:
    """As many different keys, one after another. One connection each: the gateway closes the one that it refused on."""
    for number in range(kids):
        with socket.create_connection(("127.0.0.1", port), SECONDS) as sock:
            sock.sendall(connect(issuer, f"unknown-{number}"))
            if not sock.recv(65536).startswith(b"HTTP/1.1 407"):
                raise RuntimeError("an unknown key was not refused")


def wait_for_keys(*issuers: Issuer) -> None:
    """Until a gateway that has just started has the keys of every one of them."""
    end = time.monotonic() + SECONDS
    while not all("/jwks" in issuer.asked for issuer in issuers) and time.monotonic() < end:
        time.sleep(0.02)
    # Asked for is not read yet.
    time.sleep(0.2)


def connect(issuer: str, kid: str) -> bytes:
    """CONNECT with a token that nobody signed: its key is looked for before its signature is."""
    now = int(time.time())
    head = {"alg": "RS256", "typ": "at+jwt", "kid": kid}
    body = {"iss": issuer, "aud": "residency-gateway", "sub": "s", "iat": now, "exp": now + 60}
    parts = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in (head, body))  # fmt: skip
    return _connect("Bearer " + ".".join((*parts, "c2ln")))


def _connect(credentials: str) -> bytes:
    target = f"{HOST}:443"
    head = f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
    return f"{head}Proxy-Authorization: {credentials}\r\n\r\n".encode()
