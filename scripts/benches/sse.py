"""How soon an event of a masked call's stream is there, tokens restored, against stock mitmdump that streams.

``first``  from the request to the first byte of the first event; the far side thinks for ``THINKS`` before it
``event``  from the far side's sending an event to its arrival: what the way back costs by itself
"""

import contextlib
import json
import re
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from scripts.benches import names, streaming
from scripts.benches.field import DISK, TOKEN_SECONDS
from scripts.benches.load import Load, _connection
from scripts.benches.spread import Spread
from scripts.lab.ca import Authority
from scripts.lab.gateway import Gateway
from scripts.lab.issuer import Issuer
from scripts.lab.rules import lab_rules

HOST = "us.api.openai.com"
#: Seconds before the first event: a model that answers at once.
THINKS = 0.2
EVENTS = 20
_MASKS = """\
version: 1
sets:
  - {name: personal-data, why: bench, fields: [{path: $.messages, detect: [email], with: token}]}
  - {name: payment-data, why: bench, fields: [{path: $..iban}]}
  - {name: health-data, why: bench, fields: [{path: $..diagnosis}]}
  - {name: credentials, why: bench, fields: [{path: $..password}]}
"""
BODY = json.dumps({"model": "gpt-5", "stream": True,
                   "messages": [{"role": "user", "content": "Write to anna@example.com."}]})  # fmt: skip
