"""A replay says what the record can prove, and no more."""

import re
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core import document
from residency.core.faults import Faults
from residency.core.mask.sets import MaskSets, parse
from residency.core.policy import file
from residency.core.policy.decide import PENDING, Carrying, Decision, Inputs, decide
from residency.core.policy.rule import Action, Policy
from residency.core.region.destination import Destination
from residency.core.replay import MAX_OPEN, replay
from tests.policies import (
    BASIS,
    JURISDICTIONS,
    SETS,
    TODAY,
    UNREAD,
    caller,
    destination,
    policy,
    read,
)

HOME = "from: {groups: [g]}, to: [EEA], then: allow"
CLEAN = f"from: {{groups: [g]}}, to: [EEA, US], carrying: {{none_of: [personal-data]}}, then: allow, {BASIS}"
MASK = f"from: {{groups: [g]}}, to: [EEA, US], then: mask, mask: [personal-data], {BASIS}"
NO_PAYMENT = "carrying: {any_of: [payment-data]}, then: block"
HOLD = "from: {groups: [g]}, to: [anywhere], then: hold, approval: {groups: [c]}"


def sets_of(**paths: list[str]) -> MaskSets:
    """Mask sets; ``personal=["$.x"]`` are the paths of personal-data."""
    fields = {name: ", ".join(f'{{path: "{p}"}}' for p in ps) for name, ps in paths.items()}
    return rows_of(**{name: f"fields: [{texts}]" for name, texts in fields.items()})


def rows_of(**rows: str) -> MaskSets:
    """Mask sets; ``personal="fields: […]"`` is what stands under personal-data. Those not given have the field $.x."""
    text = "".join(
        f"  - {{name: {name}, why: w, {rows.get(name[:-5], 'fields: [{path: $.x}]')}}}\n"
        for name in SETS
    )
    faults = Faults()
    found = parse(document.read(f"version: 1\nsets:\n{text}", "masks.yaml", faults), faults)
    faults.check()
    assert found
    return found


SET = sets_of()


def record(
    rules: Policy, where: Destination, carrying: Carrying = PENDING, **changes: Any
) -> dict[str, Any]:
    """The record of a call of g that *rules* decided, as the gateway writes it."""
    who = caller("g")
    inputs = Inputs(caller=who, method="POST", destination=where, carrying=carrying)
    decided = decide(rules, inputs, TODAY)
    assert isinstance(decided, Decision)
    plain = decided.to_plain()
    return {
        "decision": "ab" * 16,
        "permitted": decided.action is not Action.BLOCK,
        **plain,
        "decided": plain,
        "policy": rules.digest,
        "caller": {"issuer": who.issuer, "subject": who.subject, "groups": list(who.groups)},
        "call": {"method": "POST", "scheme": "https", "host": "h.test", "port": 443},
        "destination": where.to_plain(),
        "carrying": carrying.to_plain(),
        "fault": None,
        **changes,
    }


def earlier(
    rules: Policy, where: Destination, carrying: Carrying = PENDING, **changes: Any
) -> dict[str, Any]:
    """The same, of a day when other rules were in force than those that are asked."""
    return record(rules, where, carrying, policy="d0", **changes)


def refusal(code: str, **changes: Any) -> dict[str, Any]:
    """The record of a call that no rule was asked about."""
    return {
        "decision": "cd" * 16, "permitted": False, "action": "block", "rule": None, "code": code, "reason": None,
        "decided": None, "policy": "d1", "caller": None, "call": {"method": "POST"}, "destination": None,
        "carrying": None, "fault": code, "masks": [], **changes,
    }  # fmt: skip


# --- an opening handshake


def handshake(**changes: Any) -> dict[str, Any]:
    call = {"method": "POST", "scheme": "https", "host": "h.test", "port": 443, "websocket": True}
    return record(policy(HOME + ", websockets: true"), destination("DE"), call=call, **changes)


def test_a_handshake_is_decided_again_as_one() -> None:
    same = policy(HOME + ", websockets: true")
    assert replay(same, SET, handshake(), TODAY).verdict == "same"

    found = replay(policy(HOME), SET, handshake(policy="d0"), TODAY)
    assert found.verdict == "changed"
    assert found.again
    assert found.again.code == "upgrade-refused"


