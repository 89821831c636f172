"""Callers nobody knows: tokens of a trusted issuer that name keys which it does not have."""

import base64
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from scripts.benches.scenarios import SCENARIOS

HOST = SCENARIOS[0].host
SECONDS = 20.0


@contextmanager
def beside(port: int, issuer: str, pace: float) -> Iterator[None]:
    """Strangers with tokens of *issuer* and unknown keys, *pace* a second, whether they are answered or not."""
    over = threading.Event()

    def work() -> None:
        waiting: deque[socket.socket] = deque()
        number = 0
        while not over.wait(1 / pace):
            number += 1
            sock = socket.create_connection(("127.0.0.1", port), 5)
            sock.sendall(connect(issuer, f"beside-{number}"))
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


def each(port: int, issuer: str, kids: int) -> None:
    """As many different keys, one after another. One connection each: the gateway closes the one that it refused on."""
    for number in range(kids):
        with socket.create_connection(("127.0.0.1", port), SECONDS) as sock:
            sock.sendall(connect(issuer, f"unknown-{number}"))
            if not sock.recv(65536).startswith(b"HTTP/1.1 407"):
                raise RuntimeError("an unknown key was not refused")


def connect(issuer: str, kid: str) -> bytes:
    """CONNECT with a token that nobody signed: its key is looked for before its signature is."""
    now = int(time.time())
    head = {"alg": "RS256", "typ": "at+jwt", "kid": kid}
    body = {"iss": issuer, "aud": "residency-gateway", "sub": "s", "iat": now, "exp": now + 60}
    parts = (base64.urlsafe_b64encode(json.dumps(p).encode()).rstrip(b"=").decode() for p in (head, body))  # fmt: skip
    token = ".".join((*parts, "c2ln"))
    target = f"{HOST}:443"
    return f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Bearer {token}\r\n\r\n".encode()
