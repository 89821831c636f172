"""Each clause of ``decide``, attacks first: what is not certainly permitted is blocked."""

import dataclasses
import datetime

import pytest

from residency.core.identity import Caller
from residency.core.policy.decide import (
    NEEDS_BODY,
    PENDING,
    Carrying,
    Decision,
    Inputs,
    approval_of,
    decide,
    opens_websocket,
)
from residency.core.policy.rule import Action
from residency.core.region.destination import Destination, Status
from tests.policies import BASIS, TODAY, UNREAD, ask, caller, destination, policy, read, told

G = "from: {groups: [g]}"
ALLOW_EU = f"{G}, to: [EU], then: allow"
ALLOW_ANYWHERE = f"{G}, to: [anywhere], then: allow, {BASIS}"
HOLD = "then: hold, approval: {groups: [c]}"
HOLD_ANYWHERE = f"{G}, to: [anywhere], {HOLD}"
MASK_EU = f"{G}, to: [EU], then: mask, mask: [personal-data]"
NO_RULE = ("block", None, "no-rule")
DE, US, UNKNOWN, ANYWHERE = (
    destination("DE"),
    destination("US"),
    destination(),
    destination("anywhere"),
)


def test_a_decision_made_without_arguments_blocks() -> None:
    assert told(Decision()) == NO_RULE


def test_nothing_matched_is_block() -> None:
    assert told(ask(policy(ALLOW_EU), US)) == NO_RULE


# The caller


def test_a_call_without_a_caller_is_blocked_whatever_the_rules() -> None:
    rules = policy(ALLOW_ANYWHERE)
    inputs = Inputs(caller=None, method="POST", destination=DE)

    assert told(decide(rules, inputs, TODAY)) == ("block", None, "identity-missing")


def test_a_fault_blocks_before_any_rule_is_asked() -> None:
    inputs = Inputs(caller=caller("g"), method="POST", destination=DE, fault="port-refused")

    assert told(decide(policy(ALLOW_ANYWHERE), inputs, TODAY)) == ("block", None, "port-refused")


def test_a_fault_comes_before_the_body() -> None:
    inputs = Inputs(
        caller=None,
        method="POST",
        destination=destination("DE", provisional=True),
        fault="port-refused",
    )

    assert told(decide(policy(ALLOW_EU), inputs, TODAY))[2] == "port-refused"


@pytest.mark.parametrize(
    ("who", "rule"),
    [
        (caller(), G),
        (caller("G"), G),
        (caller("g "), G),
        (caller("gg", "h"), G),
        (caller("g", issuer="https://issuer.test/"), "from: {issuers: ['https://issuer.test']}"),
        (caller("g", subject="billing-2"), "from: {subjects: [billing]}"),
        (caller("g", subject="Billing"), "from: {subjects: ['b*']}"),
        (caller("g", subject="x"), "from: {groups: [g], subjects: [billing]}"),
        (caller("h"), "from: {groups: [g], subjects: [billing]}"),
    ],
)
def test_a_caller_whom_a_rule_does_not_name_is_not_permitted(who: Caller, rule: str) -> None:
    assert told(ask(policy(f"{rule}, to: [EU], then: allow"), DE, who=who)) == NO_RULE


@pytest.mark.parametrize(
    "rule",
    [
        "from: {groups: [x, g]}",
        "from: {subjects: ['bill*']}",
        "from: {issuers: ['https://issuer.test'], groups: [g]}",
    ],
)
def test_any_name_of_each_list_is_enough(rule: str) -> None:
    found = ask(policy(f"{rule}, to: [EU], then: allow"), DE, groups=["f", "g"])

    assert told(found) == ("allow", "r1", None)


def test_a_caller_in_two_groups_gets_the_first_rule_in_file_order() -> None:
    rules = policy(
        "from: {groups: [a]}, then: block", "from: {groups: [b]}, to: [EU], then: allow"
    )

    assert told(ask(rules, DE, groups=["b", "a"])) == ("block", "r1", "rule")


