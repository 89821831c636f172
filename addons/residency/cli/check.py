"""``residency check``: may a gateway start with this folder, and do all its rules still count?"""

import dataclasses
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.audit import decisions
from residency.cli.options import format_option, rules_option
from residency.core.plain import Plain
from residency.errors import ConfigurationError, Fault, VerifyError

if TYPE_CHECKING:
    from residency.core.configuration import Configuration
    from residency.core.document import Document
    from residency.core.region.atlas import Atlas


@click.command()
@click.argument("folder", metavar="[RULES]", type=click.Path(path_type=Path), required=False)
@rules_option
@click.option(
    "--ledger",
    type=click.File("rb"),
    metavar="FILE|-",
    help="Warn of pins that no call in this ledger used.",
)
@format_option
@click.pass_context
def check(
    ctx: click.Context,
    folder: Path | None,
    rules: Path | None,
    ledger: IO[bytes] | None,
    form: str,
) -> None:
    """Check a rules folder.

    Every file of RULES, its tests, its key files, and bases and pins that have run out. Warns of pins without effect,
    and with --ledger of those that nobody used.

    Exit codes: 0 all is well, but for warnings; 1 there are faults, each with file:line:column and its mend; 2 bad
    usage, or a broken ledger.
    """
    where = folder or options.folder(rules)
    try:
        summary, faults, warnings = _examine(where, ledger)
    except VerifyError as e:
        raise click.UsageError(f"the ledger {e}") from None
    if form == "json":
        output.document(
            {
                "ok": not faults,
                "folder": str(where),
                **summary,
                "faults": [dataclasses.asdict(f) for f in faults],
                "warnings": [dataclasses.asdict(w) for w in warnings],
            }
        )
        ctx.exit(1 if faults else 0)
    for warning in warnings:
        output.line(f"warning: {warning}", err=True)
    if faults:
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


def _examine(
    where: Path, ledger: IO[bytes] | None
) -> tuple[dict[str, Plain], list[Fault], list[Fault]]:
    """What was checked, every fault and every warning; nothing was, where the files themselves cannot be used.

    Raises:
        VerifyError: The ledger is not what was written.
    """
    from residency.core.document import read
    from residency.core.faults import Faults
    from residency.core.region import lint
    from residency.files import sources

    try:
        configuration = options.load(where)
        texts = sources(where)
    except ConfigurationError as e:
        return {}, e.faults, []
    document = read(texts["policy.yaml"], "policy.yaml", Faults())
    faults = Faults()
    configuration.identity.file_keys(configuration.jwks, faults)
    faults.extend(_expired(configuration, document))
    warnings = Faults()
    if configuration.roles:
        signing = read(texts["signing.yaml"], "signing.yaml", Faults())
        warnings.extend(_profiles(configuration, signing))
    if "destinations.yaml" in texts:
        pins = read(texts["destinations.yaml"], "destinations.yaml", Faults())
        faults.extend(lint.expired(configuration.atlas.pins, pins, options.today()))
        warnings.extend(_warnings(configuration.atlas, pins, ledger))
    placed = [sorted(options.placed(where, f) for f in fs.found) for fs in (faults, warnings)]
    return _summary(configuration, document), placed[0], placed[1]


def _warnings(atlas: "Atlas", document: "Document", ledger: IO[bytes] | None) -> list[Fault]:
    from residency.core.region import lint

    found = lint.idle(atlas.pins, document, atlas.matcher)
    if ledger is not None:
        used = lint.used_by(atlas.pins, decisions(ledger))
        found += lint.unused(atlas.pins, document, used)
    return found


def _profiles(configuration: "Configuration", document: "Document") -> list[Fault]:
    """Profiles that are not configured here: a gateway does not start without, and may run elsewhere."""
    from residency import aws
    from residency.core.faults import Faults

    places = {
        f"role {role.name}": document.fault(("roles", i, "profile"), "")
        for i, role in enumerate(configuration.roles)
    }
    faults = Faults()
    aws.check(configuration.roles, faults)
    return [
        dataclasses.replace(f, line=places[f.where].line, column=places[f.where].column)
        if f.where in places
        else f
        for f in faults.found
    ]


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
        **({"signing_roles": len(configuration.roles)} if configuration.roles else {}),
        "issuers": len(configuration.identity.issuers),
        "certificate_issuers": len(configuration.identity.certificates),
        "catalogue_entries": len(configuration.atlas.entries),
        "digest": configuration.digest,
    }
