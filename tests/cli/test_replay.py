"""``audit replay`` shows what other rules would change, and that the rules of then change nothing."""

import json
from pathlib import Path
from typing import Any

import pytest

from residency.cli.call import Call, ask
from residency.cli.options import load
from residency.core.ledger import Chain
from residency.core.policy.rule import Action
from tests.cli.conftest import Run, one_line
from tests.cli.test_check import edit
from tests.cli.test_explain import LAMBDA, OPENAI

NOON = 1795345200.0


def decided(rules: Path, call: Call, **changes: Any) -> dict[str, Any]:
    """A ``decision`` record of *call* under *rules*, as the gateway writes it."""
    configuration = load(rules)
    found = ask(configuration, call)
    plain = found.decision.to_plain()
    return {
        "decision": f"{abs(hash(call)):032x}",
        "permitted": found.decision.action is not Action.BLOCK,
        **plain,
        "decided": plain,
        "policy": configuration.digest,
        "caller": {"issuer": "https://login.test/realms/main", "subject": call.subject, "groups": sorted(call.groups)},
        "call": {"method": call.method or "POST"},
        "destination": found.destination.to_plain(),
        "carrying": found.carrying.to_plain(),
        "fault": None,
        **changes,
    }  # fmt: skip


def write(folder: Path, *records: dict[str, Any]) -> Path:
    chain = Chain()
    lines = [chain.seal("start", {}, time=NOON)]
    lines += [chain.seal("decision", r, time=NOON + n) for n, r in enumerate(records)]
    file = folder / "ledger.jsonl"
    file.write_bytes(b"".join(lines))
    return file


HOME = Call(url=LAMBDA, method="POST", groups=("eu-services",), subject="billing")
ABROAD = Call(url=OPENAI, groups=("eu-services",), body=b'{"email": "canary@example.com"}')
SICK = Call(url=OPENAI, groups=("analytics",), body=b'{"diagnosis": "x"}')


@pytest.fixture
def ledger(tmp_path: Path, rules: Path) -> Path:
    return write(tmp_path, *(decided(rules, call) for call in (HOME, ABROAD, SICK)))


def test_a_broken_ledger_is_never_replayed(ledger: Path, rules: Path, run: Run) -> None:
    ledger.write_bytes(ledger.read_bytes().replace(b'"eea"', b'"eeb"'))

    found = run("audit", "replay", ledger, "--rules", rules)

    assert (found.exit_code, found.stdout) == (2, "")
    assert "line 2: was altered" in one_line(found)


def test_a_line_taken_out_is_found_while_replaying(ledger: Path, rules: Path, run: Run) -> None:
    lines = ledger.read_bytes().splitlines(keepends=True)
    ledger.write_bytes(b"".join(lines[:2] + lines[3:]))

    assert run("audit", "replay", ledger, "--rules", rules).exit_code == 2


def test_a_forged_permission_in_a_sealed_chain_is_shown(
    tmp_path: Path, rules: Path, run: Run
) -> None:
    forged = decided(rules, SICK, action="allow", permitted=True, rule="eea", code=None)
    ledger = write(tmp_path, forged)

    found = run("audit", "replay", ledger, "--rules", rules)

    assert found.exit_code == 1
    assert "allow (eea) → block (no-health)" in found.stdout


def test_the_rules_of_then_change_nothing(ledger: Path, rules: Path, run: Run) -> None:
    found = run("audit", "replay", ledger, "--rules", rules)

    assert (found.exit_code, found.stderr) == (0, "")
    assert found.stdout == "3 same, 0 changed, 0 undetermined, 0 not-replayable\n"


def test_other_rules_show_what_they_change(ledger: Path, rules: Path, run: Run) -> None:
    edit(rules / "policy.yaml", "to: [EEA], then: allow", "to: [FR], then: allow")
    edit(rules / "policy.yaml", "{action: allow, rule: eea, places: [DE]}", "{action: hold}")

    found = run("audit", "replay", ledger, "--rules", rules)

    assert found.exit_code == 1
    assert "billing" in found.stdout
    assert "aws:lambda:score" in found.stdout
    assert "allow (eea) → " in found.stdout
    assert "3 of 3 calls were decided under other rules" in found.stdout
    assert "canary" not in found.output


