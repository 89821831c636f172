"""Globs in rules: ``*`` stands for any text, everything else for itself, case and all."""

import re
from collections.abc import Iterable


def compile_globs(globs: Iterable[str], *, caseless: bool = False) -> re.Pattern[str]:
    """One pattern that full-matches what any of *globs* matches, in any case if *caseless*."""
    flags = re.DOTALL | re.IGNORECASE if caseless else re.DOTALL
    return re.compile("|".join(".*".join(map(re.escape, g.split("*"))) for g in globs), flags)


def meet(first: str, second: str) -> bool:
    """Whether some text matches both globs."""
    reached = {(0, 0)}
    todo = [(0, 0)]
    while todo:
        i, j = todo.pop()
        if (i, j) == (len(first), len(second)):
            return True
        for step in _steps(first, i, second, j) - reached:
            reached.add(step)
            todo.append(step)
    return False


def _steps(first: str, i: int, second: str, j: int) -> set[tuple[int, int]]:
    a, b = first[i : i + 1], second[j : j + 1]
    found = {(i + 1, j)} if a == "*" else set()
    if b == "*":
        found.add((i, j + 1))
    if a and b and (a == b or "*" in (a, b)):
        # A star stays where it is, and takes what the other one is.
        found.add((i if a == "*" else i + 1, j if b == "*" else j + 1))
    return found
