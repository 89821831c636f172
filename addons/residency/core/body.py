"""A request body, read exactly or not at all: what stages, ``explain`` and policy tests share."""

import json
from collections.abc import Sequence

from residency.core.mask import coding, engine
from residency.core.mask.engine import Masked
from residency.core.mask.sets import MaskSets
from residency.core.mask.text import parse
from residency.core.policy.decide import Carrying
from residency.errors import Unread


def read_json(raw: bytes, codings: Sequence[str], *, limit: int) -> object:
    """The JSON value of a body that is not empty. Numbers come as text.

    Raises:
        Unread: It is not exactly one strict JSON value.
    """
    text = parse(coding.decode(raw, codings, limit=limit)).text
    return json.loads(text, parse_int=str, parse_float=str)


def inspect_body(
    raw: bytes,
    codings: Sequence[str],
    sets: MaskSets,
    names: Sequence[str],
    *,
    signed: bool,
    limit: int,
) -> Carrying:
    """What a body carries of the sets *names*. Never raises: a body that cannot be read is ``unread``."""
    if not names:
        return Carrying(state="read", signed=signed)
    try:
        counts = engine.inspect(raw, codings, sets, names, limit=limit)
    except Unread as e:
        return Carrying(state="unread", reason=e.reason, signed=signed)
    # Paths without a match are left out: a record is to say what is there.
    found = {name: {p: n for p, n in paths.items() if n} for name, paths in counts.items()}
    looked_for = {name: sets.get(name).paths for name in names}
    return Carrying(state="read", counts=found, signed=signed, sets=looked_for)


def mask_body(
    raw: bytes, codings: Sequence[str], sets: MaskSets, names: Sequence[str], *, limit: int
) -> Masked:
    """The body without the values of the sets *names*.

    Raises:
        Unread: It cannot be done exactly.
    """
    return engine.mask(raw, codings, sets, names, limit=limit)
