"""The load: a process of its own, with a thread a connection and one request at a time on each (HTTP/1.1, keep-alive).

``measure`` starts it; the process reads a ``Load`` as JSON and prints a ``Measured``. No tool at hand does better: ``wrk``
cannot send CONNECT, and a client library would be slower than what is to be measured.
"""

import dataclasses
import json
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain

from scripts.lab.rules import ROOT

CONNECTIONS = 8
START_SECONDS = 30.0
READ_SECONDS = 20.0
#: Seconds in which an answer has to come, on however busy a machine.
LONG = 4.0

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class LoadFailed(Exception):  # noqa: N818 - named as what is wrong
    """An answer was not 200, or a connection broke: what was measured is no measure."""


class NoAnswer(LoadFailed):
    """None was whole in the time that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What is sent where.

    ``port`` is one of 127.0.0.1: a proxy's if ``token`` is given, else the far side's own. ``request`` is a whole request,
    sent again and again; times are in seconds. With ``rate`` each connection sends so many a second, and what a call takes
    counts from when it was due; without, each sends as soon as it is answered.
    """

    port: int
    token: str | None
    host: str
    ca: str
    request: str
    warmup: float
    seconds: float
    connections: int = CONNECTIONS
    rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Whole answers a second, latencies in milliseconds, and how busy the client was (1.0: one core).

    ``samples_ms`` is every latency, least first, where the load had a rate.
    """

    rate: float
    median_ms: float
    p99_ms: float
    client_busy: float
    samples_ms: list[float] = field(default_factory=list)


def measure(load: Load) -> Measured:
    """Run *load* in a process of its own.

    Raises:
        LoadFailed: Not every answer was 200.
    """
    done = subprocess.run(
        [sys.executable, "-m", "scripts.benches.load"],
        input=json.dumps(dataclasses.asdict(load)),
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=load.warmup + load.seconds + START_SECONDS + READ_SECONDS,
        check=False,
    )
    if done.returncode:
        raise LoadFailed((done.stderr.strip().splitlines() or ["no word"])[-1])
    return Measured(**json.loads(done.stdout))


def run(load: Load) -> Measured:
    """Send *load* from this process. Where no answer came in a time that is short, it is doubled and begun anew."""
    while True:
        try:
            return _run(load)
        except NoAnswer:
            if load.seconds > LONG:
                raise
            load = dataclasses.replace(load, seconds=2 * load.seconds)


def _run(load: Load) -> Measured:
    context = ssl.create_default_context(cafile=load.ca)
    context.set_alpn_protocols(["http/1.1"])
    start = threading.Barrier(load.connections, timeout=START_SECONDS)
    busy, begun = time.process_time(), time.perf_counter()
    with ThreadPoolExecutor(load.connections) as pool:
        futures = [pool.submit(_work, load, context, start, n) for n in range(load.connections)]
        latencies = sorted(chain.from_iterable(f.result() for f in futures))
    if not latencies:
        raise NoAnswer("no answer in all the time")
    return Measured(
        rate=len(latencies) / load.seconds,
        median_ms=latencies[len(latencies) // 2] * 1000,
        p99_ms=latencies[len(latencies) * 99 // 100] * 1000,
        client_busy=(time.process_time() - busy) / (time.perf_counter() - begun),
        samples_ms=[round(s * 1000, 4) for s in latencies] if load.rate else [],
    )


def _work(
    load: Load, context: ssl.SSLContext, start: threading.Barrier, number: int
) -> list[float]:
    """The latencies, in seconds, of the calls that began and ended in the time that counts."""
    request = load.request.encode()
    latencies = []
    try:
        with _connection(load, context) as connection:
            start.wait()
            begin = time.perf_counter() + load.warmup
            end = begin + load.seconds
            for sent in _due(load, end, number):
                connection.sendall(request)
                _answer(connection)
                answered = time.perf_counter()
                if begin <= sent and answered <= end:
                    latencies.append(answered - sent)
    except BaseException:
        start.abort()
        raise
    return latencies


def _due(load: Load, end: float, number: int) -> Iterator[float]:
    """When each call of connection *number* is due, once it is; one connection's come between the others'."""
    if load.rate is None:
        while (now := time.perf_counter()) < end:
            yield now
        return
    due = time.perf_counter() + number / load.connections / load.rate
    while due < end:
        time.sleep(max(0.0, due - time.perf_counter()))
        yield due
        due += 1 / load.rate


def _connection(load: Load, context: ssl.SSLContext) -> ssl.SSLSocket:
    plain = socket.create_connection(("127.0.0.1", load.port), READ_SECONDS)
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if load.token is not None:
        target = f"{load.host}:443"
        plain.sendall(
            f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n"
            f"Proxy-Authorization: Bearer {load.token}\r\n\r\n".encode()
        )
        _head(plain)
    return context.wrap_socket(plain, server_hostname=load.host)


def _head(connection: socket.socket) -> tuple[bytes, bytes]:
    """The head of an answer that is 200, and what came behind it."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            raise LoadFailed("the connection was closed before an answer")
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    line = head.partition(b"\r\n")[0]
    if line.split(b" ")[1:2] != [b"200"]:
        raise LoadFailed(f"answered {line.decode('latin-1')}")
    return head, rest


def _answer(connection: socket.socket) -> None:
    head, rest = _head(connection)
    found = _LENGTH.search(head)
    if found is None:
        raise LoadFailed("an answer without Content-Length")
    missing = int(found[1]) - len(rest)
    while missing > 0:
        more = connection.recv(65536)
        if not more:
            raise LoadFailed("the connection was closed within an answer")
        missing -= len(more)


if __name__ == "__main__":
    print(json.dumps(dataclasses.asdict(run(Load(**json.load(sys.stdin))))))
