r"""Several detectors over many strings at once.

Asking a detector costs more than a short string does. So strings are put into one text, ``\x00`` between, and what is
found is brought back to the string in which it stands.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from residency.core.mask.detect.base import Detector
from residency.core.mask.detect.fold import fold

_BETWEEN = "\x00"


@dataclass(frozen=True, slots=True)
class Span:
    """What detector number ``which`` found, in characters of its string."""

    start: int
    end: int
    which: int


def find(texts: Sequence[str], detectors: Sequence[Detector]) -> dict[int, list[Span]]:
    """By the number of the string, everything that *detectors* find in it. Spans may overlap."""
    # Keys, and much of what bodies say, come again and again.
    once = list(dict.fromkeys(texts))
    found = _find(once, detectors)
    if not found or len(once) == len(texts):
        return found
    spans = {once[number]: spans for number, spans in found.items()}
    return {number: spans[text] for number, text in enumerate(texts) if text in spans}


def _find(texts: Sequence[str], detectors: Sequence[Detector]) -> dict[int, list[Span]]:
    found: dict[int, list[Span]] = {}
    together = [n for n, detector in enumerate(detectors) if not detector.whole]
    if together:
        starts = [0, *accumulate(len(text) + 1 for text in texts)]
        for span in _spans(_BETWEEN.join(texts), detectors, together):
            number = bisect_right(starts, span.start) - 1
            at = starts[number]
            end = min(span.end - at, len(texts[number]))
            found.setdefault(number, []).append(Span(span.start - at, end, span.which))
    if apart := [n for n, detector in enumerate(detectors) if detector.whole]:
        for number, text in enumerate(texts):
            if spans := list(_spans(text, detectors, apart)):
                found.setdefault(number, []).extend(spans)
    return found


def _spans(text: str, detectors: Sequence[Detector], which: Sequence[int]) -> Iterator[Span]:
    folded = fold(text)
    for number in which:
        for start, end in detectors[number].spans(folded.text):
            yield Span(*folded.span(start, end), number)
