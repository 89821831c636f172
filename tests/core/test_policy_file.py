"""policy.yaml: each fault once, where it stands, with its mend."""

from pathlib import Path

import pytest

from residency.core.policy.rule import Action, Basis, Policy
from tests.policies import BASIS, parse, policy

HEAD = "version: 1\nhome: [EEA]\nrules:\n"
FROM = "from: {groups: [g]}"
ALLOW = f"  - id: a\n    {FROM}\n    to: [EEA]\n    then: allow\n"


def faults(rules: str, head: str = HEAD) -> list[str]:
    return parse(head + rules)[1]


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (
            f"id: a\n    {FROM}\n    to: [US]\n    then: allow",
            "6:5: rules[0].to: lets data out of home and names no basis (add basis: {ground, owner, until})",
        ),
        (
            f"id: a\n    {FROM}\n    to: [anywhere]\n    mask: [personal-data]\n    then: mask",
            "6:5: rules[0].to: lets data out of home and names no basis (add basis: {ground, owner, until})",
        ),
        (
            f"id: a\n    {FROM}\n    to: [EEA, unknown]\n    then: allow",
            "6:5: rules[0].to: lets data out of home and names no basis (add basis: {ground, owner, until})",
        ),
        (
            f"id: a\n    {FROM}\n    then: allow",
            "6:11: rules[0].then: allow without to (say where: to: […])",
        ),
        (
            "id: a\n    to: [EEA]\n    then: allow",
            "6:11: rules[0].then: allow without from (say whose calls: from: {groups: […]})",
        ),
        (
            "id: a\n    from: {}\n    to: [EEA]\n    then: allow",
            "5:5: rules[0].from: is empty (name groups, subjects or issuers)",
        ),
        (
            "id: a\n    carrying: {}\n    then: block",
            "5:5: rules[0].carrying: is empty (name any_of or none_of)",
        ),
        (
            f"id: a\n    {FROM}\n    to: [EEA]\n    then: mask",
            "7:11: rules[0].then: mask without mask sets (add mask: [set, …])",
        ),
        (
            f"id: a\n    {FROM}\n    to: [EEA]\n    mask: [personal-data]\n    then: allow",
            "7:5: rules[0].mask: has no meaning with then: allow (remove it)",
        ),
        (
            f"id: a\n    {FROM}\n    to: [EEA]\n    then: hold",
            "7:11: rules[0].then: hold without approval (add approval: {groups: […]})",
        ),
        (
            "id: a\n    approval: {groups: [c]}\n    then: block",
            "5:5: rules[0].approval: has no meaning with then: block (remove it)",
        ),
        (
            f"id: a\n    {BASIS}\n    then: block",
            "5:5: rules[0].basis: has no meaning with then: block (remove it)",
        ),
        (
            f"id: a\n    {FROM}\n    to: [EEA]\n    then: hold\n    approval: {{groups: [c]}}\n    websockets: true",
            "9:17: rules[0].websockets: has no meaning with then: hold (remove it)",
        ),
        (
            f"id: a\n    {FROM}\n    to: [EEA]\n    carrying: {{none_of: [personal-data]}}\n    then: allow\n    websockets: true",
            "9:17: rules[0].websockets: with carrying: what messages to come carry cannot be told (remove one of the two)",
        ),
        (
            f"id: a\n    {FROM}\n    to: [EEA]\n    then: hold\n    approval:\n      groups: [c]\n      wait: 60s\n      valid: 59s",
            "11:14: rules[0].approval.valid: is shorter than wait (make it longer)",
        ),
        (
            f"id: a\n    {FROM}\n    to: [EEA, UK]\n    then: allow",
            "6:15: rules[0].to[1]: 'UK' is no place (use an ISO 3166-1 alpha-2 code, a jurisdiction (EEA, EU, …), "
            "anywhere or unknown)",
        ),
        (
            f"id: a\n    {FROM}\n    to: [EEA]\n    then: mask\n    mask: [personal]",
            "8:12: rules[0].mask[0]: there is no mask set 'personal' (known: payment-data, personal-data)",
        ),
        (
            "id: a\n    carrying: {any_of: [personal]}\n    then: block",
            "5:25: rules[0].carrying.any_of[0]: there is no mask set 'personal' (known: payment-data, personal-data)",
        ),
        (
            "id: a\n    carrying: {none_of: [personal]}\n    then: block",
            "5:26: rules[0].carrying.none_of[0]: there is no mask set 'personal' (known: payment-data, personal-data)",
        ),
        ("id: a\n    then: deny", "5:11: rules[0].then: input should be 'block', 'allow', 'mask' or 'hold'"),
        ("id: a\n    then:", "5:10: rules[0].then: "),
        ("id: a", "4:5: rules[0].then: is missing (add it)"),
        ("then: block", "4:5: rules[0].id: is missing (add it)"),
        ("id: A b\n    then: block", "4:9: rules[0].id: string should match pattern"),
        (
            "id: a\n    form: {groups: [g]}\n    then: block",
            "rules[0].form: is not a key that is known here (correct its spelling, or remove it)",
        ),
        (
            "id: a\n    from_: {groups: [g]}\n    then: block",
            "rules[0].from_: is not a key that is known here (correct its spelling, or remove it)",
        ),
        ("id: a\n    from: {groups: []}\n    then: block", "5:12: rules[0].from.groups: "),
        ("id: a\n    methods: [post]\n    then: block", "5:15: rules[0].methods[0]: string should match"),
        (
            f"id: a\n    {FROM}\n    to: [EEA]\n    then: hold\n    approval: {{groups: [c], quorum: 0}}",
            "8:37: rules[0].approval.quorum: input should be greater than or equal to 1",
        ),
        (
            f"id: a\n    {FROM}\n    to: [EEA]\n    then: hold\n    approval: {{groups: [c], wait: 55}}",
            "8:35: rules[0].approval.wait: a duration is a whole number and a unit",
        ),
        (
            f"id: a\n    {FROM}\n    to: [US]\n    then: allow\n    basis: {{ground: g, owner: o, until: soon}}",
            "8:41: rules[0].basis.until: input should be a valid date",
        ),
    ],
)  # fmt: skip
def test_a_fault_is_told_once_and_alone(rule: str, fault: str) -> None:
    found = faults(f"  - {rule}\n")

    assert len(found) == 1, found
    assert found[0].startswith("policy.yaml:")
    assert fault in found[0]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("home: [EEA]\nrules:\n" + ALLOW, "policy.yaml:1:1: version: is missing (add it)"),
        ("version: 2\nhome: [EEA]\nrules:\n" + ALLOW, "policy.yaml:1:10: version: input should be '1'"),
        ("version: 1\nrules:\n" + ALLOW, "policy.yaml:1:1: home: is missing (add it)"),
        ("version: 1\nhome: []\nrules:\n" + ALLOW, "policy.yaml:2:1: home: "),
        ("version: 1\nhome: [Europe]\nrules:\n" + ALLOW, "policy.yaml:2:8: home[0]: 'Europe' is no place"),
        ("version: 1\nhome: [EEA]\n", "policy.yaml:1:1: rules: is missing (add it)"),
        ("version: 1\nhome: [EEA]\nrules: []\n", "policy.yaml:3:1: rules: "),
        ("", "policy.yaml: the file is empty"),
    ],
)  # fmt: skip
def test_a_fault_of_the_whole_file_is_told_once_and_alone(text: str, fault: str) -> None:
    found = parse(text)[1]

    assert len(found) == 1, found
    assert found[0].startswith(fault)


