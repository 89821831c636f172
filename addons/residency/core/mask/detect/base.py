"""What every detector is: a name, and spans found in a text."""

from collections.abc import Iterator
from typing import Protocol


class Detector(Protocol):
    r"""Finds one kind of data in texts.

    ``spec`` is how rules spell it, ``kind`` its short name, which tokens carry. ``whole`` is true if the detector must
    see each string by itself; any other may be given several in one text, with ``\x00`` between, over which it must
    not reach.
    """

    @property
    def spec(self) -> str: ...

    @property
    def kind(self) -> str: ...

    @property
    def whole(self) -> bool: ...

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Start and end of everything found, in characters, ascending and apart."""
        ...
