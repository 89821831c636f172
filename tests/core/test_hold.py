"""A ruling is one verified human's, on one call, used once: every state against every event."""

import dataclasses

import pytest

from residency.core.hold import MAX_REASON, Hold, Ruling, State
from residency.core.policy.rule import Approval
from residency.errors import HoldError
from tests.policies import caller

OPENED = 1000.0
IN_TIME, TOO_LATE = OPENED + 900, OPENED + 900.001
OFFICER = caller("compliance", subject="officer")
SECOND = caller("compliance", "others", subject="second")


def hold(state: State = State.WAITING, *, quorum: int = 1) -> Hold:
    return Hold(
        id="0" * 32,
        key="k",
        decision="d",
        issuer="https://issuer.test",
        subject="billing",
        rule="ask",
        policy="p",
        approval=Approval(groups=("compliance", "legal"), quorum=quorum, wait=55, valid=900),
        opened=OPENED,
        view={},
        state=state,
    )


def event(found: Hold, name: str) -> str:
    """What becomes of a hold: its state, or the reason why not."""
    now = TOO_LATE if "late" in name else IN_TIME
    try:
        if "use" in name:
            return found.used(now).state
        if name in ("time", "time, late"):
            return found.at(now).state
        return found.ruled(OFFICER, approve="approve" in name, reason="ok", now=now).state
    except HoldError as e:
        return f"{e.reason} {e.status}"


TABLE = {
    # state: (approve, deny, use, time)  and the same too late
    State.WAITING: ("approved", "denied", "not-approved 409", "waiting"),
    State.APPROVED: ("closed 409", "closed 409", "used", "approved"),
    State.DENIED: ("closed 409", "closed 409", "not-approved 409", "denied"),
    State.EXPIRED: ("expired 410", "expired 410", "not-approved 409", "expired"),
    State.USED: ("closed 409", "closed 409", "not-approved 409", "used"),
}
LATE = {
    State.WAITING: ("expired 410", "expired 410", "not-approved 409", "expired"),
    State.APPROVED: ("expired 410", "expired 410", "not-approved 409", "expired"),
    State.DENIED: TABLE[State.DENIED],
    State.EXPIRED: TABLE[State.EXPIRED],
    State.USED: TABLE[State.USED],
}
EVENTS = ("approve", "deny", "use", "time")


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("late", [False, True], ids=["in time", "too late"])
@pytest.mark.parametrize("name", EVENTS)
def test_every_state_and_event(state: State, name: str, *, late: bool) -> None:
    table = LATE if late else TABLE

    assert event(hold(state), name + ", late" * late) == table[state][EVENTS.index(name)]


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("name", EVENTS)
def test_an_event_leaves_the_hold_itself_as_it_was(state: State, name: str) -> None:
    before = hold(state)
    event(before, name)

    assert before == hold(state)


def refusal(found: Hold, **changes: object) -> tuple[str, int]:
    usual: dict[str, object] = {"approve": True, "reason": "ok", "now": IN_TIME}
    who = changes.pop("who", OFFICER)
    with pytest.raises(HoldError) as e:
        found.ruled(who, **(usual | changes))  # type: ignore[arg-type]
    return e.value.reason, e.value.status


def test_nobody_rules_on_their_own_call() -> None:
    assert refusal(hold(), who=caller("compliance", subject="billing")) == ("own-call", 403)


def test_the_same_subject_of_another_issuer_is_another_person() -> None:
    namesake = caller("compliance", subject="billing", issuer="https://other.test")

    assert hold().ruled(namesake, approve=True, reason="ok", now=IN_TIME).state == "approved"


@pytest.mark.parametrize("groups", [(), ("Compliance",), ("complianc",), ("compliance,legal",)])
def test_who_is_in_no_approving_group_does_not_rule(groups: tuple[str, ...]) -> None:
    assert refusal(hold(), who=caller(*groups, subject="x")) == ("not-an-approver", 403)


@pytest.mark.parametrize("reason", ["", " \n", "x" * (MAX_REASON + 1)])
def test_a_ruling_needs_a_reason(reason: str) -> None:
    assert refusal(hold(), reason=reason) == ("no-reason", 400)


def test_one_person_rules_once() -> None:
    one = hold(quorum=2).ruled(OFFICER, approve=True, reason="ok", now=IN_TIME)

    assert refusal(one) == ("twice", 409)


def test_below_the_quorum_a_hold_waits_on() -> None:
    one = hold(quorum=2).ruled(OFFICER, approve=True, reason="ok", now=IN_TIME)

    assert (one.state, event(one, "use")) == ("waiting", "not-approved 409")


def test_the_quorum_approves() -> None:
    one = hold(quorum=2).ruled(OFFICER, approve=True, reason="ok", now=IN_TIME)

    assert one.ruled(SECOND, approve=True, reason="ok", now=IN_TIME).state == "approved"


def test_one_denial_denies_whatever_the_quorum() -> None:
    one = hold(quorum=2).ruled(OFFICER, approve=True, reason="ok", now=IN_TIME)

    assert one.ruled(SECOND, approve=False, reason="no", now=IN_TIME).state == "denied"


def test_an_exception_is_used_once() -> None:
    used = hold(State.APPROVED).used(IN_TIME)

    with pytest.raises(HoldError):
        used.used(IN_TIME)


def test_a_ruling_is_kept_with_who_what_why_and_when() -> None:
    found = hold().ruled(OFFICER, approve=True, reason=" because ", now=1234.56789)

    assert found.rulings[0].to_plain() == {
        "approver": {"issuer": "https://issuer.test", "subject": "officer"},
        "approve": True,
        "reason": "because",
        "at": 1234.568,
    }


def test_a_hold_waits_unless_it_says_otherwise() -> None:
    fields = {f.name: f.default for f in dataclasses.fields(Hold)}

    assert (fields["state"], fields["rulings"]) == (State.WAITING, ())


def test_a_ruling_has_no_default() -> None:
    assert all(f.default is dataclasses.MISSING for f in dataclasses.fields(Ruling))


def test_any_approving_group_is_enough() -> None:
    assert hold().may_rule(["legal"])
