"""Rules as values. Nothing here permits by default: the first action is block."""

import datetime
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from residency.core.glob import compile_globs, meet
from residency.core.places import Area
from residency.core.protocol.operations import GLOBS, PROTOCOLS, UNTOLD
from residency.core.signing.role import Role

if TYPE_CHECKING:
    from residency.core.identity import Caller
    from residency.core.region.destination import Destination


class Action(StrEnum):
    """What is done with a call."""

    BLOCK = "block"
    ALLOW = "allow"
    MASK = "mask"
    HOLD = "hold"


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """The legal ground for letting data out of ``home``; it counts through the day ``until`` (UTC)."""

    ground: str
    owner: str
    until: datetime.date

    def expired(self, today: datetime.date) -> bool:
        return today > self.until


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """Who may rule on a held call, and for how long.

    ``wait`` is how many seconds the caller is kept waiting, ``valid`` how many seconds from the
    first attempt a ruling may come in and be used.
    """

    groups: tuple[str, ...]
    quorum: int = 1
    wait: int = 55
    valid: int = 900


@dataclass(frozen=True, slots=True, kw_only=True)
class Who:
    """Callers. Every list that is given must match: any group, any subject, any issuer of it."""

    groups: tuple[str, ...] | None = None
    subjects: tuple[str, ...] | None = None
    issuers: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Data:
    """Which mask sets a body must, or must not, have matches of."""

    any_of: tuple[str, ...] = ()
    none_of: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        return self.any_of + self.none_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule. ``None`` in a criterion is "not asked for"."""

    id: str
    why: str
    then: Action
    who: Who
    functions: tuple[str, ...] | None
    methods: frozenset[str] | None
    to: Area | None
    carrying: Data | None
    mask: tuple[str, ...]
    approval: Approval | None
    basis: Basis | None
    #: Whether the calls that it allows or masks may be opening handshakes of WebSockets.
    websockets: bool = False
    #: As whom a call that its sender signed is signed anew once it is masked; ``None``: as nobody.
    resign: Role | None = None
    _functions: re.Pattern[str] | None = None
    _subjects: re.Pattern[str] | None = None
    #: Whether what the body names may matter: always to a block that could match such a name.
    reads_operations: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        # Compiled once; a frozen dataclass has no other way.
        for name, globs in (("_functions", self.functions), ("_subjects", self.who.subjects)):
            # Some providers read names in any case: Score would be a way around a block of score.
            caseless = name == "_functions" and self.then is Action.BLOCK
            pattern = compile_globs(globs, caseless=caseless) if globs is not None else None
            object.__setattr__(self, name, pattern)
        object.__setattr__(self, "reads_operations", self._about_operations())

    def _about_operations(self) -> bool:
        globs = self.functions or ()
        if self.then is Action.BLOCK:
            return any(meet(glob.lower(), told) for glob in globs for told in GLOBS)
        return any(glob.startswith(PROTOCOLS) for glob in globs)

    def admits_function(self, to: "Destination") -> bool | None:
        """Whether the functions of a call to *to* match; ``None`` if only its body, not yet looked at, tells.

        A block matches where one of them does. An allow, mask or hold is about the host's own function; one that names
        operations (``mcp:…``) is about every function of the call: all have to match, but for the host's own where that
        has no name. So no body can pass for another call by what it has besides.
        """
        if self._functions is None:
            return True
        told, block = to.operations, self.then is Action.BLOCK
        fits = (
            self._blocks(to.function)
            if block
            else bool(self._functions.fullmatch(to.function or ""))
        )
        if not self.reads_operations or (block and fits):
            return fits
        if block:
            return None if told is None else any(o == UNTOLD or self._blocks(o) for o in told)
        if told is None:
            return None if fits or to.silent else False
        return all(map(self._functions.fullmatch, told)) and (fits or bool(told and to.silent))

    def _blocks(self, function: str | None) -> bool:
        """Whether a block is about *function*.

        That is also what a name not wholly told (``aws:?:?``) might be, a name without its owner, and any case: one of
        ``aws:lambda:f`` holds for ``aws:lambda:123456789012/F``, which an allow of ``aws:lambda:f`` does not admit.
        """
        if self._functions is None or self._functions.fullmatch(function or ""):
            return True
        if not function:
            return False
        unowned = _unowned(function)
        return bool(self._functions.fullmatch(unowned)) or any(
            map(self._may_be, (function, unowned))
        )

    def _may_be(self, function: str) -> bool:
        told, unsure, _ = function.partition("?")
        told = told.lower()
        literals = (glob.split("*")[0].lower() for glob in self.functions or ())
        return bool(unsure) and any(told.startswith(x) or x.startswith(told) for x in literals)

    def names(self, caller: "Caller") -> bool:
        """True if the rule's ``from`` takes *caller* in; a rule without one takes in everybody."""
        who = self.who
        return (
            (who.groups is None or not set(who.groups).isdisjoint(caller.groups))
            and (who.issuers is None or caller.issuer in who.issuers)
            and (self._subjects is None or bool(self._subjects.fullmatch(caller.subject)))
        )


def _unowned(function: str) -> str:
    """``provider:service:owner/name`` without the owner."""
    *whose, name = function.split(":", 2)
    return ":".join((*whose, name.rpartition("/")[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules in file order; the first match wins, nothing matched is block."""

    home: Area
    rules: tuple[Rule, ...]
    digest: str
    #: Every mask set there is, by name.
    sets: tuple[str, ...] = ()

    def rule(self, id_: str) -> Rule | None:
        return next((r for r in self.rules if r.id == id_), None)

    @property
    def reads_operations(self) -> bool:
        """Whether what a body names may matter to some rule."""
        return any(rule.reads_operations for rule in self.rules)

    @property
    def sets_asked_for(self) -> tuple[str, ...]:
        """Every mask set that some rule's ``carrying`` or ``mask`` names, sorted; all, where a human may be asked."""
        names: set[str] = set()
        for rule in self.rules:
            names.update(rule.mask, rule.carrying.names if rule.carrying else ())
            if rule.then is Action.HOLD:
                names.update(self.sets)
        return tuple(sorted(names))
