"""All that a start needs, read and looked at as a whole: every fault is told at once, and nothing is in force yet."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from residency.core.configuration import Configuration
from residency.core.faults import Faults
from residency.errors import ConfigurationError, Fault, ResidencyError
from residency.proxy import maskkey
from residency.proxy.admin import endpoint
from residency.proxy.feeds import Feeds
from residency.proxy.names import Names
from residency.proxy.resolver import Address, overrides
from residency.proxy.rules import RulesFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The options that a start needs, as values; ``rules`` and ``ledger`` are ``None`` where they name nothing."""

    rules: Path | None
    ledger: Path | None
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What was found fit for a start. ``names`` is ``None`` where the servers of /etc/resolv.conf are meant."""

    settings: Settings
    ledger: Path
    folder: RulesFolder
    configuration: Configuration
    mask_key: bytes
    feeds: Feeds
    names: Names | None
    overrides: Mapping[str, Address]


def examine(settings: Settings) -> Opening:
    """What *settings* lead to.

    Raises:
        ConfigurationError: With every fault of every file and option.
    """
    faults = Faults()
    key, feeds, names, targets = b"", Feeds(), None, dict[str, Address]()
    with _told(faults):
        key = maskkey.read(settings.mask_key)
    with _told(faults):
        names = Names(settings.dns) if settings.dns else None
    with _told(faults):
        targets = overrides(settings.resolve)
    with _told(faults):
        if settings.admin:
            endpoint(settings.admin)
    with _told(faults):
        if settings.feeds:
            feeds.open(settings.feeds)
    _look_for_room(settings.ledger, faults)
    folder, configuration = None, None
    if settings.rules is None:
        message, mend = "names no folder", "--set residency_rules=rules"
        faults.add(Fault("option residency_rules", 0, 0, "", message, mend))
    else:
        folder = RulesFolder(settings.rules, key)
        with _told(faults):
            configuration = folder.load()
    faults.check()
    if settings.ledger is None or folder is None or configuration is None:
        raise TypeError("a part without a value and without a fault")
    return Opening(
        settings=settings, ledger=settings.ledger, folder=folder, configuration=configuration,
        mask_key=key, feeds=feeds, names=names, overrides=targets,
    )  # fmt: skip


@contextmanager
def _told(faults: Faults) -> Iterator[None]:
    try:
        yield
    except ConfigurationError as e:
        faults.extend(e.faults)
    except ResidencyError as e:
        option, _, message = str(e).partition(": ")
        faults.add(Fault(option, 0, 0, "", message))


def _look_for_room(ledger: Path | None, faults: Faults) -> None:
    """The file itself is opened last, when nothing else is in the way: it is made if it is not there."""
    option = "option residency_ledger"
    if ledger is None:
        faults.add(Fault(option, 0, 0, "", "names no file; no record, no call"))
    elif not ledger.parent.is_dir():
        faults.add(Fault(option, 0, 0, "", f"{ledger.parent} is no folder", "make it"))
