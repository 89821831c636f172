"""Laws of deciding, over any policy: more doubt never permits more."""

import dataclasses
import datetime

from hypothesis import assume, given
from hypothesis import strategies as st

from residency.core.places import Area, Places
from residency.core.policy.decide import (
    NEEDS_BODY,
    PENDING,
    Carrying,
    Decision,
    Inputs,
    decide,
)
from residency.core.policy.rule import Action, Approval, Basis, Data, Policy, Rule, Who
from residency.core.region.destination import Destination
from tests.policies import TODAY, caller

CODES = ("DE", "FR", "US", "CN")
SETS = ("personal-data", "payment-data")
FUNCTIONS = ("aws:lambda:f", "aws:lambda:?", "aws:?:?", "openai:chat:gpt", None)

areas = st.builds(
    Area,
    st.frozensets(st.sampled_from(CODES), max_size=3),
    anywhere=st.booleans(),
    unknown=st.booleans(),
)
names = st.lists(st.sampled_from(SETS), max_size=2, unique=True).map(tuple)
datas = st.none() | st.builds(Data, any_of=names, none_of=names).filter(lambda d: bool(d.names))
bases = st.none() | st.builds(
    Basis,
    ground=st.just("g"),
    owner=st.just("o"),
    until=st.sampled_from([TODAY, TODAY - datetime.timedelta(days=1)]),
)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    then = draw(st.sampled_from(Action))
    groups = draw(st.none() | st.sampled_from([("g",), ("h",)]))
    return Rule(
        id=f"r{draw(st.integers(0, 10**6))}",
        why="",
        then=then,
        who=Who(groups=groups),
        functions=draw(st.none() | st.sampled_from([("aws:lambda:*",), ("*",), ("openai:*",)])),
        methods=draw(st.none() | st.just(frozenset({"POST"}))),
        to=draw(areas if then is not Action.BLOCK else st.none() | areas),
        carrying=draw(datas),
        mask=("personal-data",) if then is Action.MASK else (),
        approval=Approval(groups=("c",)) if then is Action.HOLD else None,
        basis=draw(bases) if then is not Action.BLOCK else None,
    )


policies = st.lists(rules(), max_size=5, unique_by=lambda r: r.id).map(
    lambda r: Policy(home=Area(frozenset({"DE", "FR"})), rules=tuple(r), digest="d")
)
some_codes = st.frozensets(st.sampled_from(CODES), min_size=1, max_size=4)
places = st.one_of(some_codes.map(Places), st.just(Places()), st.just(Places(anywhere=True)))
counts = st.fixed_dictionaries({name: st.integers(0, 2).map(lambda n: {"$": n}) for name in SETS})
bodies = st.one_of(
    st.builds(Carrying, state=st.just("read"), counts=counts, signed=st.booleans()),
    st.builds(Carrying, state=st.just("unread"), reason=st.just("not-json")),
)
plain_bodies = st.builds(Carrying, state=st.just("read"), counts=counts)
functions = st.sampled_from(FUNCTIONS)
statuses = st.sampled_from(["declared", "verified", "conflict"])


def ask(
    policy: Policy,
    where: Places,
    carrying: Carrying,
    *,
    function: str | None = "aws:lambda:f",
    status: str = "declared",
) -> Decision:
    found = answer(policy, where, carrying, function=function, status=status)
    assert isinstance(found, Decision)
    return found


def answer(
    policy: Policy,
    where: Places,
    carrying: Carrying,
    *,
    function: str | None = "aws:lambda:f",
    status: str = "declared",
) -> object:
    destination = Destination(function=function, places=where, status=status)  # type: ignore[arg-type]
    inputs = Inputs(caller=caller("g"), method="POST", destination=destination, carrying=carrying)
    return decide(policy, inputs, TODAY)


