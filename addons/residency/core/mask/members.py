"""Named parts of a body, seen as members of objects.

Names come more than once, and an object has each once: so a name's second value is in a second object, and every value
is selected by ``$.name``. Readers of forms take ``user[email]`` and ``user.email`` for an ``email`` in a ``user``; such
a value is there under its whole name and in the place that these readers give it, and counts in both.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from residency.core.mask.formats.part import Part
from residency.errors import Unread

type Value = str | dict[str, "Value"] | list["Value"]

_STEPS = re.compile(r"\[\]|[^\[\].]+")


@dataclass(slots=True)
class _Object:
    members: dict[str, Value] = field(default_factory=dict, repr=False)
    #: The number, the name and the steps of each value.
    entries: list[tuple[int, str, list[str]]] = field(default_factory=list)


class Members:
    """Named parts, by the numbers that their caller gives them."""

    def __init__(self) -> None:
        self._texts: list[_Object] = []
        self._documents: list[tuple[int, Part]] = []
        self._used: Counter[str] = Counter()

    def add(self, number: int, part: Part) -> None:
        """Take in *part*, which has a name."""
        if part.kind == "json":
            self._documents.append((number, part))
            return
        name = part.name or ""
        steps = _STEPS.findall(name)
        nested = len(steps) > 1 and steps != [name]
        keys = {name, steps[0]} if nested else {name}
        at = max(self._used[key] for key in keys)
        self._used.update(dict.fromkeys(keys, 0))
        for key in keys:
            self._used[key] = at + 1
        while len(self._texts) <= at:
            self._texts.append(_Object())
        text = part.data.decode()
        into = self._texts[at]
        into.members[name] = text
        if nested:
            into.members[steps[0]] = _wrapped(text, steps[1:])
        into.entries.append((number, name, steps if nested else []))

    def each(self, mask: Callable[[bytes], bytes]) -> Iterator[tuple[int, bytes | None]]:
        """What *mask* makes of each, when it is asked about whole documents; ``None``: it is no more.

        Raises:
            Unread: ``format``: a name was masked.
        """
        for one in self._texts:
            document = json.dumps(one.members, ensure_ascii=False).encode()
            masked = mask(document)
            if masked != document:
                yield from _texts(one, json.loads(masked))
        for number, part in self._documents:
            before = json.dumps({part.name: None}).encode()[: -len("null}")]
            masked = mask(before + part.data + b"}")
            if masked == b"{}" or not masked.startswith(before):
                raise Unread("format", "a name that is masked, or a part that cannot be removed")
            yield number, masked[len(before) : -1]


def _wrapped(text: str, steps: list[str]) -> Value:
    value: Value = text
    for step in reversed(steps):
        value = [value] if step == "[]" else {step: value}
    return value


def _texts(one: _Object, masked: object) -> Iterator[tuple[int, bytes | None]]:
    """The values that are in *masked* where those of *one* were."""
    if not isinstance(masked, dict):
        # The whole object was replaced, and each of its values goes with it.
        yield from ((number, _said(masked)) for number, _, _ in one.entries)
        return
    if not masked.keys() <= one.members.keys():
        raise Unread("format", "a name that is masked")
    for number, name, steps in one.entries:
        before = one.members[name]
        after = masked.get(name, _GONE)
        if steps and after == before:
            after = _found(masked.get(steps[0], _GONE), steps[1:])
        if after != before:
            yield number, None if after is _GONE else _said(after)


_GONE = object()


def _found(value: object, steps: list[str]) -> object:
    """What stands in *value* where *steps* lead, or in the place of what they lead through."""
    for step in steps:
        if isinstance(value, dict):
            if value and step not in value:
                raise Unread("format", "a name that is masked")
            value = value.get(step, _GONE)
        elif isinstance(value, list):
            value = value[0] if value else _GONE
    return value


def _said(value: object) -> bytes:
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()
