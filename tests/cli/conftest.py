"""A rules folder of its own, and the command line asked as a user would ask it."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from residency.cli.main import main
from tests import tokens

type Run = Callable[..., Result]

POLICY = """\
version: 1
home: [EEA]
rules:
  - {id: eea, why: Home., from: {groups: [eu-services]}, to: [EEA], then: allow}
  - {id: no-health, carrying: {any_of: [health-data]}, then: block}
  - id: masked
    from: {groups: [analytics], issuers: ["https://login.test/realms/main"]}
    to: [anywhere]
    then: mask
    mask: [personal-data]
    basis: {ground: g, owner: o, until: 2099-06-30}
  - id: ask
    why: One call at a time.
    from: {groups: [eu-services]}
    to: [anywhere]
    then: hold
    approval: {groups: [compliance], wait: 55s, valid: 15m}
tests:
  - name: home
    call: {groups: [eu-services], url: "https://lambda.eu-central-1.amazonaws.com/2015-03-31/functions/f/invocations"}
    expect: {action: allow, rule: eea, places: [DE]}
"""
MASKS = """\
version: 1
sets:
  - {name: personal-data, why: w, fields: [{path: $..email}]}
  - {name: health-data, why: w, fields: [{path: $..diagnosis}]}
"""
IDENTITY = f"""\
version: 1
issuers:
  - {{issuer: "{tokens.ISSUER}", audience: gateway, keys: {{file: jwks.json}}}}
"""


@pytest.fixture(autouse=True)
def _quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RULES", "GATEWAY", "TOKEN_FILE"):
        monkeypatch.delenv(f"RESIDENCY_{name}", raising=False)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    folder = tmp_path / "house-rules"
    folder.mkdir()
    (folder / "policy.yaml").write_text(POLICY, encoding="utf-8")
    (folder / "masks.yaml").write_text(MASKS, encoding="utf-8")
    (folder / "identity.yaml").write_text(IDENTITY, encoding="utf-8")
    keys = tokens.jwks(tokens.jwk(tokens.rsa_key(), "rsa"))
    (folder / "jwks.json").write_text(keys, encoding="utf-8")
    return folder


@pytest.fixture
def run() -> Run:
    def ask(*arguments: str | Path, given: str | bytes = "", **more: Any) -> Result:
        return CliRunner().invoke(main, [str(a) for a in arguments], input=given, **more)

    return ask


def fresh(**changes: Any) -> str:
    """A token that counts now."""
    now = int(time.time())
    return tokens.token(tokens.claims(**{"iat": now - 10, "exp": now + 600, **changes}))


def one_line(result: Result) -> str:
    """The one line on standard error."""
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr
