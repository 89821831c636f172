"""The ledger: one record a line, each line sealed to the line before it.

A line is ASCII JSON in one spelling only, so that no control, bidi or ANSI byte reaches a terminal
and no second spelling of the same values passes::

    {"v":1,"seq":7,"time":"2026-11-22T11:00:00.123456Z","kind":"decision",…,"prev":"…","hash":"…"}

The fields stand between ``kind`` and ``prev``, as ``plain.canonical`` sorts them. ``seq`` counts
from 1 and so is the line's number. ``hash`` is the SHA-256 of ``plain.canonical`` of the record
without ``hash``; ``prev`` is the ``hash`` of the line before. A JSON reader that spells numbers as
Python does, and SHA-256, are all that is needed to check a ledger.

The order is the chain's, not the clock's: a clock may step back, and ``time`` with it.

A chain alone cannot tell that its tail was cut, nor that all of it was written anew. Both show
against an *anchor*: ``seq`` and ``hash`` of any one record, noted where the ledger's writer cannot
reach. ``verify`` takes one as ``expect``.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from residency.core.plain import Plain, canonical, digest
from residency.errors import VerifyError

VERSION = 1
#: ``prev`` of the first line.
GENESIS = "0" * 64
#: Bytes of one line, its LF included: what a reader may have to hold.
MAX_LINE = 1024 * 1024
#: How deep a field may nest, so that every JSON reader can follow.
MAX_DEPTH = 32

_ENVELOPE = frozenset({"v", "seq", "time", "kind", "prev", "hash"})
_ENVELOPE_SIZE = 512
_KIND = re.compile(r"[a-z][a-z0-9._-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")

#: ``seq`` and ``hash`` of one record; ``(0, GENESIS)`` stands before the first.
type Anchor = tuple[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a record says, before it has its place in the chain. Made by ``draft``."""

    kind: str
    time: str
    fields: Mapping[str, Plain]


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One line, read back. ``time`` is UTC, in microseconds, as it is spelled in the line."""

    seq: int
    time: str
    kind: str
    fields: Mapping[str, Plain]
    prev: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What a verified run of lines holds. ``head`` is the last ``hash``; no lines, no times."""

    count: int
    head: str
    first_time: str | None
    last_time: str | None
    kinds: Mapping[str, int]


@dataclass(slots=True)
class Chain:
    """Where a ledger ends: ``seq`` and ``hash`` of its last record."""

    seq: int = 0
    head: str = GENESIS

    def seal(self, kind: str, fields: Mapping[str, Plain], *, time: float) -> bytes:
        """The next line; the chain then ends there. ``time`` is Unix time in seconds.

        Raises:
            ValueError: As ``draft`` does; the chain has not moved.
        """
        return self.link(draft(kind, fields, time=time))

    def link(self, entry: Draft) -> bytes:
        """``seal``, for what is drafted already."""
        line, self.head = _spell(self.seq + 1, entry.time, entry.kind, entry.fields, self.head)
        self.seq += 1
        return line


def draft(kind: str, fields: Mapping[str, Plain], *, time: float) -> Draft:
    """A copy of what a record shall say, known to read back exactly as it will be written.

    Raises:
        ValueError: *kind* is not a short lower-case word, *time* is not a time, or *fields* use a
            name of the envelope, hold something that is not plain, nest deeper than ``MAX_DEPTH``,
            do not fit ``MAX_LINE``, or do not read back as written (keys that are halves of a
            surrogate pair). No message holds a value.
    """
    if not _KIND.fullmatch(kind):
        raise ValueError("a record's kind is a lower-case word of at most 64 characters")
    try:
        spelled = canonical(dict(fields))
    except (TypeError, ValueError, RecursionError):
        raise ValueError("a record's fields must be plain values") from None
    if len(spelled) > MAX_LINE - _ENVELOPE_SIZE:
        raise ValueError(f"a record is larger than {MAX_LINE} bytes")
    copy = _load(spelled)
    if copy is None or not _shallow(copy, MAX_DEPTH):
        raise ValueError(f"a record nests deeper than {MAX_DEPTH}")
    if canonical(copy) != spelled:
        raise ValueError("a record's fields do not read back as written")
    if taken := sorted(_ENVELOPE & copy.keys()):
        raise ValueError(f"a record's fields may not be named {', '.join(taken)}")
    return Draft(kind=kind, time=_spell_time(time), fields=copy)


