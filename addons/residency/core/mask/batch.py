"""Many small documents masked as one: the elements of an array, and paths that begin in each element.

Asking about a document costs more than a small document does. What cannot be said of an array's elements as of documents
of their own is left to be asked one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from residency.core.mask import path as paths
from residency.core.mask.job import Counts, Job
from residency.core.mask.path import Path_

#: Fewer are asked about one by one.
FEWEST = 16
_BETWEEN = b",\n"
_one = msgspec.json.Decoder(msgspec.Raw)


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """A job for arrays of documents. Its fields are those of ``of``, in the same order."""

    job: Job
    of: Job

    def counts(self, found: Counts) -> Counts:
        """*found*, which names the fields of ``job``, as ``of`` names them."""
        made = self.of.counts()
        for (holder, own), (_, asked) in zip(self.of.rows, self.job.rows, strict=True):
            name = self.of.sets[holder].name
            made[name][own.label] = found[name][asked.label]
        return made


@lru_cache(maxsize=32)
def batch(job: Job) -> Batch | None:
    """*job* for arrays of documents; ``None`` if a path of it looks at the whole document, or takes it away."""
    try:
        sets = [
            replace(
                one,
                fields=tuple(
                    replace(f, path=_shifted(f.path)) if f.path else f
                    for holder, f in job.rows
                    if holder == number
                ),
                directions=frozenset({"request"})
                if any(h == number for h, _ in job.rows)
                else frozenset(),
                json=tuple(map(_shifted, one.json)),
                text_or_json=tuple(map(_shifted, one.text_or_json)),
                schemas=tuple(map(_shifted, one.schemas)),
            )
            for number, one in enumerate(job.sets)
        ]
    except ValueError:
        return None
    inside = any(one.json or one.text_or_json for one in job.sets)
    # In a string that holds JSON the paths are those of a document, not of an array.
    return None if inside else Batch(Job(sets, "request"), job)


def _shifted(path: Path_) -> Path_:
    if path.text in ("$", "$~") or "$" in path.text[1:]:
        raise ValueError("looks at the whole document")
    shifted = paths.compile("$[*]" + path.text[1:])
    return shifted.in_any_case if path.folds else shifted


def joined(documents: Sequence[bytes]) -> bytes | None:
    """*documents* as one array; ``None`` if one of them is not one JSON value on one line."""
    if len(documents) < FEWEST or any(b"\n" in one for one in documents):
        return None
    try:
        for one in documents:
            _one.decode(one)
    except (msgspec.DecodeError, RecursionError):
        return None
    return b"[" + _BETWEEN.join(documents) + b"]"


def parted(array: bytes) -> list[bytes]:
    """The documents in what ``joined`` made, or a mask made of that: no JSON string has a line end in it."""
    return array[1:-1].split(_BETWEEN)
