"""Feeds in use are those that were loaded last, whole, and recorded."""

from pathlib import Path
from typing import Any

import pytest

from residency import feeds as store
from residency.core.region.feeds import Origin
from residency.errors import ConfigurationError, LedgerError
from residency.proxy import feeds as module
from residency.proxy.feeds import Feeds
from tests.feeds import aws, google
from tests.test_feeds import put

DE, US = aws(("3.5.0.0/16", "eu-central-1")), aws(("3.5.0.0/16", "us-east-1"))


async def opened(folder: Path, *files: bytes) -> Feeds:
    put(folder, *files)
    found = Feeds()
    found.open(folder)
    return found


class Ledger(list[tuple[str, dict[str, Any]]]):
    async def append_(self, kind: str, fields: dict[str, Any]) -> None:
        self.append((kind, fields))


def region(feeds: Feeds) -> str:
    return feeds.said(["3.5.1.1"])[0].origins[0].region


async def test_every_feed_is_asked_about_every_address(tmp_path: Path) -> None:
    feeds = await opened(tmp_path, DE, google(("34.80.0.0/15", "asia-east1")))
    said = feeds.said(["3.5.1.1", "34.80.0.1"])

    assert [(s.address, s.feed, bool(s.origins)) for s in said] == [
        ("3.5.1.1", "aws", True), ("3.5.1.1", "google", False),
        ("34.80.0.1", "aws", False), ("34.80.0.1", "google", True),
    ]  # fmt: skip


async def test_the_address_that_an_ipv6_one_leads_to_is_asked_about(tmp_path: Path) -> None:
    feeds = await opened(tmp_path, DE)

    assert feeds.said(["64:ff9b::305:101"])[0].origins == (Origin("aws", "eu-central-1"),)


def test_without_feeds_nothing_is_said() -> None:
    assert Feeds().said(["3.5.1.1"]) == ()
    assert Feeds().digest == ""


async def test_a_folder_without_feeds_does_not_open(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        Feeds().open(tmp_path)


async def test_new_feeds_are_recorded_and_then_used(tmp_path: Path) -> None:
    feeds, ledger = await opened(tmp_path, DE), Ledger()
    before = feeds.digest
    assert region(feeds) == "eu-central-1"
    put(tmp_path, US)
    await feeds.renew(ledger.append_)

    assert region(feeds) == "us-east-1"
    assert ledger == [("feeds", {"before": before, "feeds": feeds.digest})]


async def test_feeds_that_did_not_change_are_not_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    feeds, ledger = await opened(tmp_path, DE), Ledger()
    monkeypatch.setattr(store, "load", None)
    await feeds.renew(ledger.append_)
    await Feeds().renew(ledger.append_)

    assert ledger == []


async def test_broken_feeds_change_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    feeds, ledger = await opened(tmp_path, DE), Ledger()
    (tmp_path / store.MANIFEST).write_text("{")
    await feeds.renew(ledger.append_)

    assert region(feeds) == "eu-central-1"
    assert ledger == []
    assert "last good ones" in caplog.text


async def test_feeds_that_cannot_be_recorded_do_not_come_into_use(tmp_path: Path) -> None:
    feeds = await opened(tmp_path, DE)
    put(tmp_path, US)

    async def full(_kind: str, _fields: dict[str, Any]) -> None:
        raise LedgerError("full")

    with pytest.raises(LedgerError):
        await feeds.renew(full)
    assert region(feeds) == "eu-central-1"
    await feeds.renew(Ledger().append_)
    assert region(feeds) == "us-east-1"


async def test_what_is_kept_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_KEPT", 3)
    feeds = await opened(tmp_path, DE)
    for i in range(9):
        feeds.said([f"3.5.1.{i}"])

    assert len(feeds._kept) == 3
