"""Messages of a WebSocket, masked and restored as bodies of JSON: what is read exactly passes, nothing else does."""

from residency.core.answer import Returning, whole
from residency.core.body import Content, Masked, mask_call, read_json
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets

_HEADERS = (("content-type", "application/json"),)


def mask_sent(
    raw: bytes, sets: MaskSets, names: tuple[str, ...], session: Session, *, limit: int
) -> tuple[Masked, Session]:
    """A text message from the client, as it may leave, and the session with the tokens given out for it.

    Raises:
        Unread: It is not exactly one JSON document of at most *limit* bytes, or cannot be masked.
    """
    read_json(raw, (), limit=limit)
    return mask_call(Content(raw, _HEADERS), sets, names, session, limit=limit)


def mask_received(raw: bytes, returning: Returning, *, limit: int) -> Masked:
    """A text message from the server, with fields of sets for responses masked and tokens restored.

    Raises:
        Unread: There are such sets, and it is not exactly one JSON document of at most *limit* bytes.
    """
    if returning.masks:
        read_json(raw, (), limit=limit)
    return whole(raw, _HEADERS, returning, limit=limit)
