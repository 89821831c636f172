"""What a pin declares: places, or a provider's regions with the type of what is deployed there.

The cases of ``where`` are as in the catalogue: positions of the entry that the pin speaks for, such
as the name of a deployment. A call that no case is about stays unknown.
"""

import difflib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Annotated

import pydantic

from residency.core.document import Document, Path
from residency.core.faults import Faults
from residency.core.places import Jurisdictions, Places
from residency.core.region.cases import Answer, Case, join
from residency.core.region.conditions import Test, condition
from residency.core.region.tables import Model, Spread, Table, spread

_NO_CASE = Answer(note="no case of its pin is about it")


class SaysModel(Model):
    """Where it runs. ``deployment`` is a type of the provider's, which says where from the regions."""

    places: Spread | None = None
    regions: Annotated[list[str], pydantic.Field(min_length=1)] | None = None
    jurisdiction: str | None = None
    deployment: str | None = None

    @property
    def ways(self) -> int:
        return sum(v is not None for v in (self.places, self.regions, self.jurisdiction))


class PinCaseModel(SaysModel):
    """What holds where the positions of the catalogue's entry are as ``when`` lists them."""

    when: dict[str, Test] = pydantic.Field(default_factory=dict)

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> "PinCaseModel":
        if self.ways > 1:
            raise ValueError("give one of places, regions and jurisdiction")
        return self


class DeclaredModel(SaysModel):
    """``where``: the first case that fits answers; ``regions`` beside it are those of its cases."""

    where: Annotated[list[PinCaseModel], pydantic.Field(min_length=1)] | None = None

    @pydantic.model_validator(mode="after")
    def _where_or_one_of(self) -> "DeclaredModel":
        if self.where is None and self.ways != 1:
            raise ValueError("give one of places, regions and jurisdiction")
        if self.where and (self.places is not None or self.jurisdiction or self.deployment):
            raise ValueError("where goes with regions only: its cases say the rest")
        return self

    @property
    def bare(self) -> bool:
        """Whether regions stand somewhere without the type of what is deployed there."""
        parts: Sequence[SaysModel] = self.where or [self]
        return any(p.deployment is None and (p.ways == 0 or p.regions) for p in parts)


@dataclass(frozen=True, slots=True)
class Context:
    """What a pin is read with."""

    document: Document
    table: Table
    named: Jurisdictions
    faults: Faults

    def fault(self, path: Path, message: str, mend: str = "") -> None:
        self.faults.add(self.document.fault(path, message, mend))


def cases(context: Context, model: DeclaredModel, path: Path) -> tuple[Case, ...]:
    """What *model* says, case by case; the last case is for every call."""
    if model.where is None:
        return (Case(answer=_answer(context, model, model.regions, path)),)
    found = []
    for j, case in enumerate(model.where):
        here: Path = (*path, "where", j)
        when = tuple(
            condition(name, test, context.document, (*here, "when", name), context.faults)
            for name, test in case.when.items()
        )
        regions = case.regions if case.regions or case.ways else model.regions
        if case.ways == 0 and regions is None:
            context.fault(here, "says no place", "give one of places, regions and jurisdiction")
        found.append(Case(when, answer=_answer(context, case, regions, here)))
    return (*found, Case(answer=_NO_CASE))


def _answer(
    context: Context, model: SaysModel, regions: Sequence[str] | None, path: Path
) -> Answer:
    if model.deployment is not None:
        return _deployed(context, model.deployment, regions, path)
    if model.places is not None:
        return Answer(spread(model.places, context.document, (*path, "places"), context.faults))
    if model.jurisdiction is not None:
        if model.jurisdiction not in context.named.members:
            context.fault((*path, "jurisdiction"), "is not in rules/places/jurisdictions.yaml")
        return Answer(Places(context.named.members.get(model.jurisdiction, frozenset())))
    codes = context.table.means("")
    answers = []
    for i, code in enumerate(regions or ()):
        if code in codes:
            answers.append(codes[code])
        else:
            where: Path = (*path, "regions", i)
            context.fault(
                where, f"{code!r} is no region of this pin's provider", _near(code, codes)
            )
    return join(answers) if answers else Answer()


def _near(code: str, codes: Collection[str]) -> str:
    """The mend for a region that there is none of. A pin without provider has no regions at all."""
    if not codes:
        return "name the provider whose region it is"
    near = difflib.get_close_matches(code, codes, n=3, cutoff=0)
    return f"the nearest known: {', '.join(near)}"


def _deployed(context: Context, kind: str, regions: Sequence[str] | None, path: Path) -> Answer:
    """Where deployments of type *kind* run, of resources in *regions*."""
    runs = context.table.deployments.get(kind)
    here: Path = (*path, "deployment")
    if runs is None:
        known = ", ".join(context.table.deployments) or "none"
        context.fault(here, "is no deployment type of this pin's provider", f"known: {known}")
        return Answer()
    if not regions:
        context.fault(here, "goes with regions: where it runs follows from them", "add regions")
        return Answer()
    missing = [code for code in regions if code not in runs]
    if missing:
        message = f"is no type for a resource in {missing[0]}: nothing says where it would run"
        context.fault(here, message, "write places, or another region or type")
        return Answer()
    return join([runs[code] for code in regions])