def test_a_handshake_that_is_oddly_said_cannot_be_replayed() -> None:
    odd = handshake() | {"call": {"method": "GET", "websocket": "yes"}}

    assert replay(policy(HOME), SET, odd, TODAY).verdict == "not-replayable"


# --- what a forged or broken record may not pass for


def test_a_call_that_was_let_go_against_its_decision_has_changed() -> None:
    rules = policy(HOME)
    forged = record(rules, destination("US"), action="allow", permitted=True, code=None)

    found = replay(rules, SET, forged, TODAY)

    assert found.verdict == "changed"
    assert found.recorded
    assert found.recorded.action is Action.ALLOW


def test_a_decision_that_its_own_rules_do_not_make_has_changed() -> None:
    rules = policy(HOME)
    forged = record(rules, destination("DE")) | {"destination": destination("US").to_plain()}

    found = replay(rules, SET, forged, TODAY)

    assert (found.verdict, found.why) == ("changed", "the recorded rules do not decide so")


def test_a_refusal_that_let_the_call_go_cannot_be_replayed_as_the_same() -> None:
    forged = refusal("host-mismatch", action="allow", permitted=True)

    assert replay(policy(HOME), SET, forged, TODAY).verdict == "changed"


@pytest.mark.parametrize("permitted", [True, False])
def test_permitted_may_not_contradict_the_action(*, permitted: bool) -> None:
    rules = policy(HOME)
    good = record(rules, destination("US" if permitted else "DE"))

    assert replay(rules, SET, good | {"permitted": permitted}, TODAY).verdict == "not-replayable"


@pytest.mark.parametrize(
    "part", ["caller", "call", "destination", "carrying", "action", "rule", "code"]
)
def test_a_record_without_a_part_cannot_be_replayed(part: str) -> None:
    rules = policy(HOME)
    good = record(rules, destination("DE"))
    good.pop(part)

    found = replay(rules, SET, good, TODAY)

    assert (found.verdict, found.again) == ("not-replayable", None)


@pytest.mark.parametrize(
    "change",
    [
        {"caller": {"issuer": "i", "subject": "s", "groups": "g"}},
        {"caller": None},
        {"call": {"method": 1}},
        {"destination": None},
        {"destination": {}},
        {"carrying": {"state": "clean", "counts": {}, "reason": None, "signed": False}},
        {"decided": {"action": "permit", "rule": None, "code": None, "masks": [], "reason": None}},
        {"decided": "allow"},
        {"decided": None},
        {"decided": None, "fault": ""},
        {"action": "let-go"},
    ],
    ids=str,
)
def test_a_garbled_record_cannot_be_replayed(change: dict[str, Any]) -> None:
    rules = policy(HOME)
    garbled = record(rules, destination("DE")) | change

    assert replay(rules, SET, garbled, TODAY).verdict == "not-replayable"


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.data())
def test_no_record_whatever_makes_it_raise_or_pass(data: st.DataObject) -> None:
    rules = policy(CLEAN, HOME)
    good = record(rules, destination("DE"), read())
    part = data.draw(st.sampled_from(sorted(good)))
    fields: Mapping[str, Any] = good | {part: data.draw(plain)}

    found = replay(rules, SET, fields, TODAY)

    assert found.verdict in ("same", "changed", "undetermined", "not-replayable")
    assert (found.verdict == "same") == (found.again is not None and found.again == found.recorded)


# --- the rules of then


@pytest.mark.parametrize(
    ("where", "carrying"),
    [
        (destination("DE"), PENDING),
        (destination("US"), read()),
        (destination("US"), read(personal=2)),
        (destination("US"), read(payment=1)),
        (destination("US"), read(signed=True, personal=1)),
        (destination("US"), UNREAD),
        (destination("anywhere"), read()),
        (destination(), read()),
        (destination("US", status="conflict"), read()),
    ],
    ids=str,
)
def test_with_its_own_rules_every_decision_is_the_same(
    where: Destination, carrying: Carrying
) -> None:
    rules = policy(HOME, NO_PAYMENT, CLEAN, MASK, HOLD)

    found = replay(rules, SET, record(rules, where, carrying), TODAY)

    assert (found.verdict, found.why) == ("same", "")
    assert found.decision == "ab" * 16