def test_a_refusal_is_shown_with_its_rule_and_code(tmp_path: Path, rules: Path, run: Run) -> None:
    signed = (("Content-Digest", "sha-256=:x:"),)
    call = Call(url=OPENAI, groups=("analytics",), headers=signed, body=ABROAD.body)
    ledger = write(tmp_path, decided(rules, call))
    edit(rules / "policy.yaml", "groups: [analytics]", "groups: [others]")

    found = run("audit", "replay", ledger, "--rules", rules)

    assert "block (masked: unmaskable) → block (no-rule)" in found.stdout


def test_a_call_that_other_sets_would_mask_says_which(
    tmp_path: Path, rules: Path, run: Run
) -> None:
    model = Call(url=OPENAI, groups=("analytics",), issuer="https://login.test/realms/main", body=b"{}")  # fmt: skip
    masked = {"action": "mask", "rule": "masked", "code": None, "masks": ["personal-data", "more"], "reason": None}  # fmt: skip
    ledger = write(tmp_path, decided(rules, model, **masked, permitted=True, decided=masked))

    found = run("audit", "replay", ledger, "--rules", rules)

    assert found.exit_code == 1
    assert "mask (masked), personal-data + more → mask (masked), personal-data" in found.stdout


def test_a_call_whose_body_was_not_read_then_is_undetermined(
    ledger: Path, rules: Path, run: Run
) -> None:
    old = "to: [EEA], then: allow"
    edit(rules / "policy.yaml", old, f"carrying: {{none_of: [health-data]}}, {old}")

    found = run("audit", "replay", ledger, "--rules", rules)

    assert found.exit_code == 1
    assert "2 same, 0 changed, 1 undetermined" in found.stdout
    assert "not looked at" in found.stdout


def test_a_record_that_says_too_little_is_no_pass(tmp_path: Path, rules: Path, run: Run) -> None:
    ledger = write(tmp_path, {"decision": "a\x1b[31m"})

    found = run("audit", "replay", ledger, "--rules", rules)

    assert found.exit_code == 1
    assert "1 not-replayable" in found.stdout
    assert "\x1b" not in found.stdout


def test_json_has_every_call_and_changed_only_has_fewer(
    ledger: Path, rules: Path, run: Run
) -> None:
    whole = json.loads(run("audit", "replay", ledger, "--rules", rules, "--format", "json").stdout)
    less = json.loads(
        run(
            "audit", "replay", ledger, "--rules", rules, "--format", "json", "--changed-only"
        ).stdout
    )

    assert [c["verdict"] for c in whole["calls"]] == ["same"] * 3
    assert whole["calls"][0]["was"] == whole["calls"][0]["now"]
    assert whole["totals"] == {"same": 3, "changed": 0, "undetermined": 0, "not-replayable": 0}
    assert whole["recorded_policies"] == {whole["policy"]: 3}
    assert less["calls"] == []
    assert less["totals"] == whole["totals"]


def test_each_record_is_judged_on_its_own_day(tmp_path: Path, rules: Path, run: Run) -> None:
    """The basis ran until the day before yesterday; the call was on the day before that, in 2026."""
    edit(rules / "policy.yaml", "2099-06-30", "2026-11-22")
    model = Call(url=OPENAI, groups=("analytics",), issuer="https://login.test/realms/main", body=b"{}")  # fmt: skip
    masked = {"action": "mask", "rule": "masked", "code": None, "masks": ["personal-data"], "reason": None}  # fmt: skip
    record = decided(rules, model, **masked, permitted=True, decided=masked)
    chain = Chain()
    ledger = tmp_path / "ledger.jsonl"
    ledger.write_bytes(chain.seal("decision", record, time=NOON) + chain.seal("decision", record, time=NOON + 86400))  # fmt: skip

    found = run("audit", "replay", ledger, "--rules", rules, "--format", "json")

    verdicts = [c["verdict"] for c in json.loads(found.stdout)["calls"]]
    assert verdicts == ["same", "changed"]
