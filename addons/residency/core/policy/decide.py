"""The one function that decides. Live traffic, ``residency explain`` and ``residency audit replay`` share it.

First match in file order wins; nothing matched is block. A rule's criteria are all to be met:

* ``to``: an allow, mask or hold matches only if **every** possible place is inside. A block matches unless it is
  certain that **no** possible place is inside, because a call that may end in a forbidden place must not slip past
  the rule that forbids it.
* A ``conflict`` of the evidence is never permitted: only block and hold rules match it.
* ``carrying`` needs the body. A body that cannot be read exactly is never clean: an allow or mask that asks for
  ``none_of`` is passed over; any other rule that asks about the data ends the search with a block.
* ``functions`` may name what the body names (``Destination.operations``): then the body is needed too.
* An expired ``basis`` stops its rule from matching.
* The opening handshake of a WebSocket is refused where its rule does not say ``websockets`` (``opens_websocket``).

While the body has not been read, a decision is made only where the body could not change it.
"""

import datetime
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, Final, Literal, Self

from residency.core.identity import Caller
from residency.core.plain import Plain
from residency.core.policy.rule import Action, Approval, Policy, Rule
from residency.core.region.destination import Destination
from residency.core.signing import Signature

type Counts = Mapping[str, Mapping[str, int]]


class Undecided(Enum):
    """The answer depends on the body, which has not been read."""

    NEEDS_BODY = "needs-body"


NEEDS_BODY: Final[Literal[Undecided.NEEDS_BODY]] = Undecided.NEEDS_BODY


