"""Whether work grows with its size and no faster: what another machine, load or coverage cannot change."""

import time
from collections.abc import Callable


def factor(small: Callable[[], object], large: Callable[[], object], *, below: float) -> float:
    """How many times the processor time of *small* that of *large* is.

    Both are run in turns, up to five, and the least of each counts; no more turns than it takes to come *below*. Work
    of ten times the size should take ten times as long; squared it takes a hundred, so a bound of 40 tells them apart.
    """
    least = [float("inf"), float("inf")]
    for _ in range(5):
        for i, work in enumerate((small, large)):
            began = time.process_time()
            work()
            least[i] = min(least[i], time.process_time() - began)
        if least[1] < below * least[0]:
            break
    return least[1] / max(least[0], 1e-9)
