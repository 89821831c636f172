"""Packages of npm in a cache folder, put there once for a lock file."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SECONDS = 120


class Unavailable(Exception):  # noqa: N818 - named as what is wrong
    """What node is needed for cannot be had on this machine; the text says why."""


def installed(npm: str, source: Path, files: Sequence[str], name: str) -> Path:
    """The folder with *files* of *source* and what their lock file names.

    Args:
        npm: The command.
        source: Where the files are.
        files: Their names; package.json and its lock file are among them.
        name: What the folder's name begins with.

    Raises:
        Unavailable: The packages cannot be had.
    """
    digest = hashlib.sha256(b"".join((source / file).read_bytes() for file in files)).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "mitmproxy-residency" / f"{name}-{digest[:16]}"
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Beside the place first, and then there in one step: two that install at once do not meet.
    with tempfile.TemporaryDirectory(dir=folder.parent) as work:
        place = Path(work) / name
        place.mkdir()
        for file in files:
            shutil.copy(source / file, place / file)
        argv = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            done = subprocess.run(
                argv, cwd=place, capture_output=True, timeout=SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            raise Unavailable("npm ci took too long") from None
        if done.returncode:
            raise Unavailable(f"npm ci failed with status {done.returncode}")
        try:
            place.rename(folder)
        except OSError:
            # Another was there first.
            if not folder.is_dir():
                raise
    return folder
