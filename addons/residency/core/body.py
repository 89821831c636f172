"""A request body, read exactly or not at all: what stages, ``explain`` and policy tests share."""

import json
import re
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
    media_type: str = "",
) -> Carrying:
    """What a body carries of the sets *names*: a body that cannot be read is ``unread``, whatever is wrong with it.

    Raises:
        KeyError: *sets* does not have one of *names*.
    """
    if not names:
        return Carrying(state="read", signed=signed)
    try:
        data = coding.decode(raw, codings, limit=limit) if raw else b""
        if data:
            _check_media_type(data, media_type)
        counts = engine.inspect(data, (), sets, names, limit=limit)
    except Unread as e:
        return Carrying(state="unread", reason=e.reason, signed=signed)
    # Paths without a match are left out: a record is to say what is there.
    found = {name: {p: n for p, n in paths.items() if n} for name, paths in counts.items()}
    looked_for = {name: sets.get(name).paths for name in names}
    return Carrying(state="read", counts=found, signed=signed, sets=looked_for)


def _check_media_type(data: bytes, media_type: str) -> None:
    """Refuse a Content-Type by which the far side would read the body as something else than we do.

    JSON is read whatever its type says (clients that post JSON as a form are common), but not in another charset, and
    a bare JSON string may be a whole form.

    Raises:
        Unread: ``charset`` or ``not-json``.
    """
    kind, _, parameters = media_type.lower().partition(";")
    charset = re.search(r"charset\s*=\s*\"?([^\";\s]*)", parameters)
    if charset and charset[1] not in ("utf-8", "utf8", "us-ascii"):
        raise Unread("charset", "the Content-Type names another charset than UTF-8")
    is_json = (
        not kind.strip()
        or "json" in kind
        or kind.strip() in ("text/plain", "application/octet-stream")
    )
    if not is_json and data.lstrip()[:1] not in (b"{", b"["):
        raise Unread("not-json", "the Content-Type is another than JSON's")


def mask_body(
    raw: bytes, codings: Sequence[str], sets: MaskSets, names: Sequence[str], *, limit: int
) -> Masked:
    """The body without the values of the sets *names*.

    Raises:
        Unread: It cannot be done exactly.
    """
    return engine.mask(raw, codings, sets, names, limit=limit)