def test_every_fault_is_told_at_once() -> None:
    found = faults(
        "  - {id: a, then: mask, mask: [x]}\n  - {id: a, then: hold}\n  - {id: b, then: block, to: [XX]}\n"
    )

    assert len(found) == 8, found


def test_a_second_rule_of_one_name_is_refused() -> None:
    found = faults(ALLOW + ALLOW.replace("[g]", "[h]"))

    assert found == ["policy.yaml:8:9: rules[1].id: 'a' a second time (rename one)"]


# Shadows (THREATS: overlapping rules with different results)


HOLD = "then: hold, approval: {groups: [c]}"
SHADOWED = [
    (f"{FROM}, to: [EEA], then: allow", f"{FROM}, to: [DE], then: allow"),
    ("then: block", f"{FROM}, to: [DE], then: allow"),
    (f"{FROM}, then: block", f"{FROM}, methods: [GET], then: block"),
    (f"{FROM}, to: [EEA], then: allow", f"{FROM}, to: [EEA], then: mask, mask: [personal-data]"),
    (f"{FROM}, to: [EEA], {HOLD}", f"{FROM}, to: [EEA], {HOLD}"),
    ('functions: ["*"], then: block', 'functions: ["a:*"], then: block'),
    ("to: [EEA], then: block", f"{FROM}, to: [DE, FR], then: allow"),
]
APART = [
    (f"{FROM}, to: [DE], then: allow", f"{FROM}, to: [EEA], then: allow"),
    (f"{FROM}, to: [EEA], then: allow", "from: {groups: [h]}, to: [EEA], then: allow"),
    (f"{FROM}, to: [EEA], then: allow", f"{FROM}, to: [DE], then: block"),
    (f"{FROM}, to: [EEA], then: allow", f"{FROM}, to: [EEA], {HOLD}"),
    (f"{FROM}, to: [EEA], carrying: {{none_of: [personal-data]}}, then: allow", f"{FROM}, to: [EEA], then: allow"),
    (f"{FROM}, to: [US], {BASIS}, then: allow", f"{FROM}, to: [US], {HOLD}"),
    ('functions: ["a:*"], then: block', 'functions: ["a:b"], then: block'),
    (f"{FROM}, methods: [GET], to: [EEA], then: allow", f"{FROM}, to: [EEA], then: allow"),
]  # fmt: skip


