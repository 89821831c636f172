"""What a provider says in its answer about where a call ran: the ``says`` of a catalogue entry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pydantic

from residency.core.document import Document, Path
from residency.core.faults import Faults
from residency.core.places import UNKNOWN, Places
from residency.core.region.pattern import PatternError
from residency.core.region.reading import Step, steps
from residency.core.region.tables import Model, Spread, Table, spread

type Kind = Literal["body", "event", "header"]


class SayModel(Model):
    """At least one place where it stands, and what its values mean.

    ``body`` selects in a JSON answer, ``event`` in the data of server-sent events, ``header`` is a response header.
    ``means`` has a place for each value (or ``nothing``: it says nothing), or is ``region``: the codes of the entry's
    table. Any other value says a place that is not known.
    """

    body: str | None = None
    event: str | None = None
    header: str | None = None
    means: dict[str, Spread | Literal["nothing"]] | Literal["region"]

    @pydantic.model_validator(mode="after")
    def _any_of(self) -> "SayModel":
        if self.body is None and self.event is None and self.header is None:
            raise ValueError("give body, event or header")
        return self


@dataclass(frozen=True, slots=True)
class Saying:
    """One place in an answer; ``means`` has ``None`` for a value that says nothing."""

    kind: Kind
    name: str = ""
    steps: tuple[Step, ...] = ()
    means: Mapping[str, Places | None] = field(default_factory=dict)

    def places(self, value: str) -> Places | None:
        """What *value* says: places, unknown if it is not among those that are documented, or nothing (``None``)."""
        return self.means.get(value, UNKNOWN)


def sayings(
    models: Sequence[SayModel], table: Table, document: Document, path: Path, faults: Faults
) -> tuple[Saying, ...]:
    """Every *model* by its kinds; faults at their places."""
    found: list[Saying] = []
    for i, model in enumerate(models):
        here: Path = (*path, i)
        means = _means(model, table, document, here, faults)
        if model.header is not None:
            found.append(Saying("header", model.header.lower(), means=means))
        selectors: tuple[tuple[Kind, str | None], ...] = (
            ("body", model.body),
            ("event", model.event),
        )
        for kind, selector in selectors:
            if selector is None:
                continue
            try:
                found.append(Saying(kind, steps=steps(selector), means=means))
            except PatternError as e:
                faults.add(document.fault((*here, kind), str(e)))
    return tuple(found)


def _means(
    model: SayModel, table: Table, document: Document, path: Path, faults: Faults
) -> dict[str, Places | None]:
    if model.means == "region":
        regions = table.codes("region")
        if not regions:
            faults.add(document.fault((*path, "means"), "is region, and the table has none"))
        return {code: answer.places for code, answer in regions.items()}
    return {
        value: None
        if places == "nothing"
        else spread(places, document, (*path, "means", value), faults)
        for value, places in model.means.items()
    }
