"""``rules/catalogue/*.yaml``: the format."""

from typing import Annotated, Literal

import pydantic

from residency.core.region.conditions import Test
from residency.core.region.says import SayModel
from residency.core.region.tables import AsOf, Confidence, Model, Spread

type Id = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{1,79}$")]


type Provider = Annotated[str, pydantic.StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]*$")]


class ReadModel(Model):
    """Where a position stands: ``body`` is a selector, ``header`` and ``query`` are names.

    ``take: scheme`` reads of a URL only what stands before its first colon, ``take: keys`` of an
    object its members' names.
    """

    body: str | None = None
    header: str | None = None
    query: str | None = None
    take: Literal["value", "scheme", "keys"] = "value"

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> "ReadModel":
        if sum(v is not None for v in (self.body, self.header, self.query)) != 1:
            raise ValueError("give one of body, header and query")
        if self.take != "value" and self.body is None:
            raise ValueError(f"take: {self.take} goes with body only")
        return self


class CaseModel(Model):
    """``when`` (and ``unless``) positions are as listed, then one of four answers.

    A listed text is exact, ``text*``, ``*text`` or another ``{position}``. ``regions`` may hold
    one ``{position}``: its region joins the set. ``pin`` lets destinations.yaml say what is
    unknown here; ``pin: deployment`` only with a deployment type beside its regions. ``note`` says
    why, and is evidence where the answer is unknown.
    """

    when: dict[str, Test] = pydantic.Field(default_factory=dict)
    unless: dict[str, Test] = pydantic.Field(default_factory=dict)
    regions: Annotated[list[str], pydantic.Field(min_length=1)] | None = None
    places: Spread | None = None
    jurisdiction: str | None = None
    conflict: str | None = None
    pin: bool | Literal["deployment"] = False
    note: str = ""

    @pydantic.model_validator(mode="after")
    def _one_of(self) -> "CaseModel":
        answers = (self.regions, self.places, self.jurisdiction, self.conflict)
        if sum(v is not None for v in answers) != 1:
            raise ValueError("give one of regions, places, jurisdiction and conflict")
        if self.pin and self.places not in ("unknown", "anywhere"):
            raise ValueError("pin goes with places: unknown or anywhere only")
        return self


class EntryModel(Model):
    """One documented shape of requests.

    ``provider`` is whose it is, if not the file's. ``table`` is the provider whose codes
    ``{region}``, ``{zone}`` and ``{code}`` are, if not its own: a service that runs in another's
    cloud. ``shapes`` take values apart, such as ARNs.
    ``where`` lists cases, in which a text stands for the cases of that name in the file's
    ``cases``. ``also`` lists cases of which the first that fits joins that answer; if none fits,
    nothing does.
    """

    id: Id
    provider: Provider | None = None
    service: str
    hosts: Annotated[list[str], pydantic.Field(min_length=1)]
    table: str | None = None
    partitions: list[str] | None = None
    paths: list[str] = pydantic.Field(default_factory=list)
    read: dict[str, ReadModel] = pydantic.Field(default_factory=dict)
    shapes: dict[str, str | list[str]] = pydantic.Field(default_factory=dict)
    function: str = "?"
    where: str | list[str | CaseModel]
    also: str | list[str | CaseModel] = pydantic.Field(default_factory=list)
    says: list[SayModel] = pydantic.Field(default_factory=list)
    source: str
    as_of: AsOf | None = None
    confidence: Confidence | None = None
    note: str = ""


class CatalogueFile(Model):
    """``provider``, ``as_of`` and ``confidence`` hold for every entry that has none of its own.

    ``made_of`` are regular expressions for positions in ``shapes``.
    """

    version: Literal["1"]
    provider: Provider | None = None
    source: str
    as_of: AsOf
    confidence: Confidence
    cases: dict[str, list[CaseModel]] = pydantic.Field(default_factory=dict)
    shapes: dict[str, list[str]] = pydantic.Field(default_factory=dict)
    made_of: dict[str, str] = pydantic.Field(default_factory=dict)
    entries: list[EntryModel]
