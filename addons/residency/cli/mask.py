"""``residency mask``: a body without the values of mask sets."""

from pathlib import Path
from typing import IO

import click

from residency.cli import options, output
from residency.cli.options import format_option, rules_option
from residency.errors import Unread

UNMASKABLE = 3


@click.command()
@click.option(
    "--set",
    "names",
    metavar="NAME",
    multiple=True,
    required=True,
    help="A mask set; may be repeated.",
)
@click.option(
    "--report", is_flag=True, help="Write what was masked, paths and counts, to standard error."
)
@rules_option
@format_option
@click.argument("file", type=click.File("rb"), default="-")
@click.pass_context
def mask(
    ctx: click.Context,
    names: tuple[str, ...],
    *,
    report: bool,
    rules: Path | None,
    form: str,
    file: IO[bytes],
) -> None:
    """Mask a JSON body.

    Writes the JSON in FILE (or standard input) to standard output, masked.

    All that no set selects stays byte for byte. --format is that of the report.

    Exit codes: 0 masked, or nothing to mask; 2 no such set, or bad input; 3 the body cannot be masked exactly, and
    nothing was written.
    """
    from residency.core.body import mask_body
    from residency.core.judge import DEFAULT_LIMIT

    sets = options.load(options.folder(rules)).sets
    for name in names:
        if name not in sets.names:
            raise click.BadParameter(
                f"there is no mask set {name!r}; known: {', '.join(sets.names)}",
                param_hint="--set",
            )
    try:
        masked = mask_body(file.read(), (), sets, names, limit=DEFAULT_LIMIT)
    except Unread as e:
        output.error(f"unmaskable: {e} (send plain UTF-8 JSON)")
        ctx.exit(UNMASKABLE)
    click.echo(masked.raw, nl=False)
    if not report:
        return
    if form == "json":
        import json

        click.echo(json.dumps({"counts": masked.counts}), err=True)
    else:
        output.pairs(output.matches(masked.counts) or [("", "nothing to mask")], err=True)
