"""The answer about one call: what is called, where it may be processed, and how that is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, get_args

from residency.core.places import UNKNOWN, Places
from residency.core.plain import Plain

type Status = Literal["declared", "verified", "unknown", "conflict"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One ground for an answer.

    ``kind`` is where it was seen: host, path, body, header, query, pin or catalogue. It names
    positions, region codes and entries, never a value of the body or path.
    """

    kind: str
    says: str
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """One call's target. The default of everything is the unknown one.

    ``function`` is ``provider:service:name``, in which a part that cannot be told, or that is
    no plain name, is ``?``. ``entry`` is the id of the catalogue entry or pin that
    answered. ``provisional`` says that the body, not yet read, may change the answer.
    ``operations`` are further functions that the body names (``protocol.operations``); ``None``
    until it has been looked at.
    """

    provider: str | None = None
    function: str | None = None
    regions: tuple[str, ...] = ()
    places: Places = UNKNOWN
    status: Status = "unknown"
    evidence: tuple[Evidence, ...] = ()
    entry: str | None = None
    provisional: bool = False
    operations: tuple[str, ...] | None = None

    def to_plain(self) -> dict[str, Plain]:
        return {
            "provider": self.provider,
            "function": self.function,
            "regions": list(self.regions),
            "places": self.places.to_plain(),
            "status": self.status,
            "evidence": [
                {"kind": e.kind, "says": e.says, "source": e.source} for e in self.evidence
            ],
            "entry": self.entry,
            "provisional": self.provisional,
            "operations": None if self.operations is None else list(self.operations),
        }

    @property
    def called(self) -> str:
        """Every function of the call, for people; empty if none is known."""
        return ", ".join(f for f in (self.function, *(self.operations or ())) if f)

    @property
    def silent(self) -> bool:
        """Whether the host's own interface names no function, so that only the body may.

        That is so for hosts that only a pin declares, or nothing, and for interfaces whose service
        is the protocol itself.
        """
        if self.function is None:
            return True
        _, service, name = self.function.split(":", 2)
        pinned = self.entry is not None and self.entry.startswith("pin:")
        return name == "?" and (pinned or service in ("graphql", "mcp"))

    @classmethod
    def from_plain(cls, plain: Plain) -> Self:
        """The inverse of ``to_plain``.

        Raises:
            TypeError: *plain* is nothing that ``to_plain`` answers.
        """
        if not isinstance(plain, Mapping) or plain.keys() | {"operations"} != _KEYS:
            raise TypeError("a destination must have exactly its own keys")
        operations = plain.get("operations")  # older records have none
        provisional = plain["provisional"]
        if not isinstance(provisional, bool):
            raise TypeError("provisional must be true or false")
        return cls(
            provider=_text_or_none(plain["provider"]),
            function=_text_or_none(plain["function"]),
            regions=tuple(_text(r) for r in _list(plain["regions"])),
            places=Places.from_plain(plain["places"]),
            status=_status(plain["status"]),
            evidence=tuple(_evidence(e) for e in _list(plain["evidence"])),
            entry=_text_or_none(plain["entry"]),
            provisional=provisional,
            operations=None if operations is None else tuple(_text(o) for o in _list(operations)),
        )


_KEYS = set(Destination.__dataclass_fields__)
_STATUS: dict[str, Status] = {s: s for s in get_args(Status.__value__)}


def _text(plain: Plain) -> str:
    if not isinstance(plain, str):
        raise TypeError("a text is expected")
    return plain


def _text_or_none(plain: Plain) -> str | None:
    return None if plain is None else _text(plain)


def _list(plain: Plain) -> list[Plain]:
    if not isinstance(plain, list):
        raise TypeError("a list is expected")
    return plain


def _status(plain: Plain) -> Status:
    if not isinstance(plain, str) or plain not in _STATUS:
        raise TypeError("status must be declared, verified, unknown or conflict")
    return _STATUS[plain]


def _evidence(plain: Plain) -> Evidence:
    if not isinstance(plain, Mapping) or plain.keys() != {"kind", "says", "source"}:
        raise TypeError("evidence must have kind, says and source")
    return Evidence(_text(plain["kind"]), _text(plain["says"]), _text(plain["source"]))
