"""The deployment's key for ``hmac``: random bytes in a file. Read once; a new one gives new texts for old values."""

import os
import stat
from pathlib import Path

from residency.core.faults import Faults
from residency.core.mask.session import SHORTEST_KEY
from residency.core.mask.sets import MaskSets
from residency.errors import Fault, ResidencyError

LONGEST_KEY = 4096
_MEND = "head -c 32 /dev/urandom > FILE; chmod 600 FILE"


def read(path: Path | None) -> bytes:
    """The key in the file *path*; empty without one.

    Raises:
        ResidencyError: It cannot be read, is shorter than the key of HMAC-SHA256 may be, or others can read it.
    """
    if path is None:
        return b""
    option = "option residency_mask_key"
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            key = file.read(LONGEST_KEY + 1)
    except OSError as e:
        raise ResidencyError(f"{option}: {path}: {type(e).__name__} ({_MEND})") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ResidencyError(f"{option}: {path} can be read by others: chmod 600 it")
    if not SHORTEST_KEY <= len(key) <= LONGEST_KEY:
        raise ResidencyError(
            f"{option}: {path} has {len(key)} bytes; {SHORTEST_KEY} to {LONGEST_KEY} are needed ({_MEND})"
        )
    return key


def check(sets: MaskSets, key: bytes, faults: Faults) -> None:
    """Add a fault that names each set that needs a key, if there is none: every call that it is for would be refused."""
    needing = [s.name for s in sets.sets if any(f.method.kind == "hmac" for f in s.fields)]
    if needing and not key:
        message = f"set {', '.join(needing)}: hmac needs the deployment's key"
        mend = "--set residency_mask_key=FILE, 32 random bytes for its owner alone"
        faults.add(Fault("masks.yaml", 0, 0, "", message, mend))
