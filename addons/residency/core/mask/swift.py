"""The quick way to mask: edit where a document of this shape has its fields, then prove that it was one.

The paths run over the *shape*, once; so what a body costs does not grow with their number. Three steps:

1. Find each key whose members are selected, in the order of the shape, and put the replacement in the value's place.
2. Match the *result* against the shape as one RE2 pattern, in which every selected place must hold its replacement.
3. Check the values that were taken out by themselves.

The plan's second run is thus the proof of its first. In a document of the shape ``"name":`` is a key and nothing else,
since a quote in a string has a backslash before it, no key of the shape has a quote or backslash or begins with what may
follow a string, and each key is spelled so, with no blank before the colon; every such key is
selected or none, or told by its order; and a scalar put in the place of a scalar changes nothing else. So if the result has
the shape, then so had the body, every selected value was found, and nothing else was touched. Where any of that does not
hold there is no answer, and the exact walk gives it.
"""

from collections import Counter
from contextlib import suppress

import msgspec

from residency.core.mask import shape, text
from residency.core.mask.course import By, Course, Replace, compiled
from residency.core.mask.edit import Edit
from residency.core.mask.shape import Unfit
from residency.core.mask.walk import Machine

__all__ = ["By", "Replace", "Swift"]

#: Smaller bodies are not worth a shape.
SMALLEST = 16_384
#: How many shapes a plan remembers.
SHAPES = 4
#: No string has a line end in it, so that each is looked at by itself.
_SCALARS = compiled(rb"(?:" + shape.SCALAR + rb"\n)*")


class Swift:
    """One plan's courses. What they are learnt from need not be trusted: each result is proven."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.courses: list[Course] = []

    def mask(
        self, data: bytes, replace: Replace, *, depth: int
    ) -> tuple[bytes, Counter[tuple[int, ...]]] | None:
        """*data* with every selected value replaced, and how many these paths selected; ``None``: ask the exact walk."""
        if self.machine.filtered or len(data) < SMALLEST or _large(data):
            return None
        for course in tuple(self.courses):
            suits = course.depth <= depth and course.suits(replace)
            found = _masked(data, course, replace) if suits else None
            if found:
                return found
        # Where a sample has no shape with which the plan can do, the whole has none either.
        with suppress(Unfit, msgspec.MsgspecError, UnicodeError, RecursionError):
            for sample, gaps in ((shape.SAMPLE, shape.gaps(data)), (None, shape.LOOSE)):
                node = shape.learn(msgspec.json.decode(data), sample)
                course = Course(node, gaps, self.machine, replace)
                if course.depth > depth:
                    return None
                if found := _masked(data, course, replace):
                    self.courses = [course, *self.courses][:SHAPES]
                    return found
        return None


def _large(data: bytes) -> bool:
    """True if *data* has more values than the exact walk reads."""
    return (
        len(data) > text.MAX_VALUES and sum(map(data.count, (b",", b"[", b"{"))) > text.MAX_VALUES
    )


def _masked(
    data: bytes, course: Course, replace: Replace
) -> tuple[bytes, Counter[tuple[int, ...]]] | None:
    try:
        edit = Edit.of(data, course)
    except Unfit:
        return None
    # Values by themselves first, so that functions get nothing but JSON.
    if not _SCALARS.fullmatch(b"\n".join([*edit.values(), b""])):
        return None
    result = edit.result(replace)
    if not course.proof.fullmatch(result):
        return None
    # The proof says nothing of what is no constant: so the replacements are looked for again.
    if not course.constant and not _again(result, course, edit):
        return None
    return (result if any(edit.values()) else data), edit.counts()


def _again(result: bytes, course: Course, edit: Edit) -> bool:
    """True if *course* finds in *result* the replacements that *edit* has put there, and nothing else."""
    try:
        return Edit.of(result, course).parts == edit.parts
    except Unfit:
        return False
