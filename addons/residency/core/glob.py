"""Globs in rules: ``*`` stands for any text, everything else for itself, case and all."""

import re
from collections.abc import Iterable


def compile_globs(globs: Iterable[str]) -> re.Pattern[str]:
    """One pattern that full-matches what any of *globs* matches."""
    return re.compile("|".join(".*".join(map(re.escape, g.split("*"))) for g in globs), re.DOTALL)