# Places


@pytest.mark.parametrize("where", [UNKNOWN, ANYWHERE, US, destination("DE", "US")])
@pytest.mark.parametrize("then", ["then: allow", "then: mask, mask: [personal-data]", HOLD])
def test_every_possible_place_must_be_inside(where: Destination, then: str) -> None:
    assert told(ask(policy(f"{G}, to: [EU], {then}"), where, read())) == NO_RULE


@pytest.mark.parametrize("rule", [ALLOW_ANYWHERE, HOLD_ANYWHERE])
def test_anywhere_does_not_admit_unknown(rule: str) -> None:
    assert told(ask(policy(rule), UNKNOWN, read())) == NO_RULE


def test_unknown_is_admitted_where_it_is_named() -> None:
    rules = policy(f"{G}, to: [unknown], then: allow, {BASIS}")

    assert told(ask(rules, UNKNOWN)) == ("allow", "r1", None)


@pytest.mark.parametrize("where", [DE, US, ANYWHERE, destination("DE", "US")])
def test_anywhere_admits_every_known_place(where: Destination) -> None:
    assert told(ask(policy(ALLOW_ANYWHERE), where)) == ("allow", "r1", None)


@pytest.mark.parametrize("where", [UNKNOWN, ANYWHERE, US, destination("DE", "US")])
def test_a_block_matches_what_may_be_inside(where: Destination) -> None:
    rules = policy("to: [US], then: block", f"{G}, to: [anywhere, unknown], then: allow, {BASIS}")

    assert told(ask(rules, where)) == ("block", "r1", "rule")


def test_a_block_does_not_match_what_is_certainly_outside() -> None:
    rules = policy("to: [US], then: block", ALLOW_EU)

    assert told(ask(rules, DE)) == ("allow", "r2", None)


# Functions and methods


@pytest.mark.parametrize(
    "function", ["aws:?:?", "aws:bedrock:?", "aws:bedrock:eu.?", "aws:bedrock:evil", "?:?:?"]
)
def test_a_block_matches_a_function_that_it_may_be(function: str) -> None:
    """Else an unclear path would lead around a rule that forbids a function."""
    rules = policy("functions: ['aws:bedrock:*'], then: block", ALLOW_EU)

    assert told(ask(rules, destination("DE", function=function))) == ("block", "r1", "rule")


@pytest.mark.parametrize("function", ["aws:lambda:?", "aws:lambda:f", "openai:?:?"])
def test_a_block_does_not_match_a_function_that_it_cannot_be(function: str) -> None:
    rules = policy("functions: ['aws:bedrock:*'], then: block", ALLOW_EU)

    assert told(ask(rules, destination("DE", function=function)))[0] == "allow"


@pytest.mark.parametrize("function", ["aws:?:?", "aws:lambda:?", None, "aws:lambda:scorer"])
def test_an_allow_does_not_match_a_function_that_it_only_may_be(function: str | None) -> None:
    rules = policy(f"{G}, functions: ['aws:lambda:score'], to: [EU], then: allow")

    assert told(ask(rules, destination("DE", function=function))) == NO_RULE


@pytest.mark.parametrize("function", ["azure:functions:app/SCORE", "azure:functions:APP/?"])
def test_a_block_cannot_be_passed_by_in_another_case(function: str) -> None:
    """Azure reads names in any case: ``/api/SCORE`` would be a way around a block of ``score``."""
    rules = policy("functions: ['azure:functions:app/Score'], then: block", ALLOW_EU)

    assert told(ask(rules, destination("DE", function=function)))[0] == "block"


def test_an_allow_is_of_the_name_as_it_is_spelled() -> None:
    rules = policy(f"{G}, functions: ['azure:functions:app/score'], to: [EU], then: allow")

    assert told(ask(rules, destination("DE", function="azure:functions:app/SCORE"))) == NO_RULE


