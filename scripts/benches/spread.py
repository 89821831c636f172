"""A few measurements of one thing: on a shared machine none of them is the truth."""

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Spread:
    """Median, least and most."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, values: Iterable[float]) -> Self:
        found = list(values)
        return cls(statistics.median(found), min(found), max(found))

    def to_plain(self) -> dict[str, float]:
        """Four digits say more than the machine knows."""
        return {n: float(f"{getattr(self, n):.4g}") for n in ("median", "min", "max")}

    def text(self, form: str = ".2f") -> str:
        return f"{self.median:{form}}  ({self.min:{form}} to {self.max:{form}})"