def both(first: str, second: str) -> list[str]:
    return faults(f"  - {{id: a, {first}}}\n  - {{id: b, {second}}}\n")


@pytest.mark.parametrize(("first", "second"), SHADOWED)
def test_a_rule_that_can_never_match_is_refused(first: str, second: str) -> None:
    assert both(first, second) == [
        "policy.yaml:5:10: rules[1].id: can never match: 'a' above matches all that it would "
        "(move it up, or remove one of the two)"
    ]


@pytest.mark.parametrize(("first", "second"), APART)
def test_a_rule_that_may_match_is_not_called_shadowed(first: str, second: str) -> None:
    assert both(first, second) == []


# What is read


def test_a_rule_becomes_a_value() -> None:
    found = policy(
        f"why: w, {FROM}, functions: ['a:*'], methods: [GET], to: [US], then: allow, {BASIS}"
    ).rules[0]

    assert (found.id, found.why, found.then) == ("r1", "w", Action.ALLOW)
    assert found.methods == frozenset({"GET"})
    assert isinstance(found.basis, Basis)


def test_a_hold_may_lead_out_of_home_without_a_basis() -> None:
    assert faults(f"  - {{id: a, {FROM}, to: [anywhere], {HOLD}}}\n") == []


def test_a_policy_knows_which_sets_are_asked_for() -> None:
    found = policy(
        f"{FROM}, to: [DE], then: mask, mask: [personal-data]",
        "then: block, carrying: {any_of: [payment-data]}",
    )

    assert found.sets_asked_for == ("payment-data", "personal-data")


def test_a_rule_is_found_by_its_id() -> None:
    found: Policy = policy(f"{FROM}, to: [DE], then: allow")

    assert (found.rule("r1"), found.rule("r2")) == (found.rules[0], None)


def test_the_shipped_policy_has_every_rule_of_the_readme_order() -> None:
    text = (Path(__file__).parents[2] / "rules" / "policy.yaml").read_text(encoding="utf-8")

    assert text.index("eea-is-home") < text.index("no-health-data-abroad")
