"""What one stage hands to the next: one record a stage, plain values, in ``flow.metadata``.

Plain, because mitmproxy can write metadata to a file and show it (12.2: ``set``, ``datetime`` and dataclasses raise on
writing). Typed at both ends. A record that is missing or odd is a ``StageError`` and so a denial: the order of the
stages is checked by use. Nothing secret goes in here, neither token nor unmasked value.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self, cast

from mitmproxy import http

from residency.core.plain import Plain
from residency.errors import StageError

PREFIX = "residency."


class Record(Protocol):
    """What can be handed on."""

    stage: ClassVar[str]

    def to_plain(self) -> dict[str, Plain]: ...

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """One run of one call through the chain. ``id`` is the decision id, ``at`` Unix time in seconds.

    ``settled`` is ``released`` or ``refused`` once the decision is in the ledger, ``done`` once the
    outcome is; empty before.
    """

    stage: ClassVar[str] = "ticket"

    id: str
    at: float
    settled: str = ""

    @property
    def day(self) -> datetime.date:
        """The day of the call, UTC: one for all its decisions, however long it is held."""
        return datetime.datetime.fromtimestamp(self.at, datetime.UTC).date()

    def to_plain(self) -> dict[str, Plain]:
        return {"id": self.id, "at": self.at, "settled": self.settled}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        id_, at, settled = plain["id"], plain["at"], plain["settled"]
        if not isinstance(id_, str) or not isinstance(at, float) or not isinstance(settled, str):
            raise TypeError("ticket: wrong types")
        return cls(id=id_, at=at, settled=settled)


def clear(flow: http.HTTPFlow) -> None:
    """Forget yesterday: copied, loaded and replayed flows carry an earlier run's records."""
    for key in [k for k in flow.metadata if k.startswith(PREFIX)]:
        del flow.metadata[key]


def write(flow: http.HTTPFlow, record: Record) -> None:
    flow.metadata[PREFIX + record.stage] = record.to_plain()


def drop(flow: http.HTTPFlow, kind: type[Record]) -> None:
    """Take a record back that no longer holds."""
    flow.metadata.pop(PREFIX + kind.stage, None)


def has(flow: http.HTTPFlow, kind: type[Record]) -> bool:
    return PREFIX + kind.stage in flow.metadata


def read[R: Record](flow: http.HTTPFlow, kind: type[R]) -> R:
    """The record that an earlier stage wrote.

    Raises:
        StageError: There is none, or it is not what ``to_plain`` answers.
    """
    plain = flow.metadata.get(PREFIX + kind.stage)
    if not isinstance(plain, dict):
        raise StageError(f"no {kind.stage} record")
    try:
        return kind.from_plain(cast("Mapping[str, Plain]", plain))
    except (KeyError, TypeError, ValueError) as e:
        raise StageError(f"odd {kind.stage} record") from e


def is_settled(flow: http.HTTPFlow) -> bool:
    """True once the call's decision is in the ledger. Cannot raise."""
    return bool(_settled(flow))


def was_released(flow: http.HTTPFlow) -> bool:
    """True from the moment that the call was let go, until its outcome is known. Cannot raise."""
    return _settled(flow) == "released"


def has_left(flow: http.HTTPFlow) -> bool:
    """True from the moment that the call was let go. Cannot raise."""
    return _settled(flow) in ("released", "done")


def _settled(flow: http.HTTPFlow) -> object:
    ticket = flow.metadata.get(PREFIX + Ticket.stage)
    return ticket.get("settled") if isinstance(ticket, dict) else ""


def find[R: Record](flow: http.HTTPFlow, kind: type[R]) -> R | None:
    """As ``read``, but ``None`` where there is no record."""
    return read(flow, kind) if has(flow, kind) else None