@pytest.mark.parametrize("method", ["GET", "post", "POSTS"])
def test_a_method_that_is_not_named_is_not_permitted(method: str) -> None:
    rules = policy(f"{G}, methods: [POST], to: [EU], then: allow")

    assert told(ask(rules, DE, method=method)) == NO_RULE


# Conflicts


@pytest.mark.parametrize("then", ["then: allow", "then: mask, mask: [personal-data]"])
def test_a_conflict_is_never_permitted(then: str) -> None:
    rules = policy(f"{G}, to: [anywhere, unknown], {then}, {BASIS}")

    assert told(ask(rules, destination("DE", status="conflict"), read())) == NO_RULE


@pytest.mark.parametrize(
    ("rule", "action"), [("then: block", "block"), (f"{G}, to: [EU, unknown], {HOLD}", "hold")]
)
def test_a_conflict_is_for_blocks_and_holds(rule: str, action: str) -> None:
    found = ask(policy(rule), destination("DE", status="conflict"), read())

    assert told(found)[:2] == (action, "r1")


@pytest.mark.parametrize("status", ["declared", "verified"])
def test_what_is_no_conflict_is_permitted(status: Status) -> None:
    assert told(ask(policy(ALLOW_EU), destination("DE", status=status)))[0] == "allow"


# The body


CLEAN = "carrying: {none_of: [personal-data]}"
DIRTY = "carrying: {any_of: [personal-data]}"


@pytest.mark.parametrize(
    ("rule", "carrying", "matches"),
    [
        (CLEAN, read(), True),
        (CLEAN, read(payment=1), True),
        (CLEAN, read(personal=1), False),
        (DIRTY, read(), False),
        (DIRTY, read(payment=1), False),
        (DIRTY, read(personal=3), True),
        ("carrying: {any_of: [payment-data], none_of: [personal-data]}", read(payment=1), True),
        ("carrying: {any_of: [payment-data], none_of: [personal-data]}", read(payment=1, personal=1), False),
        ("carrying: {any_of: [personal-data, payment-data]}", read(payment=1), True),
    ],
)  # fmt: skip
def test_a_rule_asks_what_the_body_carries(
    rule: str, carrying: Carrying, *, matches: bool
) -> None:
    found = ask(policy(f"{G}, {rule}, to: [EU], then: allow"), DE, carrying)

    assert told(found) == (("allow", "r1", None) if matches else NO_RULE)


NOT_LOOKED_FOR = Carrying(state="read", counts={"payment-data": {}})


@pytest.mark.parametrize("carrying", [UNREAD, NOT_LOOKED_FOR, Carrying(state="odd")])
@pytest.mark.parametrize("then", ["then: allow", "then: mask, mask: [personal-data]"])
def test_an_unread_body_is_never_clean(carrying: Carrying, then: str) -> None:
    assert told(ask(policy(f"{G}, {CLEAN}, to: [EU], {then}"), DE, carrying)) == NO_RULE


def test_what_asks_for_clean_is_passed_over_where_a_later_rule_asks_nothing() -> None:
    rules = policy(f"{G}, {CLEAN}, to: [anywhere], then: allow, {BASIS}", ALLOW_EU)

    assert told(ask(rules, DE, UNREAD)) == ("allow", "r2", None)


@pytest.mark.parametrize("carrying", [UNREAD, NOT_LOOKED_FOR])
@pytest.mark.parametrize(
    "rule",
    [
        f"{DIRTY}, then: block",
        f"{CLEAN}, then: block",
        f"{G}, {DIRTY}, to: [EU], then: allow",
        f"{G}, {DIRTY}, to: [EU], then: mask, mask: [personal-data]",
        f"{G}, {DIRTY}, to: [EU], {HOLD}",
        f"{G}, {CLEAN}, to: [EU], {HOLD}",
    ],
)
def test_any_other_rule_about_data_ends_the_search_with_a_block(
    carrying: Carrying, rule: str
) -> None:
    assert told(ask(policy(rule, ALLOW_ANYWHERE), DE, carrying)) == ("block", "r1", "body-unread")


