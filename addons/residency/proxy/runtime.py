"""What the stages of one proxy share: rules, keys, the ledger, holds, and whether the gateway is ready.

One ``Runtime`` a mitmproxy master. Stages ask it, and do not know each other. Before ``start`` has ended well and after
``stop``, ``ready`` is false and every call is denied.
"""

import asyncio
import datetime
import logging
import secrets
import time
import weakref
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mitmproxy import http
from mitmproxy import master as mitmproxy_master
from mitmproxy.websocket import WebSocketData

from residency.core.configuration import Configuration
from residency.core.faults import Faults
from residency.core.identity import Caller, CertificateVerifier, Credentials, Verifier
from residency.core.plain import Plain
from residency.errors import (
    CallError,
    ConfigurationError,
    IdentityError,
    LedgerError,
    ResidencyError,
)
from residency.files import load, stamp
from residency.proxy import flowstate, heap, maskkey, socketlayer
from residency.proxy.callers import Callers
from residency.proxy.certificates import Peer
from residency.proxy.exchange import Exchange, check_secrets
from residency.proxy.feeds import Feeds
from residency.proxy.flowstate import Ticket
from residency.proxy.holds import Holds
from residency.proxy.keys import KeyStore
from residency.proxy.ledger import LedgerWriter
from residency.proxy.names import Names
from residency.proxy.resolver import Resolver
from residency.proxy.returns import SWITCHING, Returns
from residency.proxy.sockets import Channel, Sockets
from residency.proxy.workers import Workers

if TYPE_CHECKING:
    from residency.proxy.admin import Admin
    from residency.proxy.saml import Saml

logger = logging.getLogger("residency")

