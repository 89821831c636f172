"""What ``when`` and ``unless`` ask of a position, in the catalogue and in pins."""

from typing import Annotated, Literal

import pydantic

from residency.core.document import Document, Path
from residency.core.faults import Faults
from residency.core.region.cases import Condition
from residency.core.region.pattern import names

type Test = Literal["absent", "present"] | Annotated[list[str], pydantic.Field(min_length=1)]


def condition(
    position: str, test: Test, document: Document, path: Path, faults: Faults
) -> Condition:
    """*test* as it is asked: a text is exact, ``text*``, ``*text`` or another ``{position}``."""
    if isinstance(test, str):
        return Condition(position, present=test == "present")
    exact, starts, ends, same = [], [], [], []
    for i, text in enumerate(test):
        if text[:1] == "{" and names(text) == [text[1:-1]]:
            same.append(text[1:-1])
        elif text.count("*") > 1 or text[1:-1].count("*") or text in ("", "*"):
            message, mend = "has * elsewhere than at one end", "write text, text* or *text"
            faults.add(document.fault((*path, i), message, mend))
        elif text[-1] == "*":
            starts.append(text[:-1])
        elif text[0] == "*":
            ends.append(text[1:])
        else:
            exact.append(text)
    return Condition(
        position,
        exact=frozenset(exact),
        starts=tuple(starts),
        ends=tuple(ends),
        same=tuple(same),
    )
