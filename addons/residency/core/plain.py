"""Plain values: what JSON can hold, and the one spelling of them that digests are made of."""

import hashlib
import json
from collections.abc import Mapping, Sequence

type Plain = bool | int | float | str | Sequence[Plain] | Mapping[str, Plain] | None


def canonical(value: Plain) -> bytes:
    """One spelling for equal values: sorted keys, no white space, ASCII only.

    Raises:
        ValueError: A number is NaN or infinite, so JSON has no spelling for it.
    """
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False
    )
    return text.encode("ascii")


def digest(value: Plain) -> str:
    """SHA-256 of the canonical spelling, in lower-case hexadecimal."""
    return hashlib.sha256(canonical(value)).hexdigest()
