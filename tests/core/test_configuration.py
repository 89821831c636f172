"""A rules folder is used as a whole or refused as a whole, with every fault at once."""

import datetime
from pathlib import Path

import pytest

from residency.core.configuration import Configuration, digest_of, expired, parse
from residency.core.policy.cases import body_bytes
from residency.errors import ConfigurationError
from residency.files import load, shipped_rules, sources, stamp

TODAY = datetime.date(2026, 11, 22)
IDENTITY = """\
version: 1
issuers:
  - {issuer: "https://login.test", audience: gateway, keys: {file: keys/main.json}}
"""
MASKS = """\
version: 1
sets:
  - {name: personal-data, why: w, fields: [{path: $..email}]}
"""
POLICY = """\
version: 1
home: [EEA]
rules:
  - {id: home, from: {groups: [g]}, to: [EEA], then: allow}
  - id: us
    from: {groups: [g]}
    to: [US]
    carrying: {none_of: [personal-data]}
    then: allow
    basis: {ground: g, owner: o, until: 2026-12-31}
"""
LAMBDA = "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/f/invocations"
CHAT = "https://us.api.openai.com/v1/chat/completions"


def texts(**changes: str | None) -> dict[str, str]:
    """A good folder; ``policy="…"`` changes policy.yaml, ``None`` takes it away."""
    found = {n: t for n, t in sources(shipped_rules()).items() if "/" in n}
    found |= {"policy.yaml": POLICY, "identity.yaml": IDENTITY, "masks.yaml": MASKS}
    for name, text in changes.items():
        found.pop(f"{name}.yaml", None)
        if text is not None:
            found[f"{name}.yaml"] = text
    return found


def faults(changed: dict[str, str]) -> list[str]:
    with pytest.raises(ConfigurationError) as e:
        parse(changed, today=TODAY)
    return [str(f) for f in e.value.faults]


def case(call: str, expect: str, more: str = "") -> list[str]:
    """The faults of a policy with this one test."""
    text = f"{POLICY}tests:\n  - name: t\n    call: {{{call}}}\n    expect: {{{expect}}}\n{more}"
    try:
        parse(texts(policy=text), today=TODAY)
    except ConfigurationError as e:
        return [str(f) for f in e.faults]
    return []


# A policy's own tests keep the gateway from starting


@pytest.mark.parametrize(
    ("call", "expect", "fault"),
    [
        (
            f'groups: [g], url: "{LAMBDA}"',
            "action: block",
            "policy.yaml:14:22: tests[0].expect.action: test 't' expects action block, got allow "
            "(mend the rules or the test)",
        ),
        (
            f'groups: [h], url: "{LAMBDA}"',
            "action: allow",
            "policy.yaml:14:22: tests[0].expect.action: test 't' expects action allow, got block "
            "(mend the rules or the test)",
        ),
        (
            f'groups: [g], url: "{LAMBDA}"',
            "action: allow, rule: us",
            "policy.yaml:14:35: tests[0].expect.rule: test 't' expects rule us, got home "
            "(mend the rules or the test)",
        ),
        (
            f'groups: [g], url: "{LAMBDA}"',
            "action: allow, rule: ",
            "policy.yaml:14:35: tests[0].expect.rule: test 't' expects rule none, got home "
            "(mend the rules or the test)",
        ),
        (
            f'groups: [g], url: "{LAMBDA}"',
            "action: allow, rule: hom",
            "policy.yaml:14:35: tests[0].expect.rule: there is no rule 'hom' (correct it)",
        ),
        (
            f'groups: [g], url: "{LAMBDA}"',
            "action: allow, places: [US]",
            "policy.yaml:14:29: tests[0].expect.places: test 't' expects places US, got DE "
            "(mend the rules or the test)",
        ),
        (
            f'groups: [g], websocket: true, url: "{LAMBDA}"',
            "action: block, rule: home, code: rule",
            "policy.yaml:14:47: tests[0].expect.code: test 't' expects code rule, got upgrade-refused "
            "(mend the rules or the test)",
        ),
        (
            f'groups: [g], websocket: true, method: POST, url: "{LAMBDA}"',
            "action: block",
            "policy.yaml:13:36: tests[0].call.websocket: an opening handshake of a WebSocket is a GET without "
            "a body (leave method and body out)",
        ),
        (
            'groups: [g], url: "https://x.test/"',
            "action: block, code: rule",
            "policy.yaml:14:35: tests[0].expect.code: test 't' expects code rule, got no-rule "
            "(mend the rules or the test)",
        ),
        (
            'groups: [g], url: "ftp://x.test/"',
            "action: block",
            "policy.yaml:13:30: tests[0].call.url: request-malformed: it must begin with "
            "https:// or http:// and have no blanks (correct the URL)",
        ),
        (
            f'groups: [g], url: "{CHAT}", body: "not json"',
            "action: allow",
            "policy.yaml:14:22: tests[0].expect.action: test 't' expects action allow, got block "
            "(mend the rules or the test)",
        ),
    ],
)
def test_a_test_that_fails_is_a_fault(call: str, expect: str, fault: str) -> None:
    assert case(call, expect) == [fault]


