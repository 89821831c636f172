"""``check`` finds what would keep a gateway from starting, and what has run out."""

import json
import time
from pathlib import Path

import pytest

from residency.core.ledger import Chain
from residency.core.plain import Plain
from tests.certificates import Certified
from tests.cli.conftest import Run


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_every_fault_is_told_with_its_place(rules: Path, run: Run) -> None:
    edit(rules / "policy.yaml", "to: [EEA], then: allow", "to: [EEAA], then: permit")
    edit(rules / "identity.yaml", "audience", "audienc")

    found = run("check", rules)

    assert (found.exit_code, found.stdout) == (1, "")
    assert f"{rules}/policy.yaml:4:" in found.stderr
    assert f"{rules}/identity.yaml:3:" in found.stderr


def test_a_failing_test_of_the_policy_fails(rules: Path, run: Run) -> None:
    edit(rules / "policy.yaml", "places: [DE]", "places: [FR]")

    found = run("check", rules)

    assert found.exit_code == 1
    assert "expects places FR, got DE" in found.stderr


def test_a_basis_that_has_run_out_fails_at_its_line(rules: Path, run: Run) -> None:
    edit(rules / "policy.yaml", "2099-06-30", "2020-06-30")
    lines = (rules / "policy.yaml").read_text().splitlines()
    line = next(n for n, text in enumerate(lines, 1) if "2020-06-30" in text)

    found = run("check", rules)

    assert found.exit_code == 1
    assert f"{rules}/policy.yaml:{line}:" in found.stderr
    assert "rule masked: its basis ended on 2020-06-30" in found.stderr


def test_a_key_file_that_is_not_there_fails(rules: Path, run: Run) -> None:
    (rules / "jwks.json").unlink()

    found = run("check", rules)

    text = (rules / "identity.yaml").read_text()
    line = next(n for n, text in enumerate(text.splitlines(), 1) if "jwks.json" in text)
    assert found.exit_code == 1
    assert f"{rules}/identity.yaml:{line}:" in found.stderr
    assert (
        "issuers[0].keys.file: the file jwks.json cannot be read (correct its path" in found.stderr
    )


def test_a_folder_that_is_not_there_fails_once_named(tmp_path: Path, run: Run) -> None:
    found = run("check", tmp_path / "nowhere", "--format", "json")

    assert found.exit_code == 1
    (fault,) = json.loads(found.stdout)["faults"]
    assert fault["source"] == str(tmp_path / "nowhere")


def test_a_fault_in_a_catalogue_of_ones_own_is_told_there(rules: Path, run: Run) -> None:
    (rules / "catalogue").mkdir()
    (rules / "catalogue" / "mine.yaml").write_text("version: 2\n", encoding="utf-8")

    assert f"{rules}/catalogue/mine.yaml:1:" in run("check", rules).stderr


def test_all_well_says_what_was_checked(rules: Path, run: Run) -> None:
    found = run("check", "--format", "json", rules)
    told = json.loads(found.stdout)

    assert found.exit_code == 0
    assert told["ok"] is True
    assert told["faults"] == []
    assert [told[k] for k in ("rules", "tests", "mask_sets", "issuers")] == [4, 1, 2, 1]
    assert told["catalogue_entries"] > 0
    assert len(told["digest"]) == 64


def test_blocks_of_client_certificates_are_counted(rules: Path, run: Run) -> None:
    root = Certified.root(time.time())
    (rules / "root.pem").write_text(root.pem)
    with (rules / "identity.yaml").open("a") as file:
        file.write(
            "certificates:\n  - {name: mesh, authorities: {file: root.pem}, spiffe: {trust_domain: a.test}}\n"
        )

    told = json.loads(run("check", "--format", "json", rules).stdout)

    assert (told["issuers"], told["certificate_issuers"]) == (1, 1)


def test_people_are_told_the_same(rules: Path, run: Run) -> None:
    found = run("check", "--rules", rules)

    assert found.exit_code == 0
    assert "rules                4\n" in found.stdout
    assert found.stderr == ""


def test_json_faults_have_a_place_and_a_mend(rules: Path, run: Run) -> None:
    edit(rules / "policy.yaml", "mask: [personal-data]", "mask: [personal-dato]")

    told = json.loads(run("check", rules, "--format", "json").stdout)

    assert told["ok"] is False
    assert told["faults"][0]["line"] == 10
    assert "personal-data" in told["faults"][0]["mend"]


