"""``residency check``: may a gateway start with this folder, and do all its rules still count?"""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.options import format_option, rules_option
from residency.core.plain import Plain
from residency.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from residency.core.configuration import Configuration
    from residency.core.document import Document


@click.command()
@click.argument("folder", metavar="[RULES]", type=click.Path(path_type=Path), required=False)
@rules_option
@format_option
@click.pass_context
def check(ctx: click.Context, folder: Path | None, rules: Path | None, form: str) -> None:
    """Check a rules folder.

    Every file of RULES, its tests, its key files, and bases that have run out.

    Exit codes: 0 all is well; 1 there are faults, each with file:line:column and its mend; 2 bad usage.
    """
    where = folder or options.folder(rules)
    summary, faults = _examine(where)
    if form == "json":
        output.document(
            {
                "ok": not faults,
                "folder": str(where),
                **summary,
                "faults": [dataclasses.asdict(f) for f in faults],
            }
        )
    elif faults:
        for fault in faults:
            output.line(str(fault), err=True)
        output.error(f"{where}: {len(faults)} fault{'s' if len(faults) != 1 else ''}")
    else:
        output.pairs(
            [
                ("checked", (str(where), "green")),
                *((k.replace("_", " "), str(v)) for k, v in summary.items()),
            ]
        )
    ctx.exit(1 if faults else 0)


def _examine(where: Path) -> tuple[dict[str, Plain], list[Fault]]:
    """What was checked, and every fault; nothing was, where the files themselves cannot be used."""
    from residency.core.document import read
    from residency.core.faults import Faults
    from residency.files import sources

    try:
        configuration = options.load(where)
        text = sources(where)["policy.yaml"]
    except ConfigurationError as e:
        return {}, e.faults
    document = read(text, "policy.yaml", Faults())
    faults = Faults()
    configuration.identity.file_keys(configuration.jwks, faults)
    faults.extend(_expired(configuration, document))
    return _summary(configuration, document), sorted(
        options.placed(where, f) for f in faults.found
    )


def _expired(configuration: "Configuration", document: "Document") -> list[Fault]:
    """Bases that have run out, each with its place in the text."""
    from residency.core.configuration import expired

    places = {
        f"rule {rule.id}": document.fault(("rules", i, "basis", "until"), "")
        for i, rule in enumerate(configuration.policy.rules)
    }
    return [
        dataclasses.replace(f, line=places[f.where].line, column=places[f.where].column)
        for f in expired(configuration.policy, "policy.yaml", options.today())
    ]


def _summary(configuration: "Configuration", document: "Document") -> dict[str, Plain]:
    tests = document.value.get("tests") if isinstance(document.value, dict) else None
    return {
        "rules": len(configuration.policy.rules),
        "tests": len(tests) if isinstance(tests, list) else 0,
        "mask_sets": len(configuration.sets.names),
        "issuers": len(configuration.identity.issuers),
        "catalogue_entries": len(configuration.atlas.entries),
        "digest": configuration.digest,
    }