@pytest.mark.parametrize(
    ("call", "expect", "more"),
    [
        (f'groups: [g], url: "{LAMBDA}"', "action: allow, rule: home, places: [DE]", ""),
        (f'groups: [g], url: "{CHAT}", body: {{a: 1}}', "action: allow, rule: us", ""),
        (f'groups: [g], url: "{CHAT}"', "action: block, rule: ", "    now: 2027-01-01\n"),
        (f'groups: [g], url: "{CHAT}"', "action: allow", "    now: 2026-12-31\n"),
        ('groups: [g], url: "https://x.test/"', "action: block, places: unknown", ""),
        (f'groups: [g], url: "{CHAT}", body: "{{}}", headers: {{Content-Encoding: br}}', "action: block", ""),
    ],
)  # fmt: skip
def test_a_test_that_holds_is_none(call: str, expect: str, more: str) -> None:
    assert case(call, expect, more) == []


def test_a_test_whose_rule_has_no_basis_any_more_says_so() -> None:
    found = case(f'groups: [g], url: "{CHAT}"', "action: allow, rule: us", "    now: 2027-01-01\n")

    assert [f.partition(" expects ")[2] for f in found] == [
        "action allow, got block (the basis of 'us' ended on 2026-12-31: renew it, or mend the test)",
        "rule us, got none (the basis of 'us' ended on 2026-12-31: renew it, or mend the test)",
    ]


def test_a_policy_with_a_fault_is_not_tested_on_top() -> None:
    text = POLICY.replace("[EEA], then", "[XX], then") + (
        f'tests:\n  - {{name: t, call: {{url: "{LAMBDA}"}}, expect: {{action: allow}}}}\n'
    )

    assert len(faults(texts(policy=text))) == 1


# The whole


@pytest.mark.parametrize("name", ["policy", "identity", "masks"])
def test_a_file_that_is_missing_is_a_fault(name: str) -> None:
    assert f"{name}.yaml: is missing (add the file)" in faults(texts(**{name: None}))


@pytest.mark.parametrize("name", ["policy", "identity", "masks", "destinations"])
def test_a_file_that_is_empty_is_a_fault(name: str) -> None:
    found = faults(texts(**{name: "# nothing\n"}))

    assert any(f.startswith(f"{name}.yaml: the file is empty") for f in found), found


def test_a_file_of_another_name_is_a_fault() -> None:
    """A slip of the pen in a file's name would else leave its rules out in silence."""
    found = faults(texts(destination="version: 1\n"))

    assert found == ["destination.yaml: is no file of a rules folder (rename or move it)"]


def test_the_faults_of_every_file_come_at_once() -> None:
    found = faults(texts(policy="a: [", identity="version: 2\n", masks="- x\n", destinations=""))

    assert {f.split(":")[0] for f in found} == {
        "policy.yaml", "identity.yaml", "masks.yaml", "destinations.yaml",
    }  # fmt: skip


def test_a_folder_of_files_becomes_one_configuration() -> None:
    found = parse(texts(), today=TODAY)

    assert isinstance(found, Configuration)
    assert found.policy.digest == found.digest == digest_of(texts())


def test_the_shipped_rules_are_faultless_and_their_tests_hold() -> None:
    assert load(shipped_rules(), today=TODAY).policy.rule("eea-is-home")


