"""The one place that reads and writes folders of address feeds.

A folder holds files as their publishers gave them, and ``manifest.json``, which names them with their SHA-256. What it
does not name is not read, and what is not as it says is refused, so a file counts from the moment its line does.
"""

import contextlib
import datetime
import hashlib
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import maxminddb
import pydantic

from residency.core.address import IP
from residency.core.plain import Plain
from residency.core.region import feedformats
from residency.core.region.feeds import Origin, Ranges
from residency.errors import ConfigurationError, Fault

MANIFEST: Final = "manifest.json"
MAX_MMDB: Final = 1024 * 1024 * 1024
#: MaxMind DB file format specification 2.0, "Database Metadata".
_MARKER: Final = b"\xab\xcd\xefMaxMind.com"
_TAIL: Final = 128 * 1024


class Line(pydantic.BaseModel):
    """What the manifest says about one feed. Times are UTC, ISO 8601; ``published`` as its publisher writes it."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    file: str = pydantic.Field(pattern=r"^[a-z0-9-]+-[0-9a-f]{12}\.(json|txt|mmdb)$")
    sha256: str = pydantic.Field(pattern=r"^[0-9a-f]{64}$")
    source: str
    published: str
    imported: datetime.datetime
    ranges: int


class Manifest(pydantic.BaseModel):
    """Feed name → what it is."""

    model_config = pydantic.ConfigDict(extra="forbid", frozen=True)

    version: int = pydantic.Field(1, ge=1, le=1)
    feeds: dict[str, Line] = pydantic.Field(default_factory=dict)


class Geolocation:
    """An MMDB: the country of an address, as somebody holds it to be. It is kept in memory, so the file may change."""

    kind = "mmdb"

    def __init__(self, data: bytes, source: str) -> None:
        """Raises ``ConfigurationError``: it is no such database, or tells no country."""
        try:
            self._reader = maxminddb.open_database(_Bytes(data), maxminddb.MODE_FD)
            meta = self._reader.metadata()
            self.count, kind = meta.node_count, meta.database_type
            at = datetime.datetime.fromtimestamp(meta.build_epoch, datetime.UTC)
            self.published = at.isoformat()
        except Exception as e:  # noqa: BLE001 - maxminddb 3.2 raises whatever the bytes lead to
            raise _fault(source, f"is no MMDB that can be read: {type(e).__name__}") from None
        self.name = "mmdb"
        if not any(word in kind.lower() for word in ("country", "city", "lite", "enterprise")):
            raise _fault(source, "is an MMDB without countries", "give one of countries")

    def find(self, ip: IP) -> tuple[Origin, ...]:
        try:
            found = self._reader.get(ip)
        except Exception:  # noqa: BLE001
            # An IPv6 address and an IPv4 database, or a record that is broken: nothing is said.
            return ()
        country = _country(found)
        return (Origin(country=country),) if country else ()


class _Bytes(io.BytesIO):
    """A file as ``MODE_FD`` reads it: whole, once."""

    name = "mmdb"


def _country(found: object) -> str:
    """``country.iso_code`` (MaxMind, DB-IP), else ``country_code`` (IPinfo Lite); never the country of registration."""
    if not isinstance(found, dict):
        return ""
    country = found.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else found.get("country_code")
    return code if isinstance(code, str) else ""


def _fault(source: str, message: str, mend: str = "") -> ConfigurationError:
    return ConfigurationError([Fault(source, 0, 0, "", message, mend)])


type Known = Ranges | Geolocation


def parse(data: bytes, source: str) -> Known:
    """The feed that *data* is, of whichever format.

    Raises:
        ConfigurationError: It is none, or has faults.
    """
    if _MARKER in data[-_TAIL:]:
        return Geolocation(data, source)
    return feedformats.parse(data, source)


@dataclass(frozen=True, slots=True)
class Folder:
    """Feeds that are in use, and the digest that stands for them all."""

    feeds: Sequence[Known] = ()
    digest: str = ""


def manifest(folder: Path) -> Manifest:
    """What *folder* holds; nothing if there is no folder yet.

    Raises:
        ConfigurationError: The manifest cannot be read.
    """
    path = folder / MANIFEST
    try:
        return Manifest.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Manifest()
    except (OSError, ValueError) as e:
        why = "is not what residency feeds import writes"
        raise _fault(str(path), f"{why}: {type(e).__name__}", "import the feeds anew") from None


def load(folder: Path) -> Folder:
    """Every feed of *folder*, each as its line says.

    Raises:
        ConfigurationError: with every fault: no feed at all, a file that is missing, another, or no feed.
    """
    lines, faults, found = manifest(folder).feeds, [], []
    if not lines:
        raise _fault(str(folder), "has no feeds", "residency feeds import FILE…")
    for name, line in sorted(lines.items()):
        path = folder / line.file
        try:
            data = read(path)
            if hashlib.sha256(data).hexdigest() != line.sha256:
                raise _fault(str(path), "is not the file that was imported", "import it anew")
            feed = parse(data, str(path))
            if feed.name != name:
                raise _fault(str(path), f"is no {name}", "import it anew")
            found.append(feed)
        except ConfigurationError as e:
            faults += e.faults
    if faults:
        raise ConfigurationError(faults)
    joined = "\n".join(f"{name} {line.sha256}" for name, line in sorted(lines.items()))
    return Folder(found, hashlib.sha256(joined.encode()).hexdigest())


def read(path: Path) -> bytes:
    """The bytes of *path*.

    Raises:
        ConfigurationError: It cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_MMDB + 1)
    except OSError as e:
        raise _fault(str(path), f"cannot be read: {e.strerror}") from None
    if len(data) > MAX_MMDB:
        raise _fault(str(path), f"is larger than {MAX_MMDB >> 20} MiB")
    return data


def stamp(folder: Path) -> object:
    """Changes whenever the manifest does."""
    with contextlib.suppress(OSError):
        status = (folder / MANIFEST).stat()
        return (status.st_mtime_ns, status.st_size, status.st_ino)
    return None


def write(
    folder: Path, given: Mapping[Path, tuple[bytes, Known]], now: datetime.datetime
) -> Manifest:
    """Take the files of *given* into *folder* in place of those of the same names: all of them, or none.

    Raises:
        OSError: The folder cannot be written. What was there before still counts.
        ConfigurationError: Its manifest cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = manifest(folder)
    lines = dict(before.feeds)
    for path, (data, feed) in given.items():
        sha256 = hashlib.sha256(data).hexdigest()
        ending = {"mmdb": "mmdb"}.get(feed.kind, "json" if data.lstrip()[:1] == b"{" else "txt")
        file = f"{feed.name}-{sha256[:12]}.{ending}"
        _put(folder, file, data)
        lines[feed.name] = Line(
            file=file, sha256=sha256, source=path.name, published=feed.published,
            imported=now, ranges=feed.count,
        )  # fmt: skip
    after = Manifest(feeds=lines)
    text: Plain = cast("Any", after.model_dump(mode="json"))
    _put(folder, MANIFEST, json.dumps(text, indent=2).encode() + b"\n")
    for line in before.feeds.values():
        if line not in after.feeds.values() and line.file not in {f.file for f in lines.values()}:
            (folder / line.file).unlink(missing_ok=True)
    return after


def _put(folder: Path, name: str, data: bytes) -> None:
    """Write a file so that it is whole whenever it is there."""
    partial = folder / f".{name}.{os.getpid()}"
    try:
        with partial.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / name)
    finally:
        partial.unlink(missing_ok=True)
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
