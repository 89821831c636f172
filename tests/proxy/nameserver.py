"""A DNS server on loopback, UDP and TCP, that answers what a test tells it to; and answers without one."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from residency.errors import CallError
from residency.proxy.names import Answer

#: What is said of a name: records, each ``TTL KIND VALUE``; a rcode; or nothing at all (``None``).
type Said = Sequence[str] | str | None


class Zone:
    """Name → what is said of it, or a function that is asked each time. ``asked`` keeps every question."""

    def __init__(self, **names: Said | Callable[[], Said]) -> None:
        self.names: dict[str, Said | Callable[[], Said]] = dict(names)
        self.asked: list[tuple[str, str, str]] = []
        self.truncate = False

    def answer(self, wire: bytes, transport: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        (question,) = query.question
        name = question.name.to_text(omit_final_dot=True).lower()
        kind = dns.rdatatype.to_text(question.rdtype)
        self.asked.append((name, kind, transport))
        said = self.names.get(name, "NXDOMAIN")
        said = said() if callable(said) else said
        if said is None:
            return None
        reply = dns.message.make_response(query)
        if isinstance(said, str):
            reply.set_rcode(dns.rcode.from_text(said))
        else:
            self._add(reply, question.name, kind, said)
        if self.truncate and transport == "udp":
            reply.answer.clear()
            reply.flags |= dns.flags.TC
        return reply.to_wire(max_size=65535)

    def _add(
        self, reply: dns.message.Message, name: dns.name.Name, kind: str, said: Sequence[str]
    ) -> None:
        owner = name.to_text()
        for record in said:
            ttl, its, value = record.split()
            if its == "OWNER":
                owner = f"{value}."
            elif its in (kind, "CNAME"):
                rrset = dns.rrset.from_text(owner, int(ttl), "IN", its, value)
                same = reply.get_rrset(reply.answer, rrset.name, rrset.rdclass, rrset.rdtype)
                if same is None:
                    reply.answer.append(rrset)
                else:
                    same.add(rrset[0])


class _Udp(asyncio.DatagramProtocol):
    def __init__(self, zone: Zone) -> None:
        self.zone = zone

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.DatagramTransport)
        self.transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        answer = self.zone.answer(data, "udp")
        if answer is not None:
            self.transport.sendto(answer, addr)


class NameServer:
    """Serves *zone* on a port of 127.0.0.1, in a thread of its own."""

    def __init__(self, zone: Zone) -> None:
        self.zone = zone
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self.port = asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(5)

    @property
    def entry(self) -> str:
        return f"127.0.0.1:{self.port}"

    async def _open(self) -> int:
        self._tcp = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = int(self._tcp.sockets[0].getsockname()[1])
        where = ("127.0.0.1", port)
        self._udp, _ = await self._loop.create_datagram_endpoint(lambda: _Udp(self.zone), where)
        return port

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                size = int.from_bytes(await reader.readexactly(2))
                answer = self.zone.answer(await reader.readexactly(size), "tcp")
                if answer is not None:
                    writer.write(len(answer).to_bytes(2) + answer)
                    await writer.drain()
        writer.close()

    async def _close(self) -> None:
        self._udp.close()
        self._tcp.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()


class Told:
    """Stands for ``Names`` where no DNS is asked: name → addresses; every other name has ``usual`` ones."""

    def __init__(self, names: Mapping[str, Sequence[str]] | None = None, *usual: str) -> None:
        self.names = dict(names or {})
        self.usual = usual
        self.asked: list[str] = []
        self.expires = float("inf")

    async def addresses(self, host: str) -> Answer:
        self.asked.append(host)
        found = tuple(self.names.get(host, self.usual))
        if not found:
            raise CallError("name-unknown")
        return Answer(found, self.expires)

    def forget(self, host: str) -> None:
        self.names.pop(host, None)

    def stop(self) -> None: ...


def unused_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])
