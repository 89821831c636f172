"""Durations as people write them: ``55s``, ``15m``, ``24h``, ``7d``."""

import re
from typing import Annotated

import pydantic

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text: str) -> int:
    """How many seconds *text* stands for.

    Raises:
        ValueError: It is not a whole number with one of the units s, m, h, d.
    """
    found = re.fullmatch(r"([0-9]{1,6})([smhd])", text)
    if not found:
        raise ValueError("a duration is a whole number and a unit: 55s, 15m, 24h or 7d")
    return int(found[1]) * _UNITS[found[2]]


def _parse(value: object) -> object:
    return seconds(value) if isinstance(value, str) else value


type Seconds = Annotated[int, pydantic.BeforeValidator(_parse)]
