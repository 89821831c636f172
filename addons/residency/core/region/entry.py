"""One catalogue entry, compiled: what it reads, what it says, and what it is called."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from residency.core.call import Head
from residency.core.region.cases import (
    ABSENT,
    PENDING,
    UNREADABLE,
    Answer,
    Binding,
    Case,
    Gap,
    Reading,
    join,
    say,
)
from residency.core.region.destination import Evidence
from residency.core.region.pattern import PathPattern, Template
from residency.core.region.reading import Read
from residency.core.region.says import Saying

_MAX_BINDINGS = 64


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """``path_names`` are the positions that paths give, ``shaped`` those that each shape gives.

    ``also``: what the call sets off beside its own work; its answer joins that of ``cases``.
    ``deploys``: the region of a pin says where the call runs only with a deployment type.
    """

    id: str
    provider: str
    service: Template
    function: Template
    paths: tuple[PathPattern, ...]
    path_names: tuple[str, ...]
    positions: frozenset[str]
    reads: tuple[Read, ...]
    shapes: Mapping[str, tuple[re.Pattern[str], ...]]
    shaped: Mapping[str, tuple[str, ...]]
    cases: tuple[Case, ...]
    also: tuple[Case, ...]
    deploys: bool
    says: tuple[Saying, ...]
    evidence: tuple[Evidence, ...]
    source: str
    as_of: str
    confidence: str

    @property
    def reads_body(self) -> bool:
        return any(read.kind == "body" for read in self.reads)

    @property
    def pinnable(self) -> bool:
        """Whether the provider leaves some of its places to the customer's set-up."""
        return any(case.answer.pin for case in self.cases)

    def take(self, path: tuple[str, ...]) -> dict[str, str] | None:
        """The path's positions if this entry is about *path*."""
        if not self.paths:
            return {}
        for pattern in self.paths:
            if (found := pattern.match(path)) is not None:
                return found
        return None

    def bindings(self, head: Head, body: object, known: Binding) -> list[dict[str, Reading]]:
        """Every combination of values that the request gives the positions; at least one."""
        found: list[dict[str, Reading]] = [dict(known)]
        for read in self.reads:
            values = read.values(head, body)
            if len(found) * len(values) > _MAX_BINDINGS:
                values = (UNREADABLE,)
            if len(values) == 1:
                for binding in found:
                    binding[read.position] = values[0]
                continue
            found = [{**binding, read.position: value} for binding in found for value in values]
        for binding in found if self.shapes else ():
            self._shape(binding)
        return found

    def _shape(self, binding: dict[str, Reading]) -> None:
        for position, patterns in self.shapes.items():
            value = binding.get(position, ABSENT)
            if isinstance(value, Gap):
                # What would be a part of something unread is unread, not absent.
                binding.update(dict.fromkeys(self.shaped[position], value))
                continue
            match = next((m for p in patterns if (m := p.fullmatch(value))), None)
            # A value of another shape is not read: kept whole, it would be taken for a name.
            gap = ABSENT if match else UNREADABLE
            binding.update(dict.fromkeys((position, *self.shaped[position]), gap))
            found = match.groupdict() if match else {}
            binding.update({name: part for name, part in found.items() if part is not None})

    def say(self, bindings: Sequence[Binding]) -> Answer:
        """Where the call may be processed, whichever of *bindings* is the true one."""
        answer = say(self.cases, bindings)
        beside = [b for b in bindings if any(c.applies(b) is not False for c in self.also)]
        return join([answer, say(self.also, beside)]) if beside else answer

    def call(self, bindings: Sequence[Binding]) -> str:
        """``provider:service:name``; ``?`` for the name if *bindings* differ in it."""
        if len(bindings) == 1:
            only = bindings[0]
            return f"{self.provider}:{self.service.fill(only)}:{self.function.fill(only)}"
        service, *services = (self.service.fill(binding) for binding in bindings)
        function, *functions = (self.function.fill(binding) for binding in bindings)
        service = service if all(s == service for s in services) else "?"
        function = function if all(f == function for f in functions) else "?"
        return f"{self.provider}:{service}:{function}"

    @property
    def services(self) -> frozenset[str]:
        """What the service may be, where it is one position and every other value is unknown; else empty."""
        position, named = self.service.position, set[str]()
        for case in self.cases:
            values = {v for c in case.when if c.position == position for v in c.exact}
            if not values and (case.answers is not None or not case.answer.places.unknown):
                return frozenset()
            named |= values
        return frozenset(named)

    def names(self) -> set[str]:
        """Globs of rules for what ``call`` may answer, whatever the name."""
        services = self.services or {self.service.glob()}
        return {f"{self.provider}:{service}:*" for service in services}

    def pending(self, body: object) -> bool:
        return body is PENDING and self.reads_body