REQUEST = (
    f"POST /v1/chat/completions HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n"
    f"Content-Length: {len(BODY)}\r\n\r\n{BODY}"
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Rounds in turns, and calls in each."""

    rounds: int = 7
    calls: int = 20


QUICK = Plan(rounds=1, calls=3)


@dataclass(frozen=True, slots=True)
class Found:
    """Milliseconds, and the rounds' ratios of the gateway to stock, and of stock to itself."""

    first_ms: dict[str, Spread]
    event_ms: dict[str, Spread]
    first: Spread
    event: Spread
    again: Spread


_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class _Far(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        token = re.search(r"<email:[0-9a-f]{16}>|anna@example\.com", body)
        cut = re.findall(r".{1,6}", token[0] if token else "")
        # What is cut waits for its end, here for some events of 2 ms each: all others are what is measured.
        words = ["Dear ", *cut, *["word "] * EVENTS]
        time.sleep(THINKS)
        self.wfile.write(_HEAD)
        for word in words[:EVENTS]:
            delta = {"choices": [{"index": 0, "delta": {"content": word}}]}
            event = f"data: {json.dumps({'at': time.monotonic_ns(), **delta})}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(event), event))
            time.sleep(0.002)
        self.wfile.write(b"0\r\n\r\n")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextlib.contextmanager
def far_side(authority: Authority) -> Iterator[int]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Far)
    server.daemon_threads = True
    server.socket = authority.context(HOST).wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()


def sse(plan: Plan, say: Callable[[str], None]) -> Found:
    """Run all of it; *say* is told what is being done."""
    firsts: dict[str, list[float]] = {}
    events: dict[str, list[float]] = {}
    with _proxies() as loads:
        for number in range(plan.rounds):
            turns = ["stock", "gateway"] if number % 2 == 0 else ["gateway", "stock"]
            for name in [*turns, "again"]:
                first, event = _round(loads["stock" if name == "again" else name], plan.calls)
                firsts.setdefault(name, []).append(first)
                events.setdefault(name, []).append(event)
                say(f"round {number + 1}  {name:<8} first {first:7.2f} ms  event {event:6.2f} ms")

    def ratio(of: dict[str, list[float]], name: str) -> Spread:
        return Spread.of(a / b for a, b in zip(of[name], of["stock"], strict=True))

    return Found(
        {n: Spread.of(v) for n, v in firsts.items()},
        {n: Spread.of(v) for n, v in events.items()},
        ratio(firsts, "gateway"),
        ratio(events, "gateway"),
        ratio(firsts, "again"),
    )


@contextlib.contextmanager
def _proxies() -> Iterator[dict[str, Load]]:
    with contextlib.ExitStack() as stack:
        where = DISK if DISK.is_dir() else None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-", dir=where)))
        authority = Authority(folder / "ca")
        port = stack.enter_context(far_side(authority))
        issuer = stack.enter_context(Issuer())
        rules = lab_rules(folder / "rules", issuer.url)
        (rules / "masks.yaml").write_text(_MASKS)
        policy = rules / "policy.yaml"
        policy.write_text(policy.read_text().partition("\ntests:")[0])
        token = issuer.token("svc-bench", ["analytics"], lifetime=TOKEN_SECONDS)
        resolve = [f"{HOST}=127.0.0.1:{port}"]
        found = {}
        for name in ("stock", "gateway"):
            gateway = stack.enter_context(
                Gateway(
                    rules,
                    workdir=folder / name,
                    confdir=folder / "confdir",
                    trust=authority.file,
                    resolve=resolve,
                    **_stock(resolve) if name == "stock" else {},
                )
            )
            found[name] = Load(port=gateway.port, token=token, host=HOST, ca=str(gateway.ca_file),
                               request=REQUEST, warmup=0, seconds=0)  # fmt: skip
        yield found


def _stock(resolve: list[str]) -> dict[str, Any]:
    scripts = (part for m in (names, streaming) for part in ("-s", str(Path(str(m.__file__)))))
    return {"scripts": (), "extra_args": ("-q", *scripts), "env": {names.VARIABLE: " ".join(resolve)}}  # fmt: skip


def _round(load: Load, calls: int) -> tuple[float, float]:
    """The medians of one round, in milliseconds."""
    context = ssl.create_default_context(cafile=load.ca)
    context.set_alpn_protocols(["http/1.1"])
    firsts: list[float] = []
    events: list[float] = []
    with _connection(load, context) as connection:
        for number in range(calls + 2):
            first, delays = _call(connection)
            # The first ones make connections.
            if number > 1:
                firsts.append(first)
                events += delays
    return Spread.of(firsts).median, Spread.of(events).median


_AT = re.compile(rb'"at": (\d+)')


def _call(connection: ssl.SSLSocket) -> tuple[float, list[float]]:
    begun = time.perf_counter()
    connection.sendall(REQUEST.encode())
    data, first, delays = b"", 0.0, []
    while b"0\r\n\r\n" not in data[-7:]:
        more = connection.recv(65536)
        if not more or (data and not data.startswith(b"HTTP/1.1 200")):
            raise RuntimeError("a stream was not answered as one")
        now = time.monotonic_ns()
        delays += [(now - int(found[1])) / 1e6 for found in _AT.finditer(more)]
        data += more
        if not first and b"data:" in data:
            first = (time.perf_counter() - begun) * 1000
    if b"anna@example.com" not in _said(data):
        raise RuntimeError("a token was not restored")
    return first, delays


def _said(data: bytes) -> bytes:
    return b"".join(m[1] for m in re.finditer(rb'"content": "([^"]*)"', data))


def text(found: Found) -> str:
    lines = [
        f"{name:<8}  first byte {found.first_ms[name].text()} ms   an event {found.event_ms[name].text()} ms"
        for name in ("stock", "gateway")
    ]
    return "\n".join(
        [
            *lines,
            f"gateway / stock, first byte of a far side that thinks {THINKS * 1000:g} ms: {found.first.text()}",
            f"gateway / stock, one event on its way back: {found.event.text()}",
            f"stock / stock, first byte: {found.again.text()}",
        ]
    )


def plain(found: Found) -> dict[str, object]:
    ratios = {n: getattr(found, n).to_plain() for n in ("first", "event", "again")}
    return {"first_ms": {n: s.to_plain() for n, s in found.first_ms.items()},
            "event_ms": {n: s.to_plain() for n, s in found.event_ms.items()}, **ratios}  # fmt: skip