def parse_line(line: bytes, *, number: int = 1) -> Record:
    """One line as a record, its spelling and its own ``hash`` checked, not its place in the chain.

    *number* is the line's number, for the error.

    Raises:
        VerifyError: The line is torn (no LF), not a record, altered, or spelled in another way.
    """
    if not line.endswith(b"\n"):
        raise VerifyError(number, "is torn: it has no line end")
    if len(line) > MAX_LINE:
        raise VerifyError(number, f"is longer than {MAX_LINE} bytes")
    values = _load(line)
    if values is None:
        raise VerifyError(number, "is not a JSON object")
    record = _record(values)
    if record is None:
        raise VerifyError(number, "is not a record of this version")
    try:
        exact, sealed = _spell(record.seq, record.time, record.kind, record.fields, record.prev)
    except (ValueError, RecursionError):
        raise VerifyError(number, "holds what is not a plain value") from None
    if sealed != record.hash:
        raise VerifyError(number, "was altered: its hash is that of other values")
    if exact != line:
        raise VerifyError(number, "was altered: it is spelled in another way than it was written")
    return record


def verify(
    lines: Iterable[bytes], *, after: Anchor = (0, GENESIS), expect: Anchor | None = None
) -> Summary:
    """What *lines* hold, if they are exactly what was written. Reads one line at a time.

    Args:
        lines: The ledger's lines with their LF, as iterating a binary file gives them.
        after: The record before the first of *lines*, where they do not begin the ledger.
        expect: A record that must be among *lines* (or be *after*). Without it a cut tail, down
            to no line at all, cannot be seen.

    Raises:
        VerifyError: The first fault: a line altered, removed, added, moved or torn, or the
            expected record missing or another. ``line`` is the ``seq`` that belongs there.
    """
    seq, head = after
    kinds: Counter[str] = Counter()
    first_time = last_time = None
    met = expect is None or expect == after
    for line in lines:
        record = parse_line(line, number=seq + 1)
        if (record.seq, record.prev) != (seq + 1, head):
            raise VerifyError(
                seq + 1,
                f"does not follow the line before (its seq is {record.seq}):"
                " lines were removed, added or moved",
            )
        seq, head = record.seq, record.hash
        if expect is not None and seq == expect[0]:
            if head != expect[1]:
                raise VerifyError(seq, "is another record than the one expected")
            met = True
        kinds[record.kind] += 1
        first_time = first_time or record.time
        last_time = record.time
    if not met:
        raise VerifyError(seq + 1, "is not there: the expected record is not in the ledger")
    return Summary(
        count=seq - after[0], head=head, first_time=first_time, last_time=last_time, kinds=kinds
    )


def _spell(
    seq: int, time: str, kind: str, fields: Mapping[str, Plain], prev: str
) -> tuple[bytes, str]:
    """The one spelling of a record, and its hash."""
    values = {"v": VERSION, "seq": seq, "time": time, "kind": kind, **fields, "prev": prev}
    sealed = digest(values)
    inner = canonical(fields)[1:-1].decode("ascii")
    parts = [
        f'"v":{VERSION},"seq":{seq},"time":"{time}","kind":"{kind}"',
        *([inner] if inner else []),
        f'"prev":"{prev}","hash":"{sealed}"',
    ]
    return f"{{{','.join(parts)}}}\n".encode("ascii"), sealed


def _load(text: bytes) -> dict[str, Plain] | None:
    try:
        values = json.loads(text.decode("ascii"))
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _record(values: dict[str, Plain]) -> Record | None:
    """The record that *values* are; ``None`` where the envelope is not one of ours."""
    version, seq = values.get("v"), values.get("seq")
    # type(), since True == 1 and 1.0 == 1
    if type(version) is not int or version != VERSION or type(seq) is not int or seq < 1:
        return None
    time, kind = values.get("time"), values.get("kind")
    if not isinstance(time, str) or not isinstance(kind, str):
        return None
    prev, sealed = values.get("prev"), values.get("hash")
    if not isinstance(prev, str) or not isinstance(sealed, str):
        return None
    if not (_is_time(time) and _KIND.fullmatch(kind) and _HASH.fullmatch(prev)):
        return None
    fields = {name: value for name, value in values.items() if name not in _ENVELOPE}
    return Record(seq=seq, time=time, kind=kind, fields=fields, prev=prev, hash=sealed)


def _shallow(value: Plain, room: int) -> bool:
    if isinstance(value, dict):
        return room > 0 and all(_shallow(part, room - 1) for part in value.values())
    if isinstance(value, list):
        return room > 0 and all(_shallow(part, room - 1) for part in value)
    return True


def _spell_time(time: float) -> str:
    try:
        return _spell_moment(datetime.fromtimestamp(time, UTC))
    except (TypeError, ValueError, OverflowError, OSError):
        raise ValueError("a record's time is not a Unix time") from None


def _is_time(text: str) -> bool:
    try:
        return _spell_moment(datetime.fromisoformat(text)) == text
    except ValueError:
        return False


def _spell_moment(moment: datetime) -> str:
    return moment.isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