PINS = """\
version: 1
destinations:
  - {host: old.example, places: [DE], owner: o, why: w, until: 2020-01-01}
  - {host: "*.a.example", places: [DE], owner: o, why: w}
  - {host: b.a.example, places: [DE], owner: o, why: w}
"""


def test_a_pin_that_has_run_out_fails_and_one_without_effect_warns(rules: Path, run: Run) -> None:
    (rules / "destinations.yaml").write_text(PINS, encoding="utf-8")
    found = run("check", rules)

    assert found.exit_code == 1
    assert (
        "destinations.yaml:3:12: destinations[0].host: old.example: the pin ended" in found.stderr
    )
    assert "warning: " in found.stderr
    assert "b.a.example: *.a.example says the same" in found.stderr


def test_warnings_alone_do_not_fail(rules: Path, run: Run) -> None:
    (rules / "destinations.yaml").write_text(PINS.replace("2020", "2099"), encoding="utf-8")
    found = run("check", rules, "--format", "json")

    assert found.exit_code == 0
    answer = json.loads(found.stdout)
    assert answer["ok"]
    assert [w["line"] for w in answer["warnings"]] == [5]


def test_with_a_ledger_pins_that_nobody_used_are_told(
    rules: Path, run: Run, tmp_path: Path
) -> None:
    (rules / "destinations.yaml").write_text(PINS.replace("2020", "2099"), encoding="utf-8")
    evidence: Plain = [{"kind": "pin", "says": "x", "source": "pin:old.example"}]
    record: dict[str, Plain] = {
        "destination": {"evidence": evidence},
        "call": {"host": "old.example"},
    }
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(Chain().seal("decision", record, time=1795345200.0))
    found = run("check", rules, "--ledger", file)

    assert found.exit_code == 0
    assert "*.a.example: no call in the ledger used the pin" in found.stderr
    assert "old.example: no call" not in found.stderr


def test_a_broken_ledger_tells_nothing_about_pins(rules: Path, run: Run, tmp_path: Path) -> None:
    (rules / "destinations.yaml").write_text(PINS, encoding="utf-8")
    file = tmp_path / "ledger.jsonl"
    file.write_bytes(b"{}\n")

    assert run("check", rules, "--ledger", file).exit_code == 2


SIGNING = """\
version: 1
roles:
  - {name: masked-abroad, profile: p, groups: [analytics], services: [lambda], regions: [us-east-1]}
"""


def resigning(rules: Path, monkeypatch: pytest.MonkeyPatch, config: str = "") -> None:
    edit(rules / "policy.yaml", "    mask: [personal-data]\n", "    mask: [personal-data]\n    resign: masked-abroad\n")  # fmt: skip
    (rules / "signing.yaml").write_text(SIGNING)
    (rules.parent / "aws").write_text(config)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(rules.parent / "aws"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(rules.parent / "none"))


def test_roles_are_counted(rules: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    resigning(rules, monkeypatch, "[profile p]\n")

    found = run("check", rules, "--format", "json")

    assert (found.exit_code, json.loads(found.stdout)["signing_roles"]) == (0, 1)
    assert json.loads(found.stdout)["warnings"] == []


def test_a_profile_that_is_not_configured_here_is_warned_of(
    rules: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    resigning(rules, monkeypatch)

    found = run("check", rules)

    assert found.exit_code == 0
    assert f"warning: {rules}/signing.yaml:3:36: role masked-abroad: there is no AWS profile 'p'" in found.stderr  # fmt: skip


def test_an_aws_configuration_that_cannot_be_read_is_warned_of(
    rules: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    resigning(rules, monkeypatch, "[profile p")

    assert "the AWS configuration cannot be read" in run("check", rules).stderr


def test_a_role_without_a_rule_is_a_fault(rules: Path, run: Run) -> None:
    (rules / "signing.yaml").write_text(SIGNING)

    found = run("check", rules)

    assert found.exit_code == 1
    assert f"{rules}/signing.yaml:3:12: roles[0].name: no rule names this role" in found.stderr


def test_a_rule_without_its_role_is_a_fault(rules: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    resigning(rules, monkeypatch)
    (rules / "signing.yaml").unlink()

    found = run("check", rules)

    assert found.exit_code == 1
    assert "there is no role 'masked-abroad' in signing.yaml (known: none)" in found.stderr
