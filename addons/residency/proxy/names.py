"""The addresses of a name: one answer, with its TTL, from the system's DNS servers or those that the operator names.

``getaddrinfo`` tells no TTL and asks whatever nsswitch.conf says, so names are looked up here, on the loop, with dnspython:
/etc/hosts first, then A and AAAA, CNAMEs followed, search domains not applied. An answer is kept for its TTL, within
bounds, and so is a failure; a name is asked for once, however many calls wait for it.

Sources: RFC 1034 section 3.6.2 (CNAME), RFC 2308 (negative answers), RFC 6761 section 6.3 (localhost), RFC 8305 section 3
(the second family is not waited for long); dnspython 2.9, ``dns.asyncresolver``.
"""

import asyncio
import ipaddress
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import dns.asyncbackend
import dns.asyncresolver
import dns.exception
import dns.name
import dns.nameserver
import dns.rdatatype
import dns.resolver

from residency.errors import CallError, ResidencyError

MIN_TTL, MAX_TTL = 5.0, 300.0
#: Seconds that a failure is kept: a name that does not exist, and a server that does not answer.
UNKNOWN_TTL, UNAVAILABLE_TTL = 5.0, 2.0
MAX_NAMES = 4096
MAX_CNAMES = 8
#: Addresses of one name; more are no plausible answer.
MAX_ADDRESSES = 64
#: Seconds for one name, for one question to one server, and for the second family once the first has answered.
LIFETIME, TIMEOUT, PATIENCE = 6.0, 2.0, 0.5
#: How many names are asked for at once.
MAX_ASKED = 64


@dataclass(frozen=True, slots=True)
class Answer:
    """Addresses of a name, IPv4 first, until ``expires`` of the monotonic clock; or the code of why there are none."""

    addresses: tuple[str, ...]
    expires: float
    fault: str = ""


def servers(entries: Sequence[str]) -> list[dns.nameserver.Nameserver]:
    """The DNS servers that *entries* name: ADDRESS, ADDRESS:PORT or [ADDRESS]:PORT.

    Raises:
        ResidencyError: An entry is not of that form.
    """
    found: list[dns.nameserver.Nameserver] = []
    for entry in entries:
        host, port = entry, "53"
        if entry.count(":") == 1 or "]:" in entry:
            host, _, port = entry.rpartition(":")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        try:
            address = str(ipaddress.ip_address(host))
            number = int(port)
        except ValueError:
            number = 0
        if not 0 < number < 1 << 16:
            raise ResidencyError(f"option residency_dns: {entry!r} is not ADDRESS or ADDRESS:PORT")
        found.append(dns.nameserver.Do53Nameserver(address, number))
    return found


