"""What is documented exists, and what exists is documented."""

import re
import tomllib
from pathlib import Path

import click
import pydantic
import pytest

from residency.cli.main import main
from residency.core.identity.certificatefile import AuthoritiesBlock, CertificateBlock, SpiffeBlock
from residency.core.identity.endpoint_file import (
    ClientCredentialsBlock,
    ExchangeBlock,
    IntrospectionBlock,
    SecretBlock,
)
from residency.core.identity.file import GroupsBlock, IssuerBlock
from residency.core.mask import setfile
from residency.core.policy import file as policy
from residency.core.region.pins import PinModel
from residency.core.saml.block import MetadataBlock, SamlBlock
from residency.core.signing import file as signingfile
from residency.errors import CODES
from residency.proxy.options import OWN

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
RULES = (ROOT / "rules/README.md").read_text(encoding="utf-8")


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table below *heading*, without its head."""
    part = text.split(f"## {heading}\n", 1)[1].split("\n## ", maxsplit=1)[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names(text: str, heading: str) -> list[str]:
    return [name for row in rows(text, heading) for name in re.findall(r"`([^`]+)`", row[0])]


def test_the_readme_lists_every_error_code_with_its_status_and_words() -> None:
    listed = {row[0].strip("`"): (row[1], row[2]) for row in rows(README, "What a caller is told")}

    assert listed == {c: (str(m.status), f"{m.title}. {m.mend}") for c, m in CODES.items()}


def test_the_readme_lists_every_option_with_its_default_and_help() -> None:
    listed = {row[0].strip("`"): (row[1].strip("`"), row[2]) for row in rows(README, "Options")}

    assert listed == {n: (str(d) if d else "", text) for n, (_, d, text) in OWN.items()}


def commands(group: click.Group) -> set[str]:
    found = set()
    for name, command in group.commands.items():
        found |= (
            {f"{name} {n}" for n in commands(command)}
            if isinstance(command, click.Group)
            else {name}
        )
    return found


def test_the_readme_lists_every_command() -> None:
    listed = {n.removeprefix("residency ") for n in names(README, "Commands")}

    assert listed == commands(main)


def test_the_readme_lists_every_dependency_with_its_reason() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    needed = {re.split(r"[><=]", d)[0] for d in project["project"]["dependencies"]}

    assert set(names(README, "Dependencies")) == needed
    assert all(row[1] for row in rows(README, "Dependencies"))


def test_the_readme_says_what_every_extra_is_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    part = README.split("## Dependencies\n", 1)[1].split("\n## ", maxsplit=1)[0]

    for extra, packages in project["project"]["optional-dependencies"].items():
        assert f"extra `{extra}`" in part
        assert all(f"`{re.split(r'[><=]', package)[0]}`" in part for package in packages)


def keys(model: type[pydantic.BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


def test_the_rules_readme_lists_every_key_of_the_policy() -> None:
    listed = set(names(RULES, "policy.yaml"))

    assert keys(policy.PolicyText) == {n.split("[")[0] for n in listed if "." not in n or "[" in n}
    assert {f"rules[].{k}" for k in keys(policy.RuleText)} == {
        n for n in listed if n.startswith("rules[]")
    }
    assert {f"tests[].{k}" for k in keys(policy.CaseText)} == {
        n for n in listed if n.startswith("tests[]")
    }


@pytest.mark.parametrize(
    ("model", "row"),
    [
        (policy.WhoText, "rules[].from"),
        (policy.DataText, "rules[].carrying"),
        (policy.ApprovalText, "rules[].approval"),
        (policy.BasisText, "rules[].basis"),
        (policy.CallText, "tests[].call"),
        (policy.ExpectText, "tests[].expect"),
    ],
)
def test_the_rules_readme_lists_every_key_below(model: type[pydantic.BaseModel], row: str) -> None:
    meaning = next(r[1] for r in rows(RULES, "policy.yaml") if f"`{row}`" in r[0])

    assert keys(model) <= set(re.findall(r"`([^`]+)`", meaning))


@pytest.mark.parametrize(
    ("model", "file"),
    [
        (IssuerBlock, "identity.yaml"),
        (SamlBlock, "identity.yaml"),
        (MetadataBlock, "identity.yaml"),
        (GroupsBlock, "identity.yaml"),
        (CertificateBlock, "identity.yaml"),
        (AuthoritiesBlock, "identity.yaml"),
        (SpiffeBlock, "identity.yaml"),
        (ClientCredentialsBlock, "identity.yaml"),
        (ExchangeBlock, "identity.yaml"),
        (IntrospectionBlock, "identity.yaml"),
        (SecretBlock, "identity.yaml"),
        (PinModel, "destinations.yaml"),
        (signingfile.FileText, "signing.yaml"),
        (signingfile.RoleText, "signing.yaml"),
        (setfile.SetText, "masks.yaml"),
        (setfile.FieldText, "masks.yaml"),
    ],
)
def test_the_rules_readme_names_every_key_of_the_other_files(
    model: type[pydantic.BaseModel], file: str
) -> None:
    part = RULES.split(f"## {file}\n", 1)[1].split("\n## ")[0]

    assert keys(model) <= set(re.findall(r"`([^`]+)`", part))


def test_every_folder_says_what_lives_there_and_how_to_add_one_more() -> None:
    folders = [
        "addons",
        "addons/residency",
        "rules",
        "rules/catalogue",
        "rules/places",
        "certs",
        "tests",
        "scripts",
    ]

    for folder in folders:
        text = (ROOT / folder / "README.md").read_text(encoding="utf-8")
        assert "**One more" in text, folder


def test_every_script_is_in_its_readme() -> None:
    listed = set(
        re.findall(r"`([a-z-]+)/?`", (ROOT / "scripts/README.md").read_text(encoding="utf-8"))
    )
    there = {
        p.name
        for p in (ROOT / "scripts").iterdir()
        if p.suffix not in (".lock", ".md") and p.name[0] not in "._"
    }

    assert there <= listed


def test_links_in_the_documentation_lead_somewhere() -> None:
    for path in ROOT.glob("**/README.md"):
        if ".venv" in path.parts:
            continue
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", path.read_text(encoding="utf-8")):
            assert (path.parent / target).exists(), f"{path}: {target}"


def test_the_project_speaks_only_of_itself() -> None:
    """No path of one machine, no word of how it was made."""
    said = re.compile(r"/(?:work|root|home/[a-z]+)/|\.\./shared|pyenv/versions/\d")
    for path in [
        *ROOT.glob("*.md"),
        *ROOT.glob("addons/**/*.py"),
        *ROOT.glob("rules/**/*.yaml"),
        *ROOT.glob("scripts/**/*.py"),
    ]:
        assert not said.search(path.read_text(encoding="utf-8")), path
