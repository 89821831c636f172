"""Rules that can never fire. A block that never matches looks like a lock and is none, so each is a fault at load."""

import difflib
from collections.abc import Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet

from residency.core.document import Path
from residency.core.framing import METHODS
from residency.core.glob import meet
from residency.core.policy.rule import Action, Rule

#: Where, what is wrong, how to mend it.
type Finding = tuple[Path, str, str]


def dead(
    rules: Sequence[Rule],
    *,
    issuers: Collection[str] | None,
    functions: Collection[str] | None,
) -> Iterator[Finding]:
    """What no call can meet: a method, an issuer or a function that there is none of.

    Args:
        rules: As the file has them.
        issuers: Every issuer that is believed; ``None`` if that is not known.
        functions: Globs for every function that a call may be told to be; ``None`` if that is not known.
    """
    for i, rule in enumerate(rules):
        yield from _methods(rule, ("rules", i, "methods"))
        for j, issuer in enumerate(rule.who.issuers or ()):
            if issuers is not None and issuer not in issuers:
                where: Path = ("rules", i, "from", "issuers", j)
                known = f"known: {', '.join(sorted(issuers))}"
                yield where, f"{issuer!r} is no issuer of identity.yaml", known
        for j, glob in enumerate(rule.functions or ()):
            if functions is not None and not any(meet(glob, known) for known in functions):
                where = ("rules", i, "functions", j)
                mend = f"the nearest known: {_nearest(glob, functions)}"
                yield where, f"{glob!r} is no function of the catalogue or a pin", mend


def _methods(rule: Rule, where: Path) -> Iterator[Finding]:
    for method in sorted((rule.methods or frozenset()) - METHODS):
        known = f"known: {', '.join(sorted(METHODS))}"
        yield where, f"no call with {method} comes this far", known


def _nearest(glob: str, functions: Collection[str]) -> str:
    """The one of *functions* whose provider and service, provider, or service alone is most alike.

    A provider is soon left out; of those that are equally alike, the one is meant whose provider and service are nearest.
    """
    first, _, rest = glob.lower().partition(":")
    head = f"{first}:{rest.partition(':')[0]}"

    def alike(known: str) -> tuple[float, float]:
        provider, service, _ = known.split(":", 2)
        both = _ratio(head, f"{provider}:{service}")
        return max(both, _ratio(first, provider), _ratio(first, service)), both

    return max(sorted(functions), key=alike, default="none")


def _ratio(first: str, second: str) -> float:
    return difflib.SequenceMatcher(None, first, second).ratio()


def shadowed(rules: Sequence[Rule], sound: AbstractSet[str]) -> Iterator[Finding]:
    """Rules that an earlier one always beats, among those whose ids are in *sound*."""
    for i, later in enumerate(rules):
        rivals = (e for e in rules[:i] if {e.id, later.id} <= sound)
        earlier = next((e for e in rivals if _beats(e, later)), None)
        if earlier:
            message = f"can never match: {earlier.id!r} above matches all that it would"
            yield ("rules", i, "id"), message, "move it up, or remove one of the two"


def _beats(first: Rule, second: Rule) -> bool:
    """True if every call that *second* matches, *first* matches before it. Errs towards False."""
    if first.carrying or first.basis:
        return False
    if second.then is Action.HOLD and first.then in (Action.ALLOW, Action.MASK):
        return False  # a conflict of the evidence is for holds alone
    return (
        _wider(first.who.groups, second.who.groups)
        and _wider(first.who.subjects, second.who.subjects)
        and _wider(first.who.issuers, second.who.issuers)
        and ((first.functions is not None and "*" in first.functions) or _wider(first.functions, second.functions))
        and _wider(first.methods, second.methods)
        and not (first.then is not Action.BLOCK and first.reads_operations and not second.reads_operations)
        and (first.to is None or (second.to is not None and second.then is not Action.BLOCK and second.to.within(first.to)))
    )  # fmt: skip


def _wider(first: Collection[str] | None, second: Collection[str] | None) -> bool:
    return first is None or (second is not None and set(second) <= set(first))
