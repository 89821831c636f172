"""JSON and base64url in which one value has one spelling and one meaning."""

import base64
import contextlib
import json
from collections.abc import Mapping


def json_object(text: str) -> dict[str, object]:
    """*text* as a JSON object.

    Raises:
        ValueError: It is none; or a name stands twice in one object, at any depth; or NaN or
            Infinity is written. Its message holds nothing of *text*, and nothing is chained to it.
    """
    value: object = None
    # What is raised here is not passed on: JSONDecodeError carries the whole text in its ``doc``.
    with contextlib.suppress(ValueError, RecursionError):
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    if not isinstance(value, dict):
        raise ValueError("not a JSON object in which every name stands once")  # noqa: TRY004
    return value


def unbase64url(text: str) -> bytes:
    """*text* decoded from base64url without padding (RFC 7515, 2).

    Raises:
        ValueError: A foreign character, padding, or another spelling of the same bytes.
    """
    raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), b"-_", validate=True)
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii") != text:
        raise ValueError("not base64url in its one spelling")
    return raw


def _object(pairs: list[tuple[str, object]]) -> Mapping[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _constant(_: str) -> object:
    raise ValueError("not a JSON number")
