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
from typing import TYPE_CHECKING

from mitmproxy import http
from mitmproxy import master as mitmproxy_master
from mitmproxy.websocket import WebSocketData

from residency.core.configuration import Configuration
from residency.core.identity import Caller, CertificateVerifier, Credentials
from residency.core.plain import Plain
from residency.errors import (
    CallError,
    ConfigurationError,
    IdentityError,
    LedgerError,
    ResidencyError,
)
from residency.proxy import flowstate, heap, socketlayer
from residency.proxy.certificates import Peer
from residency.proxy.feeds import Feeds
from residency.proxy.flowstate import Ticket
from residency.proxy.holds import Holds
from residency.proxy.ledger import LedgerWriter
from residency.proxy.opening import Opening
from residency.proxy.resolver import Resolver
from residency.proxy.returns import SWITCHING, Returns
from residency.proxy.rules import RulesFolder, today
from residency.proxy.signers import Signers
from residency.proxy.sockets import Channel, Sockets
from residency.proxy.verifiers import Verifiers
from residency.proxy.workers import Workers

if TYPE_CHECKING:
    from residency.proxy.admin import Admin

logger = logging.getLogger("residency")

RELOAD_SECONDS = 2.0
#: Bodies above this many bytes, and all that are compressed, are read in another process.
OFF_LOOP = 32 * 1024


class Runtime:
    """Shared by the stages of one proxy."""

    def __init__(self) -> None:
        self.secret = secrets.token_bytes(32)
        self.ready = False
        #: Whether the gate has laid the chain, and whether it has said early why it will not.
        self.taken = self.told = False
        self.holds = Holds()
        self.resolver = Resolver()
        #: Calls that ran, as their providers say, where nobody had assumed.
        self.drift = 0
        self.feeds = Feeds()
        self.returns = Returns()
        self.sockets = Sockets()
        #: Credentials of the roles that calls are signed anew as.
        self.signers = Signers()
        #: The deployment's, for ``hmac``; empty if there is none.
        self.mask_key = b""
        self.admin: Admin | None = None
        self._folder: RulesFolder | None = None
        self._configuration: Configuration | None = None
        self._verifiers: Verifiers | None = None
        self._ledger: LedgerWriter | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.body_limit = 0
        self.read_limit = 0
        #: Where large bodies are read and masked.
        self.workers = Workers()
        self._watcher: asyncio.Task[None] | None = None

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
    def verifiers(self) -> Verifiers:
        """What callers are verified with, by the rules in force.

        Raises:
            CallError: ``not-ready``.
        """
        if self._verifiers is None or not self.ready:
            raise CallError("not-ready")
        return self._verifiers

    @property
    def certificates(self) -> CertificateVerifier:
        """Whose client certificates count; nobody's before the start."""
        return self._verifiers.certificates if self._verifiers else CertificateVerifier()

    async def caller(self, proof: Credentials, peer: Peer) -> Caller:
        """Whom *proof* proves, by the rules that are in force when this answers.

        A reload ends what the former rules have asked an issuer. Whoever waits for that is asked about anew.

        Raises:
            CallError: ``not-ready``, or as ``Callers.caller``.
        """
        while True:
            asked = self.verifiers
            try:
                found = await asked.callers.caller(proof, peer)
            except IdentityError:
                if asked is self._verifiers:
                    raise
            else:
                if asked is self._verifiers:
                    return found

    @property
    def folder(self) -> RulesFolder:
        """Where the rules are.

        Raises:
            CallError: ``not-ready``: nobody has said.
        """
        if self._folder is None:
            raise CallError("not-ready")
        return self._folder

    @property
    def ledger(self) -> LedgerWriter:
        if self._ledger is None:
            raise LedgerError("the ledger is not open")
        return self._ledger

    def ticket(self) -> Ticket:
        """A new call: a decision id of 128 random bits, and the time."""
        return Ticket(id=secrets.token_hex(16), at=time.time())

    def today(self) -> datetime.date:
        return today()

    async def start(self, opening: Opening) -> None:
        """Put in force what was found fit, open the ledger, fetch keys, and be ready.

        Raises:
            LedgerError: It cannot be written; the gateway stays closed.
        """
        settings = opening.settings
        self.body_limit, self.read_limit = settings.body_limit, settings.read_limit
        self.workers.seconds = settings.read_seconds
        self.mask_key, self.feeds = opening.mask_key, opening.feeds
        self._folder = opening.folder
        self._take(opening.configuration)
        self._ledger = LedgerWriter(opening.ledger)
        self.holds.limit(count=settings.hold_max, size=settings.hold_bytes)
        self.resolver.names = opening.names or self.resolver.names
        self.resolver.override(opening.overrides)
        socketlayer.install(self.read_limit, self.sockets)
        self.resolver.install(asyncio.get_running_loop(), self._is_private)
        resolved: list[Plain] = [str(r) for r in settings.resolve]
        await self.ledger.append(
            "start",
            {
                "policy": self.policy_digest,
                "resolve": resolved,
                "feeds": self.feeds.digest,
                "version": _version(),
            },
        )
        self._watcher = asyncio.create_task(self._watch())
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

    def _take(self, configuration: Configuration) -> None:
        """Put a loaded configuration in force, as one."""
        verifiers = Verifiers(
            configuration, folder=self.folder.path, secret=self.secret, former=self._verifiers
        )
        # Assigned together: no call sees the rules of one load and the keys of another.
        self._configuration, self._verifiers = configuration, verifiers
        self.signers.take(configuration.roles)
        verifiers.start()

    async def _watch(self) -> None:
        """Load the rules again when their files change; the last good ones stay if the new are not."""
        while True:
            await asyncio.sleep(RELOAD_SECONDS)
            before = self.policy_digest
            try:
                await self.reload()
                if before != self.policy_digest:
                    heap.settle()
                await self.feeds.renew(self.ledger.append)
            except ResidencyError as e:
                logger.error("rules not reloaded: %s", e)  # noqa: TRY400
            except Exception as e:  # noqa: BLE001 - the watcher must not die; the old rules stay
                logger.error("rules not reloaded: %s", type(e).__name__)  # noqa: TRY400

    async def reload(self) -> None:
        """Take changed rule files, or files that identity.yaml names, once they have not changed from one look to the next.

        The record comes first: rules that cannot be recorded do not come into force, and are tried again. Files that say
        what they said before are no other rules.

        Raises:
            LedgerError: The ledger cannot be written.
        """
        before = self.policy_digest
        try:
            configuration = await self.folder.look()
        except ConfigurationError as e:
            logger.error("rules not reloaded, the last good ones stay in force: %s", e)  # noqa: TRY400
            await self.ledger.append("reload-refused", {"policy": before, "faults": len(e.faults)})
            return
        if configuration is None:
            return
        if configuration.digest != before:
            await self.ledger.append("reload", {"before": before, "policy": configuration.digest})
            self._take(configuration)
            logger.warning("rules reloaded: policy %s", self.policy_digest[:12])
        self.folder.settle()

    def stop(self) -> None:
        """Close for good: deny, end every hold, write the last record. Safe to call twice."""
        was_ready, self.ready = self.ready, False
        if self._watcher:
            self._watcher.cancel()
        if self._verifiers:
            self._verifiers.stop()
        if self.admin:
            self.admin.stop()
        self.signers.stop()
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