def test_the_block_of_an_unread_body_says_why() -> None:
    found = ask(policy(f"{DIRTY}, then: block"), DE, UNREAD)

    assert isinstance(found, Decision)
    assert found.reason == "not-json"


def test_a_rule_that_is_not_about_this_call_does_not_need_its_body() -> None:
    rules = policy(f"from: {{groups: [h]}}, {DIRTY}, then: block", f"{DIRTY}, to: [US], then: block", ALLOW_EU)  # fmt: skip

    assert told(ask(rules, DE, PENDING)) == ("allow", "r3", None)


# Before the body


@pytest.mark.parametrize(
    "rule", [f"{DIRTY}, then: block", f"{G}, {CLEAN}, to: [EU], then: allow", MASK_EU, f"{G}, to: [EU], {HOLD}"]
)  # fmt: skip
def test_what_depends_on_the_body_waits_for_it(rule: str) -> None:
    assert ask(policy(rule, ALLOW_ANYWHERE), DE, PENDING) is NEEDS_BODY


def test_a_destination_that_the_body_may_change_waits_for_it() -> None:
    assert ask(policy("then: block"), destination("DE", provisional=True), PENDING) is NEEDS_BODY


@pytest.mark.parametrize(
    ("rule", "answer"),
    [(ALLOW_EU, ("allow", "r1", None)), ("then: block", ("block", "r1", "rule")),
     ("from: {groups: [h]}, to: [EU], then: allow", NO_RULE)],
)  # fmt: skip
def test_what_does_not_depend_on_the_body_is_decided_before_it(
    rule: str, answer: tuple[str, str | None, str | None]
) -> None:
    assert told(ask(policy(rule), DE, PENDING)) == answer


# Masks and holds


@pytest.mark.parametrize("rule", [MASK_EU, f"{G}, to: [EU], mask: [personal-data], {HOLD}"])
@pytest.mark.parametrize(
    ("carrying", "reason"),
    [
        (UNREAD, "not-json"),
        (Carrying(state="unread"), "not-json"),
        (read(signed=True, personal=1), "signed"),
        (NOT_LOOKED_FOR, "drift"),
    ],
)
def test_what_must_be_masked_and_cannot_be_is_blocked(
    rule: str, carrying: Carrying, reason: str
) -> None:
    found = ask(policy(rule, ALLOW_ANYWHERE), DE, carrying)

    assert found == Decision(rule="r1", code="unmaskable", reason=reason)


def test_a_signed_body_with_nothing_to_mask_stays_as_it_is() -> None:
    found = ask(policy(MASK_EU), DE, read(signed=True, payment=1))

    assert told(found) == ("mask", "r1", None)


def test_a_mask_names_its_sets() -> None:
    assert ask(policy(MASK_EU), DE, read(personal=1)) == Decision(
        action=Action.MASK, rule="r1", code=None, masks=("personal-data",)
    )


def test_a_hold_is_told_as_held_and_may_mask_too() -> None:
    rule = f"{G}, to: [EU], mask: [personal-data], {HOLD}"

    assert ask(policy(rule), DE, read(personal=1)) == Decision(
        action=Action.HOLD, rule="r1", code="held", masks=("personal-data",)
    )


def test_a_hold_without_a_mask_may_hold_an_unread_body() -> None:
    assert told(ask(policy(HOLD_ANYWHERE), DE, UNREAD)) == ("hold", "r1", "held")


# The legal basis


@pytest.mark.parametrize(("days", "action"), [(-1, "allow"), (0, "allow"), (1, "block")])
def test_a_basis_counts_through_its_last_day(days: int, action: str) -> None:
    day = datetime.date(2027, 6, 30) + datetime.timedelta(days=days)

    assert told(ask(policy(ALLOW_ANYWHERE), US, today=day))[0] == action