def test_a_refusal_before_any_rule_is_the_same_under_any_rules() -> None:
    found = replay(policy(HOME), SET, refusal("identity-expired"), TODAY)

    assert found.verdict == "same"
    assert found.again == Decision(code="identity-expired")


def test_the_short_record_of_a_fault_of_the_gateways_own_is_the_same() -> None:
    short = {"decision": "x", "action": "block", "rule": None, "code": "internal", "fault": "internal"}  # fmt: skip

    assert replay(policy(HOME), SET, short, TODAY).verdict == "same"


def test_a_hold_that_was_denied_still_was_rightly_held() -> None:
    rules = policy(HOLD)
    denied = record(rules, destination("US"), read(), permitted=False, action="block", code="denied", fault="denied")  # fmt: skip

    found = replay(rules, SET, denied, TODAY)

    assert found.verdict == "same"
    assert found.recorded
    assert found.recorded.action is Action.HOLD


def test_a_basis_is_judged_on_the_day_of_the_record() -> None:
    rules = policy(f"from: {{groups: [g]}}, to: [US], then: allow, {BASIS}")
    fields = record(rules, destination("US"))

    late = replay(rules, SET, fields, TODAY.replace(year=2028))

    assert replay(rules, SET, fields, TODAY).verdict == "same"
    assert late.verdict == "changed"


# --- other rules


def test_other_rules_show_what_they_change() -> None:
    fields = earlier(policy(HOME), destination("DE"), permitted=True)
    strict = policy("from: {groups: [g]}, to: [FR], then: allow")

    found = replay(strict, SET, fields, TODAY)

    assert (found.verdict, found.why) == ("changed", "other rules decide otherwise")
    assert found.again == Decision()


def test_a_body_that_was_not_read_then_is_never_guessed() -> None:
    fields = earlier(policy(HOME), destination("DE"))

    found = replay(policy(NO_PAYMENT, HOME), SET, fields, TODAY)

    assert (found.verdict, found.again) == ("undetermined", None)


def test_a_set_that_was_not_counted_then_is_never_taken_for_none() -> None:
    then = policy(CLEAN)
    carrying = Carrying(state="read", counts={"personal-data": {}})
    fields = earlier(then, destination("US"), carrying)

    found = replay(policy(NO_PAYMENT, CLEAN), SET, fields, TODAY)

    assert (found.verdict, found.again) == ("undetermined", None)
    assert "not looked at" in found.why


def test_a_set_that_had_no_match_then_has_none_now() -> None:
    fields = earlier(policy(CLEAN), destination("US"), read())

    found = replay(policy(NO_PAYMENT, CLEAN, HOME), SET, fields, TODAY)

    assert found.again == Decision(action=Action.ALLOW, rule="r2", code=None)


def test_a_set_that_was_not_counted_does_not_matter_where_every_count_leads_to_one_answer() -> (
    None
):
    then = policy(CLEAN)
    carrying = Carrying(state="read", counts={"personal-data": {}})
    fields = earlier(then, destination("US"), carrying)

    found = replay(policy("id: r9, to: [US], then: block", NO_PAYMENT), SET, fields, TODAY)

    assert (found.verdict, found.again) == ("changed", Decision(rule="r9", code="rule"))


def test_a_body_that_nobody_tried_to_read_may_be_unreadable() -> None:
    """A rule that masks makes the gateway wait for the body; without sets nobody parses it."""
    then = policy(HOLD)
    fields = earlier(then, destination("US"), Carrying(state="read"))
    either = "carrying: {any_of: [personal-data]}"

    found = replay(policy(f"{either}, then: block", HOLD), SET, fields, TODAY)
    same = replay(policy(HOLD), SET, fields, TODAY)

    assert found.verdict == "undetermined"
    assert same.verdict == "same"


def test_unread_alone_keeps_an_answer_open() -> None:
    """Zero or more, the call would be allowed: only if it cannot be read, it would not."""
    then = policy("from: {groups: [g]}, to: [EEA], then: hold, approval: {groups: [c]}")
    fields = earlier(then, destination("DE"), Carrying(state="read"))
    has = "from: {groups: [g]}, to: [EEA], carrying: {any_of: [payment-data]}, then: mask, mask: [payment-data]"
    none = "from: {groups: [g]}, to: [EEA], then: mask, mask: [payment-data]"
    all_but_unread = replay(policy(f"id: r, {none}"), SET, fields, TODAY)

    assert all_but_unread.verdict == "undetermined"
    assert replay(policy(has, none), SET, fields, TODAY).verdict == "undetermined"


