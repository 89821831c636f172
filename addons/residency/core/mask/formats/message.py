"""One protobuf message as the members of a JSON object, and written again with others."""

import base64
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from residency.core.mask.formats import wire
from residency.core.mask.formats.wire import Raw
from residency.core.mask.text import utf8
from residency.errors import Unread

_DEPTH = 32
F = FieldDescriptor
_INTEGERS = {
    F.TYPE_INT32: 32, F.TYPE_INT64: 64, F.TYPE_ENUM: 32, F.TYPE_UINT32: -32, F.TYPE_UINT64: -64, F.TYPE_SINT32: 32,
    F.TYPE_SINT64: 64, F.TYPE_BOOL: -1,
}  # fmt: skip
_ZIGZAG = (F.TYPE_SINT32, F.TYPE_SINT64)
_FIXED = {
    F.TYPE_FIXED32: (wire.I32, "<I"), F.TYPE_SFIXED32: (wire.I32, "<i"), F.TYPE_FLOAT: (wire.I32, "<f"),
    F.TYPE_FIXED64: (wire.I64, "<Q"), F.TYPE_SFIXED64: (wire.I64, "<q"), F.TYPE_DOUBLE: (wire.I64, "<d"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Slot:
    """Where a record's value stands among its message's members: by name, then by place or key if there are several."""

    raw: Raw
    of: FieldDescriptor
    value: object = field(repr=False)
    key: int | str | None = None
    inner: "Message | None" = None


class Message:
    """One message: its ``members`` as JSON has them, and how to write it with others."""

    def __init__(self, of: Descriptor, data: bytes, depth: int = 0) -> None:
        if depth > _DEPTH:
            raise Unread("depth", f"messages more than {_DEPTH} deep")
        if of.full_name == "google.protobuf.Any":
            raise Unread("format", "a message of any type")
        self._data = data
        self._depth = depth
        self._slots: list[_Slot] = []
        self.members: dict[str, object] = {}
        for raw in wire.records(data):
            one = of.fields_by_number.get(raw.number)
            if one is None:
                raise Unread("format", "a field that no descriptor has")
            self._take(raw, one)

    def _take(self, raw: Raw, of: FieldDescriptor) -> None:
        if of.message_type and of.message_type.GetOptions().map_entry:
            self._entry(raw, of)
        elif of.is_repeated:
            rows = self.members.setdefault(of.name, [])
            for value, inner in self._values(raw, of):
                if isinstance(rows, list):
                    self._slots.append(_Slot(raw, of, value, len(rows), inner))
                    rows.append(value)
        else:
            if of.name in self.members:
                raise Unread("format", "a field twice that a message has once")
            value, inner = self._value(raw, of)
            self._slots.append(_Slot(raw, of, value, None, inner))
            self.members[of.name] = value

    def _entry(self, raw: Raw, of: FieldDescriptor) -> None:
        """A member of a map, which is a message of a key and a value."""
        _, inner = self._value(raw, of)
        entries = self.members.setdefault(of.name, {})
        if (
            inner is None
            or not isinstance(entries, dict)
            or inner.members.keys() != {"key", "value"}
        ):
            raise Unread("format", "a map's entry without key or value")
        key = str(inner.members["key"])
        if key in entries:
            raise Unread("format", "a map's key twice")
        entries[key] = inner.members["value"]
        self._slots.append(_Slot(raw, of, entries[key], key, inner))

    def _values(self, raw: Raw, of: FieldDescriptor) -> "Iterator[tuple[object, Message | None]]":
        """Those of one record of a repeated field: several if they are packed."""
        expected = _wire(of)
        if expected in (raw.wire, wire.LEN):
            yield self._value(raw, of)
            return
        if raw.wire != wire.LEN or raw.value == raw.end:
            raise Unread("format", "a field of another type than its descriptor's")
        at = raw.value
        while at < raw.end:
            end = (
                wire.varint(self._data, at)[1]
                if expected == wire.VARINT
                else at + (8 if expected == wire.I64 else 4)
            )
            if end > raw.end:
                raise Unread("format", "packed numbers that are cut")
            yield _scalar(self._data[at:end], of), None
            at = end

    def _value(self, raw: Raw, of: FieldDescriptor) -> "tuple[object, Message | None]":
        if raw.wire != _wire(of):
            raise Unread("format", "a field of another type than its descriptor's")
        data = self._data[raw.value : raw.end]
        if of.message_type:
            inner = Message(of.message_type, data, self._depth + 1)
            return inner.members, inner
        return _scalar(data, of), None

    def spelled(self, members: dict[str, object]) -> bytes:
        """The message with *members*, which are its own but for what was masked; unchanged records as they were.

        Raises:
            Unread: ``format``: the new value of a field cannot be one.
        """
        if not members.keys() <= self.members.keys():
            raise Unread("format", "a field's name that is masked")
        made: list[bytes] = []
        # Packed numbers share one record.
        for raw, group in groupby(self._slots, lambda slot: slot.raw):
            slots = list(group)
            new = [_at(members, slot, self.members[slot.of.name]) for slot in slots]
            if all(
                kept and value == slot.value
                for slot, (kept, value) in zip(slots, new, strict=True)
            ):
                made.append(self._data[raw.start : raw.end])
            elif any(kept for kept, _ in new):
                made.append(self._changed(slots[0], new[0][1]))
        return b"".join(made)

    def _changed(self, slot: _Slot, new: object) -> bytes:
        of, inner = slot.of, slot.inner
        if slot.raw.wire != _wire(of):
            raise Unread("format", "packed numbers that are masked")
        if inner is not None:
            if isinstance(slot.key, str):
                new = {**inner.members, "value": new}
            if not isinstance(new, dict):
                raise Unread("format", "a message cannot be a text")
            return wire.record(of.number, wire.LEN, inner.spelled(new))
        return wire.record(of.number, slot.raw.wire, _bytes(new, of))


def _at(members: dict[str, object], slot: _Slot, before: object) -> tuple[bool, object]:
    """Whether *slot* is still in *members*, and its value."""
    if slot.of.name not in members:
        return False, None
    new = members[slot.of.name]
    if slot.key is None:
        return True, new
    if isinstance(new, list) and isinstance(before, list) and isinstance(slot.key, int):
        if len(new) != len(before):
            raise Unread("format", "an element that is removed")
        return True, new[slot.key]
    if isinstance(new, dict) and isinstance(before, dict) and new.keys() <= before.keys():
        return slot.key in new, new.get(str(slot.key))
    raise Unread("format", "several values cannot be one")


def _wire(of: FieldDescriptor) -> int:
    if of.type in _INTEGERS:
        return wire.VARINT
    if of.type in _FIXED:
        return _FIXED[of.type][0]
    if of.type == F.TYPE_GROUP:
        raise Unread("format", "a group")
    return wire.LEN


def _scalar(data: bytes, of: FieldDescriptor) -> object:
    if of.type == F.TYPE_STRING:
        return utf8(data)
    if of.type == F.TYPE_BYTES:
        return base64.b64encode(data).decode()
    if of.type in _FIXED:
        return wire.float_of(data, _FIXED[of.type][1])
    number, _ = wire.varint(data, 0)
    bits = _INTEGERS[of.type]
    if of.type in _ZIGZAG:
        number = (number >> 1) ^ -(number & 1)
    elif bits > 0 and number >= 1 << 63:
        number -= 1 << 64
    low, high = (-(1 << (bits - 1)), 1 << (bits - 1)) if bits > 0 else (0, 1 << -bits)
    if not low <= number < high:
        raise Unread("format", "a number beyond its type")
    return bool(number) if of.type == F.TYPE_BOOL else number


def _bytes(value: object, of: FieldDescriptor) -> bytes:
    """*value* as the type of *of* spells it, without tag and length."""
    if of.type == F.TYPE_STRING and isinstance(value, str):
        return value.encode()
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if of.type in _FIXED and number:
        with suppress(struct.error, OverflowError):
            return struct.pack(_FIXED[of.type][1], value)
    if of.type in _INTEGERS and isinstance(value, int) and number and of.type != F.TYPE_BOOL:
        if of.type in _ZIGZAG:
            value = value << 1 if value >= 0 else (-value << 1) - 1
        return wire.spelled(value % (1 << 64))
    raise Unread("format", "a field cannot have the type of what masks it; write with: remove")
