"""A verified caller, as ``residency whoami`` shows it: for people and for machines.

Takes a ``Caller`` whatever it was proved by, so that every way to prove one prints the same.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

from residency.cli import options, output
from residency.core.identity import Caller, Purpose
from residency.core.plain import Plain
from residency.core.policy.rule import Rule

_FITS = {"call": "calls", "approve": "rulings on held calls"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What there is to say of a caller at ``now`` (Unix time in seconds).

    ``audiences`` are what the proof is good for, ``calls`` the rules whose ``from`` takes the caller
    in, and ``rulings`` those on whose held calls the caller may rule. ``authorities`` is the file of those who signed a
    client certificate; empty for any other proof.
    """

    caller: Caller
    audiences: Sequence[Purpose]
    calls: Sequence[Rule]
    rulings: Sequence[Rule]
    now: float
    authorities: str = ""

    @classmethod
    def of(
        cls, caller: Caller, audiences: Sequence[Purpose], rules: Iterable[Rule], now: float
    ) -> Self:
        """With those of *rules* that name *caller*."""
        rules = tuple(rules)
        return cls(
            caller=caller,
            audiences=audiences,
            calls=[r for r in rules if "call" in audiences and r.names(caller)],
            rulings=[r for r in rules if "approve" in audiences and _may_rule(r, caller)],
            now=now,
        )

    @property
    def sources(self) -> dict[str, list[str]]:
        """Each group and what it comes from, in the words of identity.yaml."""
        found: dict[str, list[str]] = {group: [] for group in self.caller.groups}
        for group, origin in self.caller.sources:
            found[group].append(origin)
        return found

    def plain(self) -> Plain:
        """For machines."""
        return {
            "known": True,
            "subject": self.caller.subject,
            "issuer": self.caller.issuer,
            **({"authorities": self.authorities} if self.authorities else {}),
            "groups": list(self.caller.groups),
            "sources": {group: list(origins) for group, origins in self.sources.items()},
            "expires": output.moment(self.caller.expires),
            "expires_in": int(self.caller.expires - self.now),
            "audiences": list(self.audiences),
            "rules": [rule.id for rule in self.calls],
            "approves": [rule.id for rule in self.rulings],
        }

    def rows(self) -> list[tuple[str, output.Cell]]:
        """For people."""
        left = output.duration(self.caller.expires - self.now)
        groups = [
            f"{group} ({'; '.join(origins)})" if origins else group
            for group, origins in self.sources.items()
        ]
        calls, rulings = [_say(r) for r in self.calls], [_say(r) for r in self.rulings]
        if "call" in self.audiences and not calls:
            calls = ["none names this caller: every call is blocked"]
        if self.audiences == ["approve"] and not rulings:
            rulings = ["none: no approval names a group of this caller"]
        return [
            ("subject", (self.caller.subject, "green")),
            ("issuer", self.caller.issuer),
            *([("authorities", self.authorities)] if self.authorities else []),
            *_under("groups", groups or ["none"]),
            ("expires", f"{output.moment(self.caller.expires)}, in {left}"),
            ("fits", " and ".join(_FITS[a] for a in self.audiences)),
            *_under("rules", calls),
            *_under("approves", rulings),
        ]


def _may_rule(rule: Rule, caller: Caller) -> bool:
    return rule.approval is not None and not set(rule.approval.groups).isdisjoint(caller.groups)


def _under(name: str, cells: Iterable[str]) -> list[tuple[str, output.Cell]]:
    return [(name if n == 0 else "", cell) for n, cell in enumerate(cells)]


def _say(rule: Rule) -> str:
    over = rule.basis is not None and rule.basis.expired(options.today())
    return f"{rule.id} ({rule.then}{', its basis has ended' if over else ''})"
