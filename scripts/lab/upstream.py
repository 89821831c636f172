"""The far sides: one TLS server a host, each on a port of its own, that keep all that reaches them."""

import asyncio
import contextlib
import sys
import threading
from collections.abc import Callable, Iterable
from typing import Self

import h11

from scripts.lab.answers import Answer, Received, answer
from scripts.lab.ca import Authority


class Upstream:
    """Runs in a thread, from construction to ``stop``.

    ``ports`` maps each host to its port on 127.0.0.1. ``accepts`` counts TCP connections (before TLS),
    ``received_bytes`` what came out of TLS, ``requests`` holds every whole request.
    """

    def __init__(
        self,
        authority: Authority,
        hosts: Iterable[str],
        *,
        answers: Callable[[Received], Answer] = answer,
    ) -> None:
        self.answers = answers
        self.ports: dict[str, int] = {}
        self.clear()
        self._open: set[asyncio.Transport] = set()
        self._loop = asyncio.new_event_loop()
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._run, name="lab-upstream", daemon=True)
        self._thread.start()
        for host in hosts:
            context = authority.context(host)
            serve = self._loop.create_server(self._factory(host), "127.0.0.1", 0, ssl=context)
            server = asyncio.run_coroutine_threadsafe(serve, self._loop).result(10)
            self._servers.append(server)
            self.ports[host] = server.sockets[0].getsockname()[1]

    def clear(self) -> None:
        """Forget all that has come so far."""
        self.requests: list[Received] = []
        self.accepts = 0
        self.received_bytes = 0

    @property
    def resolve(self) -> list[str]:
        """``HOST=ADDRESS:PORT`` of each, as the option ``residency_resolve`` takes it."""
        return [f"{host}=127.0.0.1:{port}" for host, port in self.ports.items()]

    def stop(self) -> None:
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self) -> None:
        # A client that ends a TLS connection roughly is no news here.
        self._loop.set_exception_handler(lambda _loop, _context: None)
        self._loop.run_forever()
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
            if sys.version_info >= (3, 13):
                # Those in the middle of a TLS handshake, too.
                server.abort_clients()
        for connection in list(self._open):
            connection.abort()
        gone = asyncio.gather(*(server.wait_closed() for server in self._servers))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(gone, 2)

    def _factory(self, host: str) -> Callable[[], asyncio.Protocol]:
        def make() -> asyncio.Protocol:
            self.accepts += 1
            return _Connection(self, host)

        return make


class _Connection(asyncio.Protocol):
    """One connection, HTTP/1.1 with keep-alive, by h11."""

    def __init__(self, upstream: Upstream, host: str) -> None:
        self._upstream = upstream
        self._host = host
        self._http = h11.Connection(h11.SERVER)
        self._request: h11.Request | None = None
        self._body = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._upstream._open.add(transport)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._upstream._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        self._upstream.received_bytes += len(data)
        self._http.receive_data(data)
        try:
            self._advance()
        except h11.ProtocolError:
            self._transport.close()

    def _advance(self) -> None:
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._send(h11.InformationalResponse(status_code=100, headers=[]))
                return
            if isinstance(event, h11.Request):
                self._request, self._body = event, bytearray()
            elif isinstance(event, h11.Data):
                self._body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self._answer()
            if event is h11.PAUSED or self._http.our_state in (h11.MUST_CLOSE, h11.CLOSED):
                self._transport.close()
                return

    def _answer(self) -> None:
        assert self._request is not None
        received = Received(
            host=self._host,
            method=self._request.method.decode("ascii"),
            path=self._request.target.decode("latin-1"),
            headers=tuple(
                (n.decode("latin-1"), v.decode("latin-1")) for n, v in self._request.headers
            ),
            body=bytes(self._body),
        )
        self._upstream.requests.append(received)
        found = self._upstream.answers(received)
        headers = list(found.headers.items())
        if len(found.chunks) <= 1:
            headers.append(("Content-Length", str(sum(map(len, found.chunks)))))
        self._send(h11.Response(status_code=found.status, headers=headers, reason=b"Lab"))
        if received.method != "HEAD":
            for chunk in found.chunks:
                self._send(h11.Data(data=chunk))
        self._send(h11.EndOfMessage())
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
            with contextlib.suppress(h11.LocalProtocolError):
                self._http.start_next_cycle()

    def _send(self, event: h11.Event) -> None:
        if data := self._http.send(event):
            self._transport.write(data)
