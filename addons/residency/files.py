"""The one place that reads rule folders.

A folder holds ``policy.yaml``, ``identity.yaml``, ``masks.yaml`` and, if need be, ``destinations.yaml``. Its own
``catalogue/`` and ``places/`` are used if it has them; else those that came with the package.
"""

import datetime
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from residency.core.configuration import FOLDERS, OPTIONAL, REQUIRED, Configuration, parse
from residency.core.faults import Faults
from residency.core.identity.endpoint import SecretSource
from residency.errors import ConfigurationError, Fault

_PACKAGE = Path(__file__).resolve().parent


def shipped_rules() -> Path:
    """The rules folder that came with the package: in a wheel beside the code, in a checkout at its top."""
    inside = _PACKAGE / "rules"
    return inside if inside.is_dir() else _PACKAGE.parents[1] / "rules"


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for name in (*REQUIRED, *OPTIONAL):
        # A link that leads nowhere is a fault, and not a file that was left out.
        if os.path.lexists(folder / name):
            yield name, folder / name
    for name in FOLDERS:
        base = (folder if os.path.lexists(folder / name) else shipped_rules()) / name
        for path in sorted(base.glob("*.yaml")):
            yield f"{name}/{path.name}", path


def sources(folder: Path) -> dict[str, str]:
    """File name → text, of everything that a configuration is made from.

    Raises:
        ConfigurationError: The folder is not there, or a file is not readable UTF-8 text.
    """
    faults = Faults()
    if not folder.is_dir():
        raise ConfigurationError(
            [Fault(str(folder), 0, 0, "", "is no folder", "name the folder with policy.yaml")]
        )
    for name in FOLDERS:
        if os.path.lexists(folder / name) and not (folder / name).is_dir():
            mend = "make it one, or remove it for the shipped one"
            faults.add(Fault(name, 0, 0, "", "is no folder", mend))
    texts = {}
    for name, path in _files(folder):
        try:
            texts[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as e:
            faults.add(
                Fault(
                    name, 0, 0, "", f"cannot be read: {type(e).__name__}", "UTF-8 text is needed"
                )
            )
    faults.check()
    return texts


def load(folder: Path, *, today: datetime.date) -> Configuration:
    """The configuration in *folder*, key files included.

    Raises:
        ConfigurationError: with every fault.
    """
    configuration = parse(sources(folder), today=today)
    jwks = {}
    for name in configuration.identity.files():
        path = folder / name
        try:
            jwks[name] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            continue  # ``KeyStore`` says which issuer lacks its file
    return configuration.trusting(jwks)


def stamp(folder: Path, files: Iterable[str] = ()) -> tuple[tuple[str | int, ...], ...]:
    """Changes whenever a file below *folder* does, one that ``load`` would read by a link, or one of *files*.

    *files* are paths as ``IssuerBook.files`` has them, which may lead out of the folder. Files of one size and one date,
    as images and packages have them, still differ in when they came to be where they are.
    """
    found = []
    read = (path for _, path in _files(folder))
    for path in sorted({*folder.rglob("*"), *read, *(folder / name for name in files)}):
        try:
            status = path.stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            found.append((str(path), status.st_ino, status.st_ctime_ns, status.st_size))
    return tuple(found)


#: Longest secret that is read, in bytes.
MAX_SECRET = 4096


def secret(folder: Path, source: SecretSource) -> str | None:
    """The gateway's own secret; ``None`` where there is none. A line's end after it is no part of it."""
    if source.kind == "env":
        text = os.environ.get(source.location, "")
    else:
        try:
            with (folder / source.location).open("rb") as file:
                text = file.read(MAX_SECRET + 1).decode("ascii").rstrip("\r\n")
        except (OSError, ValueError):
            return None
    return text if 0 < len(text) <= MAX_SECRET and text.isprintable() else None