@dataclass(frozen=True, slots=True, kw_only=True)
class Carrying:
    """Which regulated fields a body has: mask set → path → how many. Never values.

    ``state`` is ``pending`` (not read yet), ``read`` or ``unread``; only then ``reason`` says why it cannot be.
    ``signed``: the sender signed the body, so it can be read and not be changed, unless a rule has it signed anew by what
    ``signature`` tells. ``sets`` says what was counted: mask
    set → ``MaskSet.paths``.
    """

    stage: ClassVar[str] = "carrying"

    state: str = "pending"
    counts: Counts = field(default_factory=dict)
    reason: str | None = None
    signed: bool = False
    sets: Mapping[str, str] = field(default_factory=dict)
    signature: Signature | None = None

    def total(self, names: Sequence[str]) -> int:
        """How many matches the sets *names* have together.

        Raises:
            KeyError: A set was not looked for.
        """
        return sum(sum(self.counts[name].values()) for name in names)

    def to_plain(self) -> dict[str, Plain]:
        return {
            "state": self.state,
            "counts": {name: dict(paths) for name, paths in self.counts.items()},
            "reason": self.reason,
            "signed": self.signed,
            "sets": dict(self.sets),
            **({"signature": self.signature.to_plain()} if self.signature else {}),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        state, counts, reason, signed = (plain[k] for k in ("state", "counts", "reason", "signed"))
        if state not in ("pending", "read", "unread") or not isinstance(counts, Mapping):
            raise TypeError("carrying: wrong state or counts")
        if not isinstance(reason, str | None) or not isinstance(signed, bool):
            raise TypeError("carrying: wrong reason or signed")
        sets = plain.get("sets", {})
        if not isinstance(sets, Mapping) or not all(isinstance(s, str) for s in sets.values()):
            raise TypeError("carrying: wrong sets")
        signature = plain.get("signature")
        return cls(
            state=str(state),
            counts=counts_from_plain(counts),
            reason=reason,
            signed=signed,
            sets={name: str(s) for name, s in sets.items()},
            signature=None if signature is None else Signature.from_plain(signature),
        )


def counts_from_plain(plain: Mapping[str, Plain]) -> Counts:
    """Set → path → how many.

    Raises:
        TypeError: *plain* is not that.
    """
    counts: dict[str, dict[str, int]] = {}
    for name, paths in plain.items():
        if not isinstance(paths, Mapping):
            raise TypeError("carrying: counts must be a mapping of mappings")
        counts[name] = {}
        for path, count in paths.items():
            if not isinstance(count, int) or isinstance(count, bool):
                raise TypeError("carrying: a count must be a whole number")
            counts[name][path] = count
    return counts


PENDING: Final = Carrying()


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """All that a decision is made from, and all that a record must hold to make it again.

    ``fault`` is the code of an earlier stage that could not do its part; the call is then blocked. ``websocket``: the
    call is an opening handshake, which stands for all messages to come.
    """

    caller: Caller | None
    method: str
    destination: Destination
    carrying: Carrying = PENDING
    fault: str | None = None
    websocket: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What to do with one call, and why. As made without arguments it blocks.

    ``code`` is a key of ``errors.CODES`` for block and hold, ``None`` otherwise. ``reason`` is the reason that a
    body is unread. ``resign`` names the role of ``signing.yaml`` that the call is signed anew as, if masking changes it.
    """

    stage: ClassVar[str] = "decision"

    action: Action = Action.BLOCK
    rule: str | None = None
    code: str | None = "no-rule"
    masks: tuple[str, ...] = ()
    reason: str | None = None
    resign: str | None = None

    def to_plain(self) -> dict[str, Plain]:
        return {
            "action": self.action.value,
            "rule": self.rule,
            "code": self.code,
            "masks": list(self.masks),
            "reason": self.reason,
            **({"resign": self.resign} if self.resign else {}),
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        action, rule, code, masks, reason = (
            plain[k] for k in ("action", "rule", "code", "masks", "reason")
        )
        if not isinstance(action, str) or not isinstance(masks, list):
            raise TypeError("decision: wrong action or masks")
        resign = plain.get("resign")
        if not all(isinstance(x, str | None) for x in (rule, code, reason, resign)):
            raise TypeError("decision: rule, code, reason and resign must be text or null")
        return cls(
            action=Action(action),
            rule=rule if isinstance(rule, str) else None,
            code=code if isinstance(code, str) else None,
            masks=tuple(str(m) for m in masks),
            reason=reason if isinstance(reason, str) else None,
            resign=resign if isinstance(resign, str) else None,
        )


def decide(policy: Policy, inputs: Inputs, today: datetime.date) -> Decision | Undecided:
    """What *policy* does with a call on the day *today* (UTC).

    ``NEEDS_BODY`` is answered only while ``inputs.carrying`` is pending, the destination provisional, or its operations
    not looked at and asked for (``Policy.reads_operations``).
    """
    decision = _decide(policy, inputs, today)
    if not isinstance(decision, Decision) or decision.action is Action.BLOCK:
        return decision
    if inputs.websocket and not opens_websocket(policy, inputs, decision, today):
        return Decision(rule=decision.rule, code="upgrade-refused")
    return decision


def _decide(policy: Policy, inputs: Inputs, today: datetime.date) -> Decision | Undecided:
    if inputs.fault or inputs.caller is None:
        return Decision(code=inputs.fault or "identity-missing")
    if inputs.destination.provisional and inputs.carrying.state == "pending":
        return NEEDS_BODY
    for rule in policy.rules:
        if not _concerns(rule, inputs.caller, inputs, today):
            continue
        match = _data_matches(rule, inputs.carrying)
        if match is not False and rule.admits_function(inputs.destination) is None:
            return NEEDS_BODY
        if match is True:
            return _conclude(rule, inputs.caller, inputs.carrying)
        if match is not False:
            return match
    return Decision()


def _concerns(rule: Rule, caller: Caller, inputs: Inputs, today: datetime.date) -> bool:
    return (
        rule.names(caller)
        and (rule.methods is None or inputs.method in rule.methods)
        and rule.admits_function(inputs.destination) is not False
        and _admits_place(rule, inputs.destination)
        and not (rule.basis and rule.basis.expired(today))
    )


def _admits_place(rule: Rule, destination: Destination) -> bool:
    if rule.then is Action.BLOCK:
        return rule.to is None or rule.to.touches(destination.places)
    if destination.status == "conflict" and rule.then is not Action.HOLD:
        return False
    return rule.to is not None and rule.to.covers(destination.places)


def _data_matches(rule: Rule, carrying: Carrying) -> bool | Decision | Undecided:
    data = rule.carrying
    if data is None:
        return True
    if carrying.state == "pending":
        return NEEDS_BODY
    if carrying.state != "read" or any(name not in carrying.counts for name in data.names):
        if rule.then in (Action.ALLOW, Action.MASK) and not data.any_of:
            return False
        return Decision(rule=rule.id, code="body-unread", reason=carrying.reason)
    wanted = not data.any_of or carrying.total(data.any_of) > 0
    return wanted and carrying.total(data.none_of) == 0


def _conclude(rule: Rule, caller: Caller, carrying: Carrying) -> Decision | Undecided:
    if rule.then is Action.BLOCK:
        return Decision(rule=rule.id, code="rule")
    if rule.then is Action.ALLOW:
        return Decision(action=Action.ALLOW, rule=rule.id, code=None)
    if carrying.state == "pending":
        return NEEDS_BODY
    if rule.mask:
        reason = _unmaskable(rule, caller, carrying)
        if reason:
            return Decision(rule=rule.id, code="unmaskable", reason=reason)
    code = "held" if rule.then is Action.HOLD else None
    role = rule.resign if carrying.signed else None
    resign = role.name if role and not role.refuses(caller, carrying.signature) else None
    return Decision(action=rule.then, rule=rule.id, code=code, masks=rule.mask, resign=resign)


def _unmaskable(rule: Rule, caller: Caller, carrying: Carrying) -> str | None:
    if carrying.state != "read":
        return carrying.reason or "not-json"
    if any(name not in carrying.counts for name in rule.mask):
        return "drift"
    if not carrying.signed or not carrying.total(rule.mask):
        return None
    return rule.resign.refuses(caller, carrying.signature) if rule.resign else "signed"


def opens_websocket(
    policy: Policy, inputs: Inputs, decision: Decision, today: datetime.date
) -> bool:
    """True if *decision*, on an opening handshake, may stand for all messages to come.

    Its rule has to say so. No rule before it may ask what bodies carry or name: it was passed over because the
    handshake has no body, and a message might have what it forbids.
    """
    if inputs.caller is None or decision.action not in (Action.ALLOW, Action.MASK):
        return False
    for rule in policy.rules:
        if rule.id == decision.rule:
            return rule.websockets and not (rule.basis and rule.basis.expired(today))
        if (rule.carrying or rule.reads_operations) and _might_concern(
            rule, inputs.caller, inputs.destination
        ):
            return False
    return False


def _might_concern(rule: Rule, caller: Caller, destination: Destination) -> bool:
    """Whether a message on the way to *destination* might be what *rule* is about, were it a call of any method."""
    return (
        rule.names(caller)
        and _admits_place(rule, destination)
        and (rule.reads_operations or rule.admits_function(destination) is not False)
    )


def approval_of(policy: Policy, decision: Decision) -> Approval | None:
    """The approval terms of the rule that *decision* names, if it holds."""
    rule = policy.rule(decision.rule) if decision.rule else None
    return rule.approval if rule and decision.action is Action.HOLD else None