RELOAD_SECONDS = 2.0
#: Bodies above this many bytes, and all that are compressed, are read in another process.
OFF_LOOP = 32 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options that ``start`` needs, as values."""

    rules: Path
    ledger: Path
    admin: str
    hold_max: int
    hold_bytes: int
    resolve: tuple[str, ...]
    body_limit: int
    read_limit: int
    dns: tuple[str, ...] = ()
    feeds: Path | None = None
    mask_key: Path | None = None
    read_seconds: float = 30.0


class Runtime:
    """Shared by the stages of one proxy."""

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(32)
        self.ready = False
        self.taken = False
        self.holds = Holds()
        self.resolver = Resolver()
        #: Calls that ran, as their providers say, where nobody had assumed.
        self.drift = 0
        self.feeds = Feeds()
        self.returns = Returns()
        self.sockets = Sockets()
        #: The deployment's, for ``hmac``; empty if there is none.
        self.mask_key = b""
        self.admin: Admin | None = None
        self._configuration: Configuration | None = None
        self._verifier: Verifier | None = None
        self.certificates = CertificateVerifier()
        self._keys: KeyStore | None = None
        self._saml: Saml | None = None
        self._callers: Callers | None = None
        self._exchange: Exchange | None = None
        self._ledger: LedgerWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.body_limit = 0
        self.read_limit = 0
        #: Where large bodies are read and masked.
        self.workers = Workers()
        self._watcher: asyncio.Task[None] | None = None
        self._stamp: object = None
        self._seen: object = None
        #: What identity.yaml named when it was last read; it may lie outside the rules folder.
        self._files: list[str] = []

    @property
    def configuration(self) -> Configuration:
        """The rules in force.

        Raises:
            CallError: ``not-ready``.
        """
        if self._configuration is None or not self.ready:
            raise CallError("not-ready")
        return self._configuration

    @property
    def verifier(self) -> Verifier:
        if self._verifier is None or not self.ready:
            raise CallError("not-ready")
        return self._verifier

    @property
    def keys(self) -> KeyStore:
        if self._keys is None:
            raise CallError("not-ready")
        return self._keys

    @property
    def assertions(self) -> "Saml":
        """Who verifies SAML assertions.

        Raises:
            CallError: ``not-ready``; ``identity-malformed``: nobody does.
        """
        if not self.ready:
            raise CallError("not-ready")
        if self._saml is None:
            raise IdentityError("identity-malformed", "this gateway takes no SAML assertions")
        return self._saml

    @property
    def callers(self) -> Callers:
        """From credentials to the caller, by the rules in force."""
        if self._callers is None or not self.ready:
            raise CallError("not-ready")
        return self._callers

    async def caller(self, proof: Credentials, peer: Peer) -> Caller:
        """Whom *proof* proves, by the rules that are in force when this answers.

        A reload ends what the former rules have asked an issuer. Whoever waits for that is asked about anew.

        Raises:
            CallError: ``not-ready``, or as ``Callers.caller``.
        """
        while True:
            callers = self.callers
            try:
                found = await callers.caller(proof, peer)
            except IdentityError:
                if callers is self._callers:
                    raise
            else:
                if callers is self._callers:
                    return found

    @property
    def ledger(self) -> LedgerWriter:
        if self._ledger is None:
            raise LedgerError("the ledger is not open")
        return self._ledger

    def ticket(self) -> Ticket:
        """A new call: a decision id of 128 random bits, and the time."""
        return Ticket(id=secrets.token_hex(16), at=time.time())

    def today(self) -> datetime.date:
        return datetime.datetime.now(datetime.UTC).date()

    async def start(self, settings: Settings) -> None:
        """Load the rules, open the ledger, fetch keys, and be ready.

        Raises:
            ResidencyError: Something cannot be used; the gateway stays closed.
        """
        self.body_limit, self.read_limit = settings.body_limit, settings.read_limit
        self.workers.seconds = settings.read_seconds
        self._stamp = self._seen = stamp(settings.rules)
        configuration = load(settings.rules, today=self.today())
        self._files = configuration.identity.files()
        check_secrets(configuration.identity, settings.rules)
        self.mask_key = maskkey.read(settings.mask_key)
        maskkey.check(configuration.sets, self.mask_key)
        self._take(configuration, settings.rules)
        self._ledger = LedgerWriter(settings.ledger)
        self.holds.limit(count=settings.hold_max, size=settings.hold_bytes)
        if settings.dns:
            self.resolver.names = Names(settings.dns)
        if settings.feeds:
            await self.feeds.open(settings.feeds)
        self.resolver.override(settings.resolve)
        socketlayer.install(self.read_limit, self.sockets)
        self.resolver.install(asyncio.get_running_loop(), self._is_private)
        overrides: list[Plain] = [str(r) for r in settings.resolve]
        await self.ledger.append(
            "start",
            {
                "policy": self.policy_digest,
                "resolve": overrides,
                "feeds": self.feeds.digest,
                "version": _version(),
            },
        )
        self._watcher = asyncio.create_task(self._watch(settings.rules))
        self.ready = True

    def _is_private(self, host: str) -> bool:
        pin = self._configuration.atlas.pin(host, self.today()) if self._configuration else None
        return bool(pin and pin.private)

    @property
    def policy_digest(self) -> str:
        """The digest of the rule files in force; empty before any are."""
        return self._configuration.digest if self._configuration else ""

    async def read[**P, T](
        self, size: int, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What *work* answers; off the loop where it is about *size* bytes or more than a few.

        Raises:
            CallError: As ``Workers.run``; and whatever *work* raises.
        """
        if size <= OFF_LOOP:
            return work(*args, **kwargs)
        return await self.workers.run(work, *args, **kwargs)

    def background(self, work: Coroutine[None, None, None]) -> None:
        """Run *work* without waiting for it."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _take(self, configuration: Configuration, folder: Path) -> None:
        """Put a loaded configuration in force, as one."""
        keys = KeyStore(configuration.identity, files=configuration.jwks)
        verifier = Verifier(configuration.identity)
        certificates = CertificateVerifier(configuration.identity.certificates, configuration.jwks)
        keys.on_change = verifier.set_keys
        saml = self._assertions(configuration)
        callers = Callers(verifier, keys, certificates, saml)
        exchange = Exchange(
            configuration.identity, folder=folder, key=self.secret, verify=callers.verified
        )
        callers.exchange = exchange
        if self._exchange is not None:
            exchange.adopt(self._exchange)
            self._exchange.stop()
        if self._keys is not None:
            keys.adopt(self._keys)
            self._keys.stop()
        # Assigned together: no call sees the rules of one load and the keys of another.
        self._configuration, self._keys, self._verifier = configuration, keys, verifier
        self._saml = saml
        self.certificates = certificates
        self._callers, self._exchange = callers, exchange
        keys.start()
        if saml:
            saml.on_keys = verifier.set_keys
            saml.start()

    def _assertions(self, configuration: Configuration) -> "Saml | None":
        book, faults = configuration.identity, Faults()
        trust = book.trust(configuration.jwks, faults)
        faults.check()
        if book.saml is None or trust is None:
            if self._saml:
                self._saml.stop()
            return None
        from residency.proxy.saml import Saml

        return Saml(book.saml, trust, secret=self.secret, former=self._saml)

    async def _watch(self, folder: Path) -> None:
        """Load the rules again when their files change; the last good ones stay if the new are not."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            before = self.policy_digest
            try:
                await self.reload(folder)
                if before != self.policy_digest:
                    heap.settle()
                await self.feeds.renew(self.ledger.append)
            except ResidencyError as e:
                logger.error("rules not reloaded: %s", e)  # noqa: TRY400
            except Exception as e:  # noqa: BLE001 - the watcher must not die; the old rules stay
                logger.error("rules not reloaded: %s", type(e).__name__)  # noqa: TRY400

    async def reload(self, folder: Path) -> None:
        """Take changed rule files, or files that identity.yaml names, once they have not changed from one look to the next.

        What is loaded is what stood there before and after loading, so nothing half-written is taken. The record comes
        first: rules that cannot be recorded do not come into force, and are tried again. Files that say what they said
        before are no other rules.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        now = stamp(folder, self._files)
        settled, self._seen = now == self._seen, now
        if now == self._stamp or not settled:
            return
        before = self.policy_digest
        try:
            configuration = await asyncio.to_thread(load, folder, today=self.today())
            if stamp(folder, self._files) != now:
                return
            self._files = configuration.identity.files()
            KeyStore(configuration.identity, files=configuration.jwks)
            check_secrets(configuration.identity, folder)
            maskkey.check(configuration.sets, self.mask_key)
        except ConfigurationError as e:
            self._stamp = now
            logger.error("rules not reloaded, the last good ones stay in force: %s", e)  # noqa: TRY400
            await self.ledger.append("reload-refused", {"policy": before, "faults": len(e.faults)})
            return
        if configuration.digest == before:
            self._stamp = now
            return
        await self.ledger.append("reload", {"before": before, "policy": configuration.digest})
        self._take(configuration, folder)
        self._stamp = now
        logger.warning("rules reloaded: policy %s", self.policy_digest[:12])

    def stop(self) -> None:
        """Close for good: deny, end every hold, write the last record. Safe to call twice."""
        was_ready, self.ready = self.ready, False
        if self._watcher:
            self._watcher.cancel()
        if self._keys:
            self._keys.stop()
        if self._saml:
            self._saml.stop()
        if self._exchange:
            self._exchange.stop()
        if self.admin:
            self.admin.stop()
        self.workers.stop()
        self.resolver.uninstall()
        socketlayer.uninstall()
        last: list[tuple[str, dict[str, Plain]]] = [
            ("hold-ended", {"hold": h.id, "decision": h.decision, "state": "aborted-shutdown"})
            for h in self.holds.close()
        ]
        last += [("outcome", _cut(flow, channel)) for flow, channel in self.sockets.end()]
        last.append(("stop", {"at": round(time.time(), 3)}))
        if self._ledger and was_ready:
            try:
                for kind, fields in last:
                    self._ledger.append_now(kind, fields)
            except LedgerError as e:
                logger.error("no stop record: %s", e)  # noqa: TRY400
        if self._ledger:
            self._ledger.close()


_runtimes: weakref.WeakKeyDictionary[mitmproxy_master.Master, Runtime] = (
    weakref.WeakKeyDictionary()
)


def runtime(master: mitmproxy_master.Master) -> Runtime:
    """The one runtime of *master*; scripts that are loaded apart share it."""
    if master not in _runtimes:
        _runtimes[master] = Runtime()
    return _runtimes[master]


def _cut(flow: http.HTTPFlow, channel: Channel) -> dict[str, Plain]:
    """The outcome of a WebSocket that the end of the gateway ends."""
    ticket = flowstate.find(flow, Ticket)
    channel.fail("not-ready")
    return {
        "decision": ticket.id if ticket else None,
        "seconds": round(time.time() - ticket.at, 3) if ticket else None,
        "status": SWITCHING,
        **channel.outcome(flow.websocket or WebSocketData()),
    }


def _version() -> str:
    from residency import __version__

    return __version__