class Names:
    """Looks names up, and remembers."""

    def __init__(
        self,
        entries: Sequence[str] = (),
        *,
        clock: Callable[[], float] = time.monotonic,
        hosts: Path = Path("/etc/hosts"),
        resolv: Path = Path("/etc/resolv.conf"),
    ) -> None:
        self._clock, self._hosts, self._resolv = clock, hosts, resolv
        self._fixed = servers(entries)
        self._known: dict[str, Answer] = {}
        self._asked: dict[str, asyncio.Task[Answer]] = {}
        self._turns = asyncio.Semaphore(MAX_ASKED)

    async def addresses(self, host: str) -> Answer:
        """The addresses of *host*, which is a name in canonical form.

        Raises:
            CallError: ``name-unknown``: there is no such name, or it has no address; ``name-unavailable``: no server
                answered in time, or none made sense.
        """
        answer = self._known.get(host)
        if answer is None or self._clock() >= answer.expires:
            task = self._asked.get(host)
            if task is None:
                task = self._asked[host] = asyncio.create_task(self._ask(host))
                task.add_done_callback(lambda _: self._asked.pop(host, None))
            # Whoever goes away takes nothing from the others who wait.
            answer = await asyncio.shield(task)
        if answer.fault:
            raise CallError(answer.fault)
        return answer

    def forget(self, host: str) -> None:
        """An address of *host* did not answer: ask again next time."""
        self._known.pop(host, None)

    def stop(self) -> None:
        for task in list(self._asked.values()):
            task.cancel()

    async def _ask(self, host: str) -> Answer:
        async with self._turns:
            answer = self._local(host)
            if answer is None:
                try:
                    async with asyncio.timeout(LIFETIME):
                        answer = await self._dns(host)
                except (TimeoutError, OSError, dns.exception.DNSException):
                    answer = self._none("name-unavailable", UNAVAILABLE_TTL)
        self._known.pop(host, None)
        self._known[host] = answer
        while len(self._known) > MAX_NAMES:
            del self._known[next(iter(self._known))]
        return answer

    def _none(self, code: str, seconds: float) -> Answer:
        return Answer((), self._clock() + seconds, code)

    def _local(self, host: str) -> Answer | None:
        """What /etc/hosts says, and names of this machine, which DNS is never asked for."""
        found = []
        try:
            text = self._hosts.read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        for line in text.splitlines():
            address, *names = line.partition("#")[0].split() or [""]
            if host in (name.lower().removesuffix(".") for name in names):
                found.append(address)
        if not found and (host == "localhost" or host.endswith(".localhost")):
            found = ["127.0.0.1", "::1"]
        return self._found(found, MIN_TTL) if found else None

    def _found(self, addresses: Sequence[str], seconds: float) -> Answer:
        if len(addresses) > MAX_ADDRESSES:
            return self._none("name-unavailable", UNAVAILABLE_TTL)
        known = sorted(dict.fromkeys(addresses), key=lambda a: ":" in a)
        ttl = min(max(seconds, MIN_TTL), MAX_TTL)
        return Answer(tuple(known), self._clock() + ttl)

    async def _dns(self, host: str) -> Answer:
        resolver = self._resolver()
        families = [
            asyncio.create_task(self._family(resolver, host, kind))
            for kind in (dns.rdatatype.A, dns.rdatatype.AAAA)
        ]
        try:
            await asyncio.wait(families, return_when=asyncio.FIRST_COMPLETED)
            has_one = any(_good(t) and t.result()[0] for t in families if t.done())
            await asyncio.wait(families, timeout=PATIENCE if has_one else None)
        finally:
            for task in families:
                task.cancel()
            await asyncio.gather(*families, return_exceptions=True)
        good = [t.result() for t in families if _good(t)]
        addresses = [a for found, _ in good for a in found]
        if addresses:
            return self._found(addresses, min(ttl for found, ttl in good if found))
        if len(good) < len(families):
            return self._none("name-unavailable", UNAVAILABLE_TTL)
        return self._none("name-unknown", UNKNOWN_TTL)

    async def _family(
        self, resolver: dns.asyncresolver.Resolver, host: str, kind: dns.rdatatype.RdataType
    ) -> tuple[list[str], float]:
        """Addresses of one kind and their TTL, none where the name has none. A server may leave CNAMEs to us.

        Raises:
            dns.exception.DNSException: No answer, or one that makes no sense.
        """
        name, ttl = dns.name.from_text(host), MAX_TTL
        for _ in range(MAX_CNAMES):
            try:
                answer = await resolver.resolve(
                    name, kind, raise_on_no_answer=False, search=False, backend=_BACKEND
                )
            except dns.resolver.NXDOMAIN:
                return [], ttl
            ttl = min(ttl, answer.chaining_result.minimum_ttl)
            if answer.rrset is not None:
                return [record.address for record in answer.rrset], ttl
            if answer.canonical_name == name:
                return [], ttl
            name = answer.canonical_name
        return [], ttl

    def _resolver(self) -> dns.asyncresolver.Resolver:
        resolver = dns.asyncresolver.Resolver(configure=False)
        if self._fixed:
            resolver.nameservers = self._fixed
        else:
            # Read each time: containers and laptops change it while they run.
            resolver.read_resolv_conf(str(self._resolv))
        resolver.lifetime, resolver.timeout = LIFETIME, TIMEOUT
        return resolver


def _good(task: "asyncio.Task[tuple[list[str], float]]") -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


_BACKEND = dns.asyncbackend.get_backend("asyncio")
