"""A hold: one exact call that waits for a human's ruling, and what may become of it.

::

                  ┌── ruling: deny ────────────→ DENIED
    WAITING ──────┼── ruling: approve (quorum) → APPROVED ── use ──→ USED
                  │                                 │
                  └── too late ──→ EXPIRED ←────────┘ too late

An approval is an exception for one call, used once. Nothing leads back to WAITING, and a ruling never changes an earlier
one. "Too late" is ``valid`` seconds after the hold was opened, whoever asks; the core has no clock.
"""

import dataclasses
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from residency.core.identity import Caller
from residency.core.plain import Plain
from residency.core.policy.rule import Approval
from residency.errors import HoldError

MAX_REASON = 500


class State(StrEnum):
    """Where a hold stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    USED = "used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """One approver's verified answer. ``at`` is Unix time in seconds."""

    issuer: str
    subject: str
    approve: bool
    reason: str
    at: float

    def to_plain(self) -> dict[str, Plain]:
        return {
            "approver": {"issuer": self.issuer, "subject": self.subject},
            "approve": self.approve,
            "reason": self.reason,
            "at": round(self.at, 3),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """One held call.

    ``key`` stands for the exact call (a keyed digest), ``policy`` for the rules it was decided under. ``opened`` is
    Unix time in seconds. ``view`` is what an approver is shown: names and counts, never values.
    """

    id: str
    key: str
    decision: str
    issuer: str
    subject: str
    rule: str
    policy: str
    approval: Approval
    opened: float
    view: dict[str, Plain]
    rulings: tuple[Ruling, ...] = ()
    state: State = State.WAITING

    def at(self, now: float) -> "Hold":
        """This hold as it stands at *now*: what was not used in time has expired."""
        if self.state in (State.WAITING, State.APPROVED) and now > self.expires:
            return dataclasses.replace(self, state=State.EXPIRED)
        return self

    @property
    def expires(self) -> float:
        return self.opened + self.approval.valid

    def may_rule(self, groups: Collection[str]) -> bool:
        """True if a member of *groups* is one of the rule's approvers."""
        return not set(groups).isdisjoint(self.approval.groups)

    def ruled(self, approver: Caller, *, approve: bool, reason: str, now: float) -> "Hold":
        """This hold after *approver*'s ruling.

        Raises:
            HoldError: ``closed``, ``expired``, ``own-call``, ``not-an-approver``, ``twice`` or ``no-reason``. The hold
                stays as it was.
        """
        hold = self.at(now)
        if hold.state is State.EXPIRED:
            raise HoldError("expired", "the hold has expired", status=410)
        if hold.state is not State.WAITING:
            raise HoldError("closed", f"the hold is {hold.state} already")
        if approver.key == (hold.issuer, hold.subject):
            raise HoldError("own-call", "nobody rules on their own call", status=403)
        if not hold.may_rule(approver.groups):
            needed = ", ".join(hold.approval.groups)
            raise HoldError(
                "not-an-approver", f"an approver must be in one of: {needed}", status=403
            )
        if any(approver.key == (r.issuer, r.subject) for r in hold.rulings):
            raise HoldError("twice", "one person rules once")
        if not reason.strip() or len(reason) > MAX_REASON:
            raise HoldError(
                "no-reason", f"a reason of 1 to {MAX_REASON} characters is needed", status=400
            )
        ruling = Ruling(
            issuer=approver.issuer, subject=approver.subject, approve=approve, reason=reason.strip(), at=now
        )  # fmt: skip
        rulings = (*hold.rulings, ruling)
        return dataclasses.replace(
            hold, rulings=rulings, state=_after(rulings, hold.approval.quorum)
        )

    def used(self, now: float) -> "Hold":
        """This hold once its exception is spent.

        Raises:
            HoldError: It is not approved, or no longer.
        """
        hold = self.at(now)
        if hold.state is not State.APPROVED:
            raise HoldError("not-approved", f"the hold is {hold.state}")
        return dataclasses.replace(hold, state=State.USED)


def _after(rulings: tuple[Ruling, ...], quorum: int) -> State:
    if any(not r.approve for r in rulings):
        return State.DENIED
    return State.APPROVED if len(rulings) >= quorum else State.WAITING
