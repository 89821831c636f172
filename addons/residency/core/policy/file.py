"""policy.yaml: the format, and everything that can be wrong with it."""

import datetime
from collections.abc import Collection, Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from residency.core.document import Document, Path, fit
from residency.core.duration import Seconds
from residency.core.faults import Faults
from residency.core.places import Area, Jurisdictions
from residency.core.policy import reach
from residency.core.policy.rule import Action, Approval, Basis, Data, Policy, Rule, Who
from residency.core.signing import Role

type Text = Annotated[str, StringConstraints(min_length=1, max_length=500, strip_whitespace=True)]
type Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
type Names = Annotated[tuple[Text, ...], Field(min_length=1)]
type Method = Annotated[str, StringConstraints(pattern=r"^[A-Z]{1,20}$")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class WhoText(_Strict):
    groups: Names | None = None
    subjects: Names | None = None
    issuers: Names | None = None


class DataText(_Strict):
    any_of: Names = ()
    none_of: Names = ()


class ApprovalText(_Strict):
    groups: Names
    quorum: Annotated[int, Field(ge=1, le=10)] = 1
    wait: Annotated[Seconds, Field(ge=1, le=3600)] = 55
    valid: Annotated[Seconds, Field(ge=1, le=7 * 86400)] = 900


class BasisText(_Strict):
    ground: Text
    owner: Text
    until: datetime.date


class RuleText(_Strict):
    id: Name
    why: Text | None = None
    from_: WhoText | None = Field(default=None, alias="from")
    functions: Names | None = None
    methods: Annotated[tuple[Method, ...], Field(min_length=1)] | None = None
    to: Names | None = None
    carrying: DataText | None = None
    then: Action
    mask: Names = ()
    resign: Name | None = None
    approval: ApprovalText | None = None
    basis: BasisText | None = None
    websockets: bool = False


class CallText(_Strict):
    url: Text
    groups: tuple[Text, ...] = ()
    subject: Text = "test"
    issuer: Text = "https://issuer.test"
    method: Method = "POST"
    headers: dict[str, str] = {}
    body: object = None
    websocket: bool = False


class ExpectText(_Strict):
    action: Action
    rule: Name | None = None
    code: Text | None = None
    places: tuple[Text, ...] | Literal["anywhere", "unknown"] | None = None


class CaseText(_Strict):
    name: Text
    now: datetime.date | None = None
    call: CallText
    expect: ExpectText


class PolicyText(_Strict):
    version: Literal["1"]
    home: Names
    rules: Annotated[tuple[RuleText, ...], Field(min_length=1)]
    tests: tuple[CaseText, ...] = ()


def parse(
    document: Document,
    faults: Faults,
    *,
    jurisdictions: Jurisdictions,
    sets: Collection[str] | None,
    digest: str,
    issuers: Collection[str] | None = None,
    functions: Collection[str] | None = None,
    roles: Mapping[str, Role] | None = None,
) -> tuple[Policy, tuple[CaseText, ...]] | None:
    """The policy and its tests, or ``None`` with every fault added to *faults*.

    *sets* are the names of the mask sets, *issuers* those that identity.yaml believes, *functions* globs for every
    function that a call may be told to be, *roles* those of signing.yaml; ``None`` where their file has faults of its own.
    """
    text = fit(document, PolicyText, faults)
    if text is None:
        return None
    reader = _Reader(document, faults, jurisdictions, sets, roles)
    home = reader.area(text.home, ("home",))
    rules = tuple(reader.rule(r, ("rules", i), home) for i, r in enumerate(text.rules))
    reader.same_ids(text.rules)
    for path, message, mend in reach.dead(rules, issuers=issuers, functions=functions):
        reader.fault(path, message, mend)
    # Where a place is not known, neither is what its rule beats.
    sound = {r.id for r, t in zip(rules, text.rules, strict=True) if bool(r.to) is bool(t.to)}
    for path, message, mend in reach.shadowed(rules, sound):
        reader.fault(path, message, mend)
    return Policy(
        home=home or Area(), rules=rules, digest=digest, sets=tuple(sets or ())
    ), text.tests


class _Reader:
    """From text to values; each method adds what is wrong with its part."""

    def __init__(
        self,
        document: Document,
        faults: Faults,
        jurisdictions: Jurisdictions,
        sets: Collection[str] | None,
        roles: Mapping[str, Role] | None,
    ) -> None:
        self.document = document
        self.faults = faults
        self.jurisdictions = jurisdictions
        self.sets = sets
        self.roles = roles

    def fault(self, path: Path, message: str, mend: str) -> None:
        self.faults.add(self.document.fault(path, message, mend))

    def area(self, names: tuple[str, ...], path: Path) -> Area | None:
        good = True
        for i, name in enumerate(names):
            try:
                self.jurisdictions.area([name])
            except KeyError:
                good = False
                near = ", ".join(sorted(self.jurisdictions.members)[:6])
                self.fault(
                    (*path, i),
                    f"{name!r} is no place",
                    f"use an ISO 3166-1 alpha-2 code, a jurisdiction ({near}, …), anywhere or unknown",
                )
        return self.jurisdictions.area(list(names)) if good else None

    def known_sets(self, names: tuple[str, ...], path: Path) -> None:
        for i, name in enumerate(names):
            if self.sets is not None and name not in self.sets:
                known = ", ".join(sorted(self.sets)) or "none"
                self.fault((*path, i), f"there is no mask set {name!r}", f"known: {known}")

    def role(self, name: str | None, path: Path) -> Role | None:
        if name is None or self.roles is None:
            return None
        if name not in self.roles:
            known = ", ".join(sorted(self.roles)) or "none"
            self.fault(path, f"there is no role {name!r} in signing.yaml", f"known: {known}")
        return self.roles.get(name)

    def rule(self, text: RuleText, path: Path, home: Area | None) -> Rule:
        to = self.area(text.to, (*path, "to")) if text.to else None
        self.known_sets(text.mask, (*path, "mask"))
        data = text.carrying
        if data:
            self.known_sets(data.any_of, (*path, "carrying", "any_of"))
            self.known_sets(data.none_of, (*path, "carrying", "none_of"))
        self.whole(text, path)
        if (
            text.then in (Action.ALLOW, Action.MASK)
            and to
            and home
            and not text.basis
            and not to.within(home)
        ):
            self.fault(
                (*path, "to"),
                "lets data out of home and names no basis",
                "add basis: {ground, owner, until}",
            )
        return Rule(
            id=text.id,
            why=text.why or "",
            then=text.then,
            who=Who(**text.from_.model_dump()) if text.from_ else Who(),
            functions=text.functions,
            methods=frozenset(text.methods) if text.methods else None,
            to=to,
            carrying=Data(**data.model_dump()) if data else None,
            mask=text.mask,
            approval=Approval(**text.approval.model_dump()) if text.approval else None,
            basis=Basis(**text.basis.model_dump()) if text.basis else None,
            websockets=text.websockets,
            resign=self.role(text.resign, (*path, "resign")),
        )

    def whole(self, text: RuleText, path: Path) -> None:
        """Keys that need, or exclude, each other."""
        for wrong, below, message, mend in _misfits(text):
            if wrong:
                self.fault((*path, *below), message.format(then=text.then), mend)

    def same_ids(self, rules: tuple[RuleText, ...]) -> None:
        seen: set[str] = set()
        for i, rule in enumerate(rules):
            if rule.id in seen:
                self.fault(("rules", i, "id"), f"{rule.id!r} a second time", "rename one")
            seen.add(rule.id)


def _misfits(text: RuleText) -> list[tuple[bool, Path, str, str]]:
    """Is it wrong?, the place below the rule, what is wrong, how to mend it."""
    then, blocks, holds = text.then, text.then is Action.BLOCK, text.then is Action.HOLD
    masks = then is Action.MASK
    late = bool(text.approval and text.approval.valid < text.approval.wait)
    pointless = "has no meaning with then: {then}"
    return [
        (
            not blocks and text.from_ is None,
            ("then",),
            "{then} without from",
            "say whose calls: from: {groups: […]}",
        ),
        (not blocks and text.to is None, ("then",), "{then} without to", "say where: to: […]"),
        (text.from_ == WhoText(), ("from",), "is empty", "name groups, subjects or issuers"),
        (text.carrying == DataText(), ("carrying",), "is empty", "name any_of or none_of"),
        (masks and not text.mask, ("then",), "mask without mask sets", "add mask: [set, …]"),
        (bool(text.mask) and not (masks or holds), ("mask",), pointless, "remove it"),
        (
            text.resign is not None and not text.mask,
            ("resign",),
            "without mask: what is not changed keeps its own signature",
            "add mask: [set, …], or remove it",
        ),
        (
            holds and text.approval is None,
            ("then",),
            "hold without approval",
            "add approval: {groups: […]}",
        ),
        (text.approval is not None and not holds, ("approval",), pointless, "remove it"),
        (text.basis is not None and blocks, ("basis",), pointless, "remove it"),
        (late, ("approval", "valid"), "is shorter than wait", "make it longer"),
        (text.websockets and (blocks or holds), ("websockets",), pointless, "remove it"),
        (
            text.websockets and text.resign is not None,
            ("websockets",),
            "with resign: a handshake is not signed anew",
            "remove one of the two",
        ),
        (
            text.websockets and text.carrying is not None,
            ("websockets",),
            "with carrying: what messages to come carry cannot be told",
            "remove one of the two",
        ),
    ]
