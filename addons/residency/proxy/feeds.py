"""Address feeds in use: loaded from a folder, loaded again when it changes, asked by address."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from residency import feeds
from residency.core.address import led_to, read
from residency.core.plain import Plain
from residency.core.region.address import Said
from residency.errors import ConfigurationError

logger = logging.getLogger("residency.feeds")

MAX_KEPT = 4096

type Append = Callable[[str, dict[str, Plain]], Awaitable[object]]


class Feeds:
    """The feeds of one folder; none until ``open``."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._used = feeds.Folder()
        self._stamp: object = None
        self._kept: dict[tuple[str, ...], tuple[Said, ...]] = {}

    @property
    def digest(self) -> str:
        """What stands for all of them; empty where there are none."""
        return self._used.digest

    def open(self, folder: Path) -> None:
        """Load *folder*.

        Raises:
            ConfigurationError: A feed cannot be used, or there is none.
        """
        self._folder, self._stamp = folder, feeds.stamp(folder)
        self._take(feeds.load(folder))

    async def renew(self, append: Append) -> None:
        """Take the feeds of a manifest that has changed, once *append* has recorded it; bad ones change nothing.

        Raises:
            LedgerError: It cannot be recorded.
        """
        if self._folder is None:
            return
        now = feeds.stamp(self._folder)
        if now == self._stamp:
            return
        try:
            found = await asyncio.to_thread(feeds.load, self._folder)
        except ConfigurationError as e:
            self._stamp = now
            logger.error("feeds not reloaded, the last good ones stay in use: %s", e)  # noqa: TRY400
            return
        await append("feeds", {"before": self.digest, "feeds": found.digest})
        self._take(found)
        self._stamp = now
        logger.warning("feeds reloaded: %s", self.digest[:12])

    def _take(self, found: feeds.Folder) -> None:
        self._used, self._kept = found, {}

    def said(self, addresses: Sequence[str]) -> tuple[Said, ...]:
        """What each feed says about each of *addresses*, silence included; nothing where there are no feeds."""
        key = tuple(addresses)
        found = self._kept.get(key)
        if found is None:
            found = tuple(self._ask(address, feed) for address in key for feed in self._used.feeds)
            while len(self._kept) >= MAX_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = found
        return found

    def _ask(self, address: str, feed: feeds.Known) -> Said:
        ip = read(address)
        origins = feed.find(led_to(ip)) if ip else ()
        return Said(address, feed.name, origins, geo=feed.kind == "mmdb")
