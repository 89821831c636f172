"""Fetch the issuers' keys, in the background and never on the way of a call whose caller is known.

Each issuer has its own task and its own HTTP client, so one that hangs delays no other. Keys come
at once at the start, then every quarter of an hour; after a failure, in 1 s, 2 s, … 60 s. The last
good keys stay for a day: longer than most outages, and as long as a revoked key may live on when
somebody keeps the gateway from its issuer. A token that names an unknown key asks for a
``refresh``: all who ask share one fetch, and another is made no sooner than the cool-down allows,
so that tokens with invented keys cannot make the gateway hammer an issuer.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tornado.httpclient import HTTPRequest
from tornado.netutil import DefaultExecutorResolver
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from residency.core.faults import Faults
from residency.core.identity import Issuer, IssuerBook, KeySet, keys_url

logger = logging.getLogger("residency.keys")

type Publish = Callable[[str, KeySet | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often and how long, in seconds. ``every`` is stretched and shrunk by up to a tenth.

    Those who waited for a fetch that failed go on ``apart`` from each other, on average, and all within ``apart_at_most``:
    many refusals in one moment would keep everybody else's calls waiting.
    """

    timeout: float = 5
    every: float = 15 * 60
    retry: float = 1
    retry_at_most: float = 60
    cool_down: float = 30
    keep: float = 24 * 3600
    apart: float = 0.01
    apart_at_most: float = 1


#: Largest answer that is read: bytes. Google's and Entra's JWK sets are below 32 KiB.
MAX_BODY = 1024 * 1024


class KeyStore:
    """The keys of every issuer: those in files as given, the others kept current.

    Set ``on_change`` before ``start``: it is told an issuer's keys whenever they change, and
    ``None`` where they have become too old.
    """

    def __init__(
        self, book: IssuerBook, *, files: Mapping[str, str] | None = None, pace: Pace | None = None
    ) -> None:
        """Read the key files.

        Args:
            book: The issuers.
            files: The text of each of ``book.files()``, by its path as written.
            pace: Another pace than the usual one.

        Raises:
            ConfigurationError: A file is missing in *files* or holds no key that may verify.
        """
        faults = Faults()
        self._fixed = book.file_keys(files or {}, faults)
        faults.check()
        self._remotes = {
            issuer.name: _Remote(issuer, self._changed, pace or Pace())
            for issuer in book.issuers.values()
            if issuer.keys.kind not in ("file", "own")
        }
        self.on_change: Publish = lambda _issuer, _keys: None

    def _changed(self, issuer: str, keys: KeySet | None) -> None:
        self.on_change(issuer, keys)

    @property
    def missing(self) -> list[str]:
        """The issuers whose keys are not known."""
        return [name for name, remote in self._remotes.items() if not remote.keys]

    @property
    def ready(self) -> bool:
        """Every issuer's keys are known."""
        return not self.missing

    def adopt(self, former: "KeyStore") -> None:
        """Take over what *former* has from the same places, with its age: for a reload."""
        for name, remote in self._remotes.items():
            other = former._remotes.get(name)
            if other and other.issuer.keys == remote.issuer.keys and other.keys:
                remote.keys, remote.fetched = other.keys, other.fetched

    def start(self) -> None:
        """Hand out the keys that are known already, and begin to fetch, on the running loop."""
        for name, keys in self._fixed.items():
            self.on_change(name, keys)
        for remote in self._remotes.values():
            remote.start()

    def stop(self) -> None:
        """End every task and connection. Whoever waits for a refresh goes on at once."""
        for remote in self._remotes.values():
            remote.stop()

    async def refresh(self, issuer: str) -> bool:
        """Fetch the keys of *issuer* anew, because a token names one that they lack.

        Returns:
            Whether keys were fetched, so that it is worth while to verify once more. False at once
            within the cool-down, and for issuers whose keys are a file.
        """
        remote = self._remotes.get(issuer)
        return await remote.refresh() if remote else False