def test_an_expired_rule_leaves_the_call_to_those_behind_it() -> None:
    rules = policy(ALLOW_ANYWHERE, HOLD_ANYWHERE)
    found = ask(rules, US, read(), today=datetime.date(2028, 1, 1))

    assert told(found) == ("hold", "r2", "held")


# Terms of approval


def test_a_hold_has_its_rules_terms() -> None:
    rules = policy(HOLD_ANYWHERE)
    found = ask(rules, DE, read())

    assert isinstance(found, Decision)
    assert approval_of(rules, found) == rules.rules[0].approval


@pytest.mark.parametrize(
    "decision",
    [
        Decision(),
        Decision(rule="r1"),
        Decision(rule="r2", action=Action.HOLD),
        Decision(rule="r1", action=Action.ALLOW),
    ],
)
def test_what_is_no_hold_has_no_terms(decision: Decision) -> None:
    assert approval_of(policy(HOLD_ANYWHERE), decision) is None


# Plain values


@pytest.mark.parametrize(
    "value",
    [
        PENDING,
        UNREAD,
        read(signed=True, personal=2),
        Decision(),
        Decision(action=Action.MASK, rule="r", code=None, masks=("a", "b")),
        Decision(code="unmaskable", reason="signed"),
    ],
)
def test_a_value_comes_back_from_plain_ones(value: Carrying | Decision) -> None:
    assert type(value).from_plain(value.to_plain()) == value


@pytest.mark.parametrize(
    "changes",
    [
        {"state": "clean"}, {"state": None}, {"counts": []}, {"counts": {"a": 1}}, {"counts": {"a": {"$": True}}},
        {"counts": {"a": {"$": "1"}}}, {"reason": 1}, {"signed": 0}, {"signed": None},
    ],
)  # fmt: skip
def test_an_odd_carrying_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        Carrying.from_plain(read().to_plain() | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [{"action": "permit"}, {"action": None}, {"masks": "ab"}, {"masks": None}, {"rule": 1}, {"code": True}, {"reason": []}],
)  # fmt: skip
def test_an_odd_decision_is_refused(changes: dict[str, object]) -> None:
    with pytest.raises((TypeError, ValueError)):
        Decision.from_plain(Decision().to_plain() | changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "field", [f.name for f in dataclasses.fields(Decision) if f.name != "resign"]
)
def test_a_decision_that_lacks_a_part_is_refused(field: str) -> None:
    plain = Decision().to_plain()
    del plain[field]

    with pytest.raises(KeyError):
        Decision.from_plain(plain)


SOCKET = "from: {groups: [g]}, to: [EEA], then: allow"
EARLIER = "from: {groups: [g]}, carrying: {any_of: [personal-data]}, then: block"


@pytest.mark.parametrize(
    ("rules", "opens"),
    [
        ([SOCKET + ", websockets: true"], True),
        ([SOCKET], False),
        ([EARLIER, SOCKET + ", websockets: true"], False),
        ([EARLIER + ", methods: [POST]", SOCKET + ", websockets: true"], False),
        ([EARLIER.replace("[g]", "[h]"), SOCKET + ", websockets: true"], True),
        ([EARLIER + ", to: [US]", SOCKET + ", websockets: true"], True),
        (
            ['functions: ["mcp:tools/call:drop"], then: block', SOCKET + ", websockets: true"],
            False,
        ),
    ],
)
def test_a_handshake_stands_for_messages_only_where_no_rule_before_asks_about_them(
    rules: list[str], *, opens: bool
) -> None:
    found = policy(*rules)
    decision = Decision(action=Action.ALLOW, rule=found.rules[-1].id, code=None)
    inputs = Inputs(caller=caller("g"), method="GET", destination=destination("DE"))

    assert opens_websocket(found, inputs, decision, TODAY) is opens

    again = decide(found, dataclasses.replace(inputs, websocket=True), TODAY)
    if opens:
        assert again == decision
    elif again is not NEEDS_BODY:
        assert isinstance(again, Decision)
        assert again.action is Action.BLOCK