def test_a_match_on_a_path_that_moved_to_another_set_is_found_again() -> None:
    fields = earlier(policy(MASK), destination("US"), Carrying(state="read", counts={"personal-data": {"$.card": 1}}))  # fmt: skip
    sets = sets_of(personal=["$.email"], payment=["$.card"])

    found = replay(policy(f"id: p, {NO_PAYMENT}"), sets, fields, TODAY)

    assert found.again == Decision(rule="p", code="rule")


@pytest.mark.parametrize("more", ['json: ["$.a"]', 'schemas: ["$.a"]', "direction: response"])
def test_a_match_tells_nothing_about_a_set_that_is_read_otherwise(more: str) -> None:
    carrying = Carrying(
        state="read",
        counts={"personal-data": {"$.x": 1}},
        sets={"personal-data": SET.get("personal-data").paths},
    )
    fields = earlier(policy(MASK), destination("US"), carrying)

    assert (
        replay(
            policy(CLEAN), rows_of(personal=f'fields: [{{path: "$.x"}}], {more}'), fields, TODAY
        ).verdict
        == "undetermined"
    )


def test_what_detectors_missed_tells_nothing_where_another_set_is_read_otherwise() -> None:
    """They also look into the JSON that another set tells of."""
    rules, field, other = policy(CLEAN, NO_PAYMENT), "{detect: [email]}", '{path: "$.y"}'
    before = rows_of(personal=f"fields: [{field}]", payment=f"fields: [{other}]")
    after = rows_of(personal=f"fields: [{field}]", payment=f'fields: [{other}], json: ["$.a"]')
    carrying = Carrying(
        state="read", counts={}, sets={name: before.get(name).paths for name in before.names}
    )
    fields = earlier(policy(MASK), destination("US"), carrying)

    found = replay(rules, before, fields, TODAY).again

    assert found
    assert found.action is Action.ALLOW
    assert replay(rules, after, fields, TODAY).verdict == "undetermined"


def test_a_path_that_was_added_to_a_set_may_have_matched_then() -> None:
    carrying = Carrying(
        state="read",
        counts={"personal-data": {}},
        sets={"personal-data": SET.get("personal-data").paths},
    )
    fields = earlier(policy(CLEAN), destination("US"), carrying)

    assert replay(policy(CLEAN), SET, fields, TODAY).verdict == "same"
    assert (
        replay(policy(CLEAN), sets_of(personal=["$.x", "$.added"]), fields, TODAY).verdict
        == "undetermined"
    )


def test_a_basis_is_compared_with_the_day_of_the_call_and_not_of_its_record() -> None:
    fields = earlier(policy(CLEAN), destination("US"), read(), day="2026-11-21")
    until = re.sub(r"until: [0-9-]+", "until: 2026-11-21", CLEAN)

    assert replay(policy(until), SET, fields, TODAY).verdict == "same"


def test_a_match_on_a_path_that_its_set_lost_may_have_hidden_others() -> None:
    carrying = Carrying(state="read", counts={"personal-data": {"$.old": 1}})
    fields = earlier(policy(CLEAN), destination("US"), carrying)

    found = replay(policy(CLEAN), sets_of(personal=["$.new"]), fields, TODAY)

    assert found.verdict == "undetermined"


def _many(count: int) -> tuple[Policy, MaskSets]:
    """A policy that masks *count* sets in the US, with the sets."""
    faults = Faults()
    names = [f"s{n}-data" for n in range(count)]
    text = "".join(f'  - {{name: {n}, why: w, fields: [{{path: "$.{n[:2]}"}}]}}\n' for n in names)
    sets = parse(document.read(f"version: 1\nsets:\n{text}", "masks.yaml", faults), faults)
    assert sets, faults.found
    rules = f"""
version: 1
home: [EEA]
rules:
  - {{id: home, from: {{groups: [g]}}, to: [EEA], then: allow}}
  - {{id: m, from: {{groups: [g]}}, to: [US], then: mask, mask: [{", ".join(names)}], {BASIS}}}
"""
    found = file.parse(document.read(rules, "policy.yaml", faults), faults,
                       jurisdictions=JURISDICTIONS, sets=sets.names, digest="d2")  # fmt: skip
    assert found, faults.found
    return found[0], sets


