"""Named parts of a body, seen as members of objects.

Names come more than once, and an object has each once: so a name's second value is in a second object, and every value
is selected by ``$.name``. A name that readers read in several ways (``names``) is there in each of them, and counts in
each. What is selected by other values, or by its place, is told in no such object.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from residency.core.mask.formats.names import Steps, readings
from residency.core.mask.formats.part import Part
from residency.errors import Unread

type Value = str | dict[str, "Value"] | list["Value"]
type New = bytes | None


@dataclass(slots=True)
class _Object:
    members: dict[str, Value] = field(default_factory=dict, repr=False)
    #: The number, the steps and the text of each value.
    entries: list[tuple[int, Steps, str]] = field(default_factory=list, repr=False)


class Members:
    """Named parts, by the numbers that their caller gives them."""

    def __init__(self) -> None:
        self._texts: list[_Object] = []
        self._documents: list[tuple[int, Steps, bytes]] = []
        self._used: Counter[str] = Counter()

    @property
    def is_one(self) -> bool:
        """True if all of them are members of one object, to every reader."""
        steps = [steps for one in self._texts for _, steps, _ in one.entries]
        steps += [steps for _, steps, _ in self._documents]
        return len(self._texts) + len(self._documents) <= 1 and all(len(s) == 1 for s in steps)

    def add(self, number: int, part: Part) -> None:
        """Take in *part*, which has a name."""
        for steps in readings(part.name or ""):
            if part.kind == "json":
                self._documents.append((number, steps, part.data))
            else:
                self._put(number, steps, part.data.decode())

    def _put(self, number: int, steps: Steps, text: str) -> None:
        at = self._used[steps[0]]
        self._used[steps[0]] += 1
        while len(self._texts) <= at:
            self._texts.append(_Object())
        self._texts[at].members[steps[0]] = _wrapped(text, steps[1:])
        self._texts[at].entries.append((number, steps, text))

    def each(self, mask: Callable[[bytes], bytes]) -> dict[int, New]:
        """What *mask* makes of those that it changes, when it is asked about whole documents; ``None``: it is no more.

        Raises:
            Unread: ``format``: a name was masked, or a value in two ways because its name is read in two.
        """
        new: dict[int, New] = {}
        for number, value in self._masked(mask):
            if new.setdefault(number, value) != value:
                raise Unread("format", "a field that is masked in two ways, by two readings of it")
        return new

    def _masked(self, mask: Callable[[bytes], bytes]) -> Iterator[tuple[int, New]]:
        for one in self._texts:
            document = json.dumps(one.members, ensure_ascii=False).encode()
            masked = mask(document)
            if masked != document:
                yield from _texts(one, json.loads(masked))
        for number, steps, data in self._documents:
            value = _document(steps, data, mask)
            if value != data:
                yield number, value


def _document(steps: Steps, data: bytes, mask: Callable[[bytes], bytes]) -> New:
    before = behind = b""
    for step in steps:
        before += b"[" if step == "[]" else b"{" + json.dumps(step).encode() + b": "
        behind = (b"]" if step == "[]" else b"}") + behind
    masked = mask(before + data + behind)
    if masked.startswith(before) and masked.endswith(behind):
        return masked[len(before) : -len(behind)]
    # What the part stands in was replaced, and the part with it.
    found = _found(json.loads(masked), steps)
    return None if found is _GONE else json.dumps(found).encode()


def _wrapped(text: str, steps: Sequence[str]) -> Value:
    value: Value = text
    for step in reversed(steps):
        value = [value] if step == "[]" else {step: value}
    return value


def _texts(one: _Object, masked: object) -> Iterator[tuple[int, New]]:
    """The values that are in *masked* where those of *one* were."""
    if not isinstance(masked, dict):
        # The whole object was replaced, and each of its values goes with it.
        yield from ((number, _said(masked)) for number, _, _ in one.entries)
        return
    if not masked.keys() <= one.members.keys():
        raise Unread("format", "a name that is masked")
    for number, steps, before in one.entries:
        after = _found(masked.get(steps[0], _GONE), steps[1:])
        if after != before:
            yield number, None if after is _GONE else _said(after)


_GONE = object()


def _found(value: object, steps: Sequence[str]) -> object:
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