@pytest.mark.parametrize("name", ["policy.yaml", "masks.yaml", "catalogue/aws.yaml"])
def test_the_digest_stands_for_every_byte_of_every_file(name: str) -> None:
    before = texts()

    assert digest_of(before | {name: before[name] + "\n"}) != digest_of(before)


def test_the_digest_does_not_depend_on_the_order_of_files() -> None:
    assert digest_of(dict(reversed(texts().items()))) == digest_of(texts())


def test_an_expired_basis_is_told_and_keeps_nothing_from_starting() -> None:
    day = datetime.date(2027, 1, 1)
    found = parse(texts(), today=day)

    assert [str(f) for f in expired(found.policy, "policy.yaml", day)] == [
        "policy.yaml: rule us: its basis ended on 2026-12-31 (renew it, or remove the rule)"
    ]


def test_a_basis_on_its_last_day_is_not_expired() -> None:
    day = datetime.date(2026, 12, 31)

    assert expired(parse(texts(), today=day).policy, "policy.yaml", day) == []


@pytest.mark.parametrize(
    ("body", "raw"), [(None, b""), ("", b""), ("{é", "{é".encode()), ({"a": ["é"]}, '{"a": ["é"]}'.encode())]
)  # fmt: skip
def test_a_tests_body_is_text_or_json(body: object, raw: bytes) -> None:
    assert body_bytes(body) == raw


# Files


def folder(path: Path) -> Path:
    for name, text in texts().items():
        if "/" not in name:
            (path / name).write_text(text, encoding="utf-8")
    return path


def test_what_is_no_folder_is_a_fault(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="is no folder"):
        sources(tmp_path / "none")


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    (folder(tmp_path) / "masks.yaml").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match=r"masks\.yaml: cannot be read: Unicode"):
        sources(tmp_path)


def test_a_folder_uses_the_shipped_catalogue_unless_it_has_its_own(tmp_path: Path) -> None:
    before = set(sources(folder(tmp_path)))
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue" / "own.yaml").write_text("version: 1\n", encoding="utf-8")
    after = set(sources(tmp_path))

    assert ("catalogue/aws.yaml" in before, "catalogue/aws.yaml" in after) == (True, False)
    assert "catalogue/own.yaml" in after


def test_key_files_are_read_beside_the_rules(tmp_path: Path) -> None:
    (folder(tmp_path) / "keys").mkdir()
    (tmp_path / "keys" / "main.json").write_text("{}", encoding="utf-8")

    assert load(tmp_path, today=TODAY).jwks == {"keys/main.json": "{}"}


def test_a_key_file_is_part_of_the_digest_that_records_name(tmp_path: Path) -> None:
    (folder(tmp_path) / "keys").mkdir()
    found = []
    for text in ("{}", '{"keys": []}', "{}"):
        (tmp_path / "keys" / "main.json").write_text(text, encoding="utf-8")
        found.append(load(tmp_path, today=TODAY))

    assert found[0].digest == found[2].digest != found[1].digest
    assert [f.policy.digest for f in found] == [f.digest for f in found]
    assert digest_of(sources(tmp_path)) not in {f.digest for f in found}


def test_a_change_of_a_file_outside_the_folder_is_seen(tmp_path: Path) -> None:
    outside = tmp_path / "outside.pem"
    outside.write_text("a", encoding="utf-8")
    (tmp_path / "rules").mkdir()
    before = stamp(folder(tmp_path / "rules"), [str(outside), "../gone.pem"])
    outside.write_text("ab", encoding="utf-8")

    assert stamp(tmp_path / "rules", [str(outside), "../gone.pem"]) != before


def test_a_key_file_that_is_missing_is_left_to_the_keys(tmp_path: Path) -> None:
    assert load(folder(tmp_path), today=TODAY).jwks == {}


@pytest.mark.parametrize("name", ["policy.yaml", "keys/main.json", "destinations.yaml"])
def test_a_change_of_any_file_is_seen(tmp_path: Path, name: str) -> None:
    """A renewed key file must be taken up as a changed rule is."""
    (folder(tmp_path) / "keys").mkdir()
    before = stamp(tmp_path)
    (tmp_path / name).write_text("changed", encoding="utf-8")

    assert stamp(tmp_path) != before
