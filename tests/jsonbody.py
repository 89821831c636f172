"""JSON bodies as the gateway reads and masks them, for tests that are about documents and not about messages."""

from collections.abc import Sequence
from typing import cast

from residency.core.body import Content, Masked, inspect_body, mask_body
from residency.core.mask.job import Counts
from residency.core.mask.sets import MaskSets
from residency.errors import Unread, UnreadReason


def content(raw: bytes, codings: Sequence[str]) -> Content:
    coded = (("content-encoding", coding) for coding in codings)
    return Content(raw, (("content-type", "application/json"), *coded))


def inspect(
    raw: bytes, codings: Sequence[str], sets: MaskSets, names: Sequence[str], *, limit: int
) -> Counts:
    """How much each field finds, zeros included.

    Raises:
        Unread: The body cannot be read.
    """
    found = inspect_body(content(raw, codings), sets, names, limit=limit)
    if found.reason:
        raise Unread(cast("UnreadReason", found.reason))
    labels = {name: [field.label for field in sets.get(name).fields] for name in names}
    return {n: {x: found.counts[n].get(x, 0) for x in every} for n, every in labels.items()}


def mask(
    raw: bytes, codings: Sequence[str], sets: MaskSets, names: Sequence[str], *, limit: int
) -> Masked:
    """The body masked, as ``mask_body`` has it."""
    return mask_body(content(raw, codings), sets, names, limit=limit)