@pytest.mark.parametrize("count", [MAX_OPEN, MAX_OPEN + 1])
@pytest.mark.parametrize(("place", "verdict"), [("DE", "changed"), ("US", "undetermined")])
def test_more_open_sets_than_can_be_tried_never_pass(count: int, place: str, verdict: str) -> None:
    then = policy(CLEAN)
    rules, sets = _many(count)
    fields = earlier(then, destination(place), Carrying(state="read", signed=True, counts={"personal-data": {}}))  # fmt: skip

    found = replay(rules, sets, fields, TODAY)

    assert found.verdict == verdict


counts = st.fixed_dictionaries(
    {}, optional={name: st.integers(0, 2).map(lambda n: {"$.x": n} if n else {}) for name in SETS}
)
pool = st.lists(st.sampled_from([HOME, CLEAN, MASK, NO_PAYMENT, HOLD]), min_size=1, max_size=4, unique=True)  # fmt: skip
places = st.sampled_from([destination("DE"), destination("US"), destination("anywhere"), destination()])  # fmt: skip


@given(before=pool, after=pool, where=places, all_counts=counts, signed=st.booleans())
def test_an_answer_is_what_the_rules_would_have_said_with_everything_counted(
    before: list[str],
    after: list[str],
    where: Destination,
    all_counts: dict[str, dict[str, int]],
    *,
    signed: bool,
) -> None:
    """Whatever was counted then: if replay answers, the live gateway with the new rules would have answered so."""
    try:
        then, now = policy(*before), policy(*after)
    except AssertionError:
        return  # a rule that another one shadows
    full = {name: all_counts.get(name, {}) for name in SETS}
    partial = {name: full[name] for name in then.sets_asked_for}
    sets = sets_of(personal=["$.x"], payment=["$.y"])
    full["payment-data"] = {"$.y": 1} if full["payment-data"] else {}
    partial = {name: full[name] for name in partial}
    carrying = Carrying(state="read", counts=partial, signed=signed)

    found = replay(now, sets, earlier(then, where, carrying), TODAY)

    truth = decide(
        now,
        Inputs(
            caller=caller("g"),
            method="POST",
            destination=where,
            carrying=Carrying(state="read", counts=full, signed=signed),
        ),
        TODAY,
    )
    assert found.verdict != "not-replayable"
    if found.again is not None:
        assert found.again == truth


# --- what the body named


ONE_TOOL = "from: {groups: [g]}, functions: ['mcp:tools/call:search'], to: [EU], then: allow"


def tool(name: str) -> Destination:
    return Destination(
        function="private:tools:?", entry="pin:tools.test", places=destination("DE").places, status="declared",
        operations=(f"mcp:tools/call:{name}",),
    )  # fmt: skip


@pytest.mark.parametrize("name", ["search", "delete"])
def test_what_the_body_named_is_judged_again(name: str) -> None:
    rules = policy(ONE_TOOL)

    assert replay(rules, SET, record(rules, tool(name)), TODAY).verdict == "same"


def test_other_rules_for_what_the_body_named_show_what_they_change() -> None:
    before = record(policy(HOME), tool("delete"), policy="d0")

    found = replay(policy(ONE_TOOL), SET, before, TODAY)

    assert (found.verdict, found.again and found.again.code) == ("changed", "no-rule")


def test_what_a_body_named_that_nobody_looked_at_is_never_guessed() -> None:
    """A block of a tool, asked about a call that streamed, or about a record from before operations were kept."""
    rules = policy("functions: ['mcp:tools/call:delete'], then: block", HOME)
    streamed = earlier(policy(HOME), destination("DE"))
    older = dict(streamed["destination"])
    del older["operations"]

    assert replay(rules, SET, streamed, TODAY).verdict == "undetermined"
    assert replay(rules, SET, streamed | {"destination": older}, TODAY).verdict == "undetermined"