class _Remote:
    """One issuer's keys, and the one fetch that may be under way."""

    def __init__(self, issuer: Issuer, publish: Publish, pace: Pace) -> None:
        self.issuer = issuer
        self.publish = publish
        self.pace = pace
        self.keys: KeySet | None = None
        self.fetched = 0.0
        self.cool_until = 0.0
        self.flight: asyncio.Task[bool] | None = None
        self.waiting = 0
        self.keeper: asyncio.Task[None] | None = None
        self.client: SimpleAsyncHTTPClient | None = None

    def start(self) -> None:
        if self.keys is not None:
            self.publish(self.issuer.name, self.keys)
        if self.keeper is None:
            self.keeper = asyncio.get_running_loop().create_task(self._keep())

    def stop(self) -> None:
        for task in (self.keeper, self.flight):
            if task:
                task.cancel()
        if self.client:
            self.client.close()
        self.keeper = self.client = None

    async def refresh(self) -> bool:
        now = asyncio.get_running_loop().time()
        if self.keeper is None or (self.flight is None and now < self.cool_until):
            return False
        if self.flight is None:
            self.cool_until = now + self.pace.cool_down
        self.waiting += 1
        try:
            fetched = await self._fetch()
            if not fetched and self.keeper is not None:
                spread = min(self.waiting * self.pace.apart, self.pace.apart_at_most)
                await asyncio.sleep(random.uniform(0, spread))  # noqa: S311
        finally:
            self.waiting -= 1
        return fetched

    async def _keep(self) -> None:
        retry = self.pace.retry
        while True:
            if await self._fetch():
                retry = self.pace.retry
                await asyncio.sleep(self.pace.every * random.uniform(0.9, 1.1))  # noqa: S311
                continue
            age = asyncio.get_running_loop().time() - self.fetched
            if self.keys is not None and age > self.pace.keep:
                logger.error("%s: keys are too old and are dropped", self.issuer.name)
                self.keys = None
                self.publish(self.issuer.name, None)
            await asyncio.sleep(retry)
            retry = min(retry * 2, self.pace.retry_at_most)

    async def _fetch(self) -> bool:
        """Join the fetch that is under way, or begin one. True if it brought keys."""
        if self.flight is None:
            self.flight = asyncio.get_running_loop().create_task(self._once())
        flight = self.flight
        # Not ``await flight``: a call that is cancelled must not take the others' fetch with it.
        await asyncio.wait([flight])
        return not flight.cancelled() and flight.result()

    async def _once(self) -> bool:
        try:
            keys = KeySet.parse(await self._read())
        except Exception as e:  # noqa: BLE001 - nothing an issuer answers may end the keeper
            # The type alone: messages of parsers and TLS quote what the other side sent.
            logger.warning("%s: keys not fetched: %s", self.issuer.name, type(e).__name__)
            return False
        finally:
            self.flight = None
        if not keys:
            logger.warning("%s: no key that may verify a signature", self.issuer.name)
        self.keys, self.fetched = keys, asyncio.get_running_loop().time()
        self.publish(self.issuer.name, keys)
        return bool(keys)

    async def _read(self) -> str:
        url = self.issuer.keys.location
        if self.issuer.keys.kind == "url":
            return await self._get(url)
        return await self._get(keys_url(await self._get(url), self.issuer))

    async def _get(self, url: str) -> str:
        if self.client is None:
            # Its own resolver: the loop's may be one that only knows the targets of calls.
            self.client = SimpleAsyncHTTPClient(
                force_instance=True, max_body_size=MAX_BODY, resolver=DefaultExecutorResolver()
            )
        request = HTTPRequest(
            url,
            headers={"Accept": "application/json"},
            connect_timeout=self.pace.timeout,
            request_timeout=self.pace.timeout,
            follow_redirects=False,
            # What is unpacked is not counted by max_body_size.
            decompress_response=False,
        )
        return (await self.client.fetch(request)).body.decode("utf-8")
