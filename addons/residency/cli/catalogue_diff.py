"""``residency catalogue diff``: what AWS publishes in botocore's data, and the catalogue does not say."""

import dataclasses
import gzip
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.options import format_option, rules_option
from residency.errors import ConfigurationError

if TYPE_CHECKING:
    from residency.core.region.atlas import Atlas
    from residency.core.region.diff import Change
    from residency.core.region.published import Published
    from residency.core.region.tables import RegionsFile

_COLOURS = {"added": "green", "gone": "red", "changed": "yellow"}


@click.command("diff")
@click.option(
    "--botocore", "folder", metavar="DIR", type=click.Path(path_type=Path),
    help="A botocore package's folder.  [default: the installed one]",
)  # fmt: skip
@rules_option
@format_option
@click.pass_context
def diff(ctx: click.Context, folder: Path | None, rules: Path | None, form: str) -> None:
    """Compare the catalogue with what AWS publishes.

    Partitions, suffixes, regions and hosts in botocore's data that the catalogue does not have, has and botocore has not,
    or says otherwise. A new region's country is for a person to find.

    Exit codes: 0 no difference; 1 differences; 2 no botocore, bad usage or rules.
    """
    from residency.core.region.diff import differences

    where = folder or _installed()
    published = _read(where)
    table, atlas = _known(options.folder(rules))
    found = differences(table, atlas, published)
    if form == "json":
        output.document(
            {
                "botocore": str(where),
                "version": _version(where),
                "differences": [dataclasses.asdict(change) for change in found],
            }
        )
    elif found:
        output.table(("", "", "name", "catalogue", "botocore"), [_row(change) for change in found])
    else:
        output.line(f"no difference to botocore {_version(where)} in {where}")
    ctx.exit(1 if found else 0)


def _row(change: "Change") -> tuple[output.Cell, ...]:
    return (change.kind, _COLOURS[change.kind]), change.what, change.name, change.was, change.now


def _installed() -> Path:
    spec = importlib.util.find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise click.UsageError(
            "botocore is not installed: install it, or name a copy with --botocore DIR"
        )
    return Path(spec.submodule_search_locations[0])


def _data(folder: Path) -> Path:
    """The folder with the data, of a package, a source archive or itself."""
    for path in (folder / "botocore" / "data", folder / "data", folder):
        if (path / "partitions.json").is_file():
            return path
    raise click.UsageError(f"{folder}: no botocore, there is no data/partitions.json in it")


def _version(folder: Path) -> str:
    text = _data(folder).parent / "__init__.py"
    lines = text.read_text(encoding="utf-8").splitlines() if text.is_file() else []
    found = [line.split("=")[1].strip(" '\"") for line in lines if line.startswith("__version__")]
    return found[0] if found else "unknown"


def _read(folder: Path) -> "Published":
    from residency.core.region.published import PublishedError, parse

    data = _data(folder)
    try:
        return parse(
            _json(data / "partitions.json"), _json(data / "endpoints.json"), _rule_sets(data)
        )
    except (PublishedError, ValueError, OSError, EOFError) as e:
        reason = str(e) if isinstance(e, PublishedError) else type(e).__name__
        raise click.UsageError(f"{data}: cannot be read: {reason}") from None


def _rule_sets(data: Path) -> Iterator[object]:
    """Each service's newest rule set."""
    for service in sorted(p for p in data.iterdir() if p.is_dir()):
        versions = sorted(service.glob("*/endpoint-rule-set-1.json*"))
        if versions:
            yield _json(versions[-1])


def _json(path: Path) -> object:
    raw = path.read_bytes()
    value: object = json.loads(gzip.decompress(raw) if path.suffix == ".gz" else raw)
    return value


def _known(where: Path) -> "tuple[RegionsFile, Atlas]":
    """The AWS table and the atlas of the rules folder, or of the shipped one, without pins."""
    from residency.core.document import fit, read
    from residency.core.faults import Faults
    from residency.core.region.atlas import parse
    from residency.core.region.tables import RegionsFile
    from residency.files import sources

    faults = Faults()
    documents = {n: read(t, n, faults) for n, t in sources(where).items() if "/" in n}
    places = [d for n, d in documents.items() if n.startswith("places/")]
    atlas = parse(
        places, [d for n, d in documents.items() if n.startswith("catalogue/")], None, faults
    )
    document = documents.get("places/aws.yaml")
    table = fit(document, RegionsFile, faults) if document else None
    if faults:
        raise ConfigurationError([options.placed(where, f) for f in faults.found])
    if table is None or atlas is None:
        raise click.UsageError(f"{where}: there is no places/aws.yaml to compare")
    return table, atlas
