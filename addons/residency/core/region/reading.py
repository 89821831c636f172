"""Read positions out of a request: path segments decoded once, JSON, headers, query.

Whatever two readers could read differently is not read at all.
"""

import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, unquote

from residency.core.call import Head
from residency.core.region.cases import ABSENT, PENDING, UNREADABLE, Gap, Reading
from residency.core.region.pattern import PatternError

#: An empty body: every position in it is absent.
NO_BODY = ABSENT

_MAX_VALUE = 2048  # characters; longer is no name of anything
_MAX_VALUES = 32  # different values of one position; a batch of more kinds is not told apart
# Printable ASCII without " # \ here and ; ? below, where broken escapes are found too.
_RAW = re.compile(r"/[!$-\[\]^_`a-z{|}~]+")
_REFUSED = re.compile(r"[;?]|%(?![0-9A-Fa-f]{2})")
_DECODED = re.compile(r"[!$-:<->@-\[\]^_`a-z{|}~]+")
_NO_NAMES = frozenset(["", ".", ".."])
_STEP = re.compile(r"(\.\.?)([A-Za-z_][A-Za-z0-9_-]*)|\[\*\]")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]{0,15}):")  # RFC 3986 section 3.1


def segments(path: str) -> tuple[str, ...] | None:
    """The segments of *path*, decoded once; ``None`` where readers could disagree.

    That is: an empty, ``.`` or ``..`` segment, ``;``, a backslash, control, 8-bit or space
    characters, a broken escape, one that decodes to another (``%2567``), and an encoded ``/``
    anywhere but in an ARN.
    """
    if path == "/":
        return ()
    if not _RAW.fullmatch(path) or _REFUSED.search(path):
        return None
    parts = path[1:].split("/")
    for i, part in enumerate(parts) if "%" in path else ():
        if "%" in part:
            parts[i] = unquote(part, "latin-1")
            if not _is_plain(parts[i]):
                return None
    return tuple(parts) if _NO_NAMES.isdisjoint(parts) else None


def _is_plain(decoded: str) -> bool:
    if not _DECODED.fullmatch(decoded) or "%" in decoded:
        return False
    return "/" not in decoded or (
        decoded.startswith("arn:") and _NO_NAMES.isdisjoint(decoded.split("/"))
    )


type Step = tuple[str, str]
type Take = Literal["value", "scheme", "keys"]


@dataclass(frozen=True, slots=True)
class Read:
    """Where one position stands outside host and path, and what of it is read."""

    position: str
    kind: Literal["body", "header", "query"]
    name: str = ""
    steps: tuple[Step, ...] = ()
    take: Take = "value"

    def values(self, head: Head, body: object) -> tuple[Reading, ...]:
        """Every different value; at least one."""
        if self.kind == "body":
            return select(body, self.steps, self.take)
        if self.kind == "header":
            return _single([v for n, v in head.headers if n == self.name])
        return _single(
            [v for n, v in parse_qsl(head.query, keep_blank_values=True) if n == self.name]
        )


def steps(selector: str) -> tuple[Step, ...]:
    """``$.input..tools[*].type`` → ``((".", "input"), ("..", "tools"), ("*", ""), (".", "type"))``.

    Raises:
        PatternError: Anything but ``.name``, ``..name`` (at any depth) and ``[*]`` after ``$``.
    """
    found = list(_STEP.finditer(selector))
    if not selector.startswith("$") or sum(len(m[0]) for m in found) != len(selector) - 1:
        raise PatternError("is no selector such as $.model, $.requests[*].model or $.input..url")
    return tuple((m[1] or "*", m[2] or "") for m in found)


def select(body: object, path: tuple[Step, ...], take: Take = "value") -> tuple[Reading, ...]:
    """The different values at *path*: text, absent (or null), or unreadable (anything else).

    *take* reads only the scheme of URLs, or the names of objects' members.
    """
    if isinstance(body, Gap):
        return (body,)
    if take == "value" and (single := _single_value(body, path)) is not None:
        return (single,)
    nodes: list[object] = [body]
    for kind, name in path:
        nodes = _below(nodes, name) if kind == ".." else _within(nodes, name)
    if take == "keys":
        nodes = [key for node in nodes for key in _keys(node)]
    found = dict.fromkeys(map(_scheme if take == "scheme" else _reading, nodes))
    return (tuple(found) or (ABSENT,)) if len(found) <= _MAX_VALUES else (UNREADABLE,)


def _single_value(node: object, path: tuple[Step, ...]) -> Reading | None:
    """The reading at *path* where it leads through objects only, as most do; else ``None``."""
    for kind, name in path:
        if kind != "." or not isinstance(node, dict):
            return None
        node = node.get(name)
        if node is None:
            return ABSENT
    return _reading(node)


def _within(nodes: list[object], name: str) -> list[object]:
    """The values of *name* in each of *nodes*; their items if there is no name."""
    reached: list[object] = []
    for node in nodes:
        if node is None or isinstance(node, Gap):
            reached.append(node)
        elif not name:
            reached.extend(node if isinstance(node, list) else [UNREADABLE])
        else:
            reached.append(node.get(name) if isinstance(node, dict) else UNREADABLE)
    return reached


def _below(nodes: list[object], name: str) -> list[object]:
    """Every value of *name* in *nodes*, at any depth."""
    reached: list[object] = []
    stack = list(nodes)
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            reached.extend([node[name]] if name in node else [])
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
        elif isinstance(node, Gap):
            reached.append(node)
    return reached


def _keys(value: object) -> list[object]:
    """The members' names of an object; what is none cannot be read."""
    if isinstance(value, dict):
        return list(value)
    return [value if value is None or isinstance(value, Gap) else UNREADABLE]


def _reading(value: object) -> Reading:
    if value is None:
        return ABSENT
    if isinstance(value, Gap):
        return value
    return value if isinstance(value, str) and len(value) <= _MAX_VALUE else UNREADABLE


def _scheme(value: object) -> Reading:
    if isinstance(value, str):
        found = _SCHEME.match(value)
        return found[1].lower() if found else UNREADABLE
    return _reading(value)


def _single(values: list[str]) -> tuple[Reading, ...]:
    if not values:
        return (ABSENT,)
    return (_reading(values[0]),) if len(values) == 1 else (UNREADABLE,)


__all__ = ["NO_BODY", "PENDING", "UNREADABLE", "Read", "segments", "select", "steps"]
