"""Policies from a few lines of text, and the values that they are asked about."""

import datetime
from collections.abc import Sequence

from residency.core import document
from residency.core.faults import Faults
from residency.core.identity import Caller
from residency.core.places import ANYWHERE, UNKNOWN, Jurisdictions, Places
from residency.core.plain import digest
from residency.core.policy import file
from residency.core.policy.decide import PENDING, Carrying, Decision, Inputs, Undecided, decide
from residency.core.policy.rule import Policy
from residency.core.region.destination import Destination, Status

TODAY = datetime.date(2026, 11, 22)
EU = frozenset({"DE", "FR", "IE"})
JURISDICTIONS = Jurisdictions({"EU": EU, "EEA": EU | {"NO"}})
SETS = ("personal-data", "payment-data")
BASIS = "basis: {ground: g, owner: o, until: 2027-06-30}"


def parse(text: str) -> tuple[Policy | None, list[str]]:
    """The policy that a whole file writes, and every fault as it is printed."""
    faults = Faults()
    found = file.parse(
        document.read(text, "policy.yaml", faults),
        faults,
        jurisdictions=JURISDICTIONS,
        sets=SETS,
        digest="d1",
    )
    return (found[0] if found else None), [str(f) for f in sorted(faults.found)]


def policy(*rules: str, home: str = "[EEA]") -> Policy:
    """A faultless policy; each rule is the inside of one YAML flow mapping, ids as needed."""
    lines = [
        "  - {" + (r if r.startswith("id:") else f"id: r{i + 1}, {r}") + "}"
        for i, r in enumerate(rules)
    ]
    found, faults = parse("\n".join(["version: 1", f"home: {home}", "rules:", *lines]))
    assert faults == []
    assert found
    return found


def caller(*groups: str, subject: str = "billing", issuer: str = "https://issuer.test") -> Caller:
    return Caller(issuer=issuer, subject=subject, groups=tuple(sorted(set(groups))), expires=4e9)


def destination(
    *codes: str,
    function: str | None = "aws:lambda:score",
    status: Status = "declared",
    provisional: bool = False,
) -> Destination:
    """Possible places as codes; ``anywhere`` alone; none at all is unknown."""
    places = Places(frozenset(codes)) if codes else UNKNOWN
    if codes == ("anywhere",):
        places = ANYWHERE
    return Destination(function=function, places=places, status=status, provisional=provisional)


def read(*, signed: bool = False, **counts: int) -> Carrying:
    """A body that was read: ``personal=2`` is two matches of personal-data; sets not named have none."""
    found = {name: {"$.x": n} if (n := counts.get(name[:-5], 0)) else {} for name in SETS}
    paths = digest(["$.x"])[:16]  # as ``MaskSet.paths`` of a set with that one path
    return Carrying(state="read", counts=found, signed=signed, sets=dict.fromkeys(SETS, paths))


UNREAD = Carrying(state="unread", reason="not-json")


def ask(
    rules: Policy,
    where: Destination,
    carrying: Carrying = PENDING,
    *,
    who: Caller | None = None,
    groups: Sequence[str] = ("g",),
    method: str = "POST",
    today: datetime.date = TODAY,
) -> Decision | Undecided:
    inputs = Inputs(
        caller=who or caller(*groups), method=method, destination=where, carrying=carrying
    )
    return decide(rules, inputs, today)


def told(answer: Decision | Undecided) -> tuple[str, str | None, str | None]:
    """Action, rule and code: what a test is mostly about."""
    assert isinstance(answer, Decision)
    return answer.action.value, answer.rule, answer.code