@given(policies, some_codes, st.sampled_from(CODES), plain_bodies, functions)
def test_one_more_possible_place_never_lifts_a_block(
    policy: Policy, codes: frozenset[str], more: str, body: Carrying, function: str | None
) -> None:
    """Of a body that was read: what cannot be read or changed blocks by the rule that asked."""
    assume(ask(policy, Places(codes), body, function=function).action is Action.BLOCK)
    found = ask(policy, Places(codes | {more}), body, function=function)

    assert found.action is Action.BLOCK


@given(policies, some_codes, plain_bodies, functions)
def test_anywhere_is_never_permitted_where_some_place_is_blocked(
    policy: Policy, codes: frozenset[str], body: Carrying, function: str | None
) -> None:
    assume(ask(policy, Places(codes), body, function=function).action is Action.BLOCK)

    assert ask(policy, Places(anywhere=True), body, function=function).action is Action.BLOCK


@given(policies, bodies, functions, statuses)
def test_unknown_is_permitted_only_by_a_rule_that_names_it(
    policy: Policy, body: Carrying, function: str | None, status: str
) -> None:
    found = ask(policy, Places(), body, function=function, status=status)
    rule = policy.rule(found.rule or "")

    assert found.action is Action.BLOCK or (
        rule is not None and rule.to is not None and rule.to.unknown
    )


@given(policies, places, bodies, functions, statuses)
def test_whoever_permits_covers_every_place_is_in_force_and_is_for_the_caller(
    policy: Policy, where: Places, body: Carrying, function: str | None, status: str
) -> None:
    found = ask(policy, where, body, function=function, status=status)
    if found.action is Action.BLOCK:
        return
    rule = policy.rule(found.rule or "")

    assert rule is not None
    assert rule.then is found.action
    assert rule.to is not None
    assert rule.to.covers(where)
    assert rule.who.groups in (None, ("g",))
    assert rule.basis is None or rule.basis.until >= TODAY


@given(policies, places, bodies, functions)
def test_a_conflict_is_never_let_go_without_a_human(
    policy: Policy, where: Places, body: Carrying, function: str | None
) -> None:
    found = ask(policy, where, body, function=function, status="conflict")

    assert found.action in (Action.BLOCK, Action.HOLD)


@given(policies, places, functions, statuses)
def test_an_unread_body_is_never_permitted_as_clean(
    policy: Policy, where: Places, function: str | None, status: str
) -> None:
    unread = Carrying(state="unread", reason="not-json")
    found = ask(policy, where, unread, function=function, status=status)
    rule = policy.rule(found.rule or "")

    assert found.action is Action.BLOCK or (
        rule is not None and rule.carrying is None and not rule.mask
    )


@given(policies, places, bodies, functions, statuses)
def test_what_is_decided_before_the_body_is_decided_the_same_after_it(
    policy: Policy, where: Places, body: Carrying, function: str | None, status: str
) -> None:
    early = answer(policy, where, PENDING, function=function, status=status)

    assert early is NEEDS_BODY or early == ask(
        policy, where, body, function=function, status=status
    )


@given(policies, places, bodies, st.sampled_from(["aws:lambda:*", "aws:*", "*", "aws:lambda:f"]))
def test_a_function_that_is_not_told_does_not_lead_around_a_block(
    policy: Policy, where: Places, body: Carrying, forbidden: str
) -> None:
    block = Rule(
        id="block", why="", then=Action.BLOCK, who=Who(), functions=(forbidden,), methods=None, to=None,
        carrying=None, mask=(), approval=None, basis=None,
    )  # fmt: skip
    strict = dataclasses.replace(policy, rules=(block, *policy.rules))

    assert ask(strict, where, body, function="aws:?:?").rule == "block"


@given(policies, places, bodies, functions, statuses)
def test_a_decision_is_a_plain_value_that_comes_back(
    policy: Policy, where: Places, body: Carrying, function: str | None, status: str
) -> None:
    found = ask(policy, where, body, function=function, status=status)

    assert Decision.from_plain(found.to_plain()) == found
    assert (found.code is None) is (found.action in (Action.ALLOW, Action.MASK))
