"""``residency locate``: where a call may be processed, and how that is known."""

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.explain import destined
from residency.cli.options import (
    body_option,
    format_option,
    headers_option,
    method_option,
    rules_option,
)

if TYPE_CHECKING:
    from residency.core.call import Headers


@click.command()
@click.argument("url", required=False)
@method_option
@headers_option
@body_option
@click.option(
    "--batch",
    is_flag=True,
    help="Read calls from standard input, a JSON object a line: url, method, "
    'headers, body. Write an answer a line, in order; {"error": …} for a bad one.',
)
@rules_option
@format_option
@click.pass_context
def locate(
    ctx: click.Context,
    url: str | None,
    method: str | None,
    headers: "Headers",
    body: IO[bytes] | None,
    rules: Path | None,
    form: str,
    *,
    batch: bool,
) -> None:
    """Say where a call may be processed.

    Looks at URL, headers and body as a gateway does, with the catalogue and the pins of the rules folder. Nothing is
    sent anywhere, no name is looked up. What clients would not all read as the same URL is unknown.

    Exit codes: 0 answered, be it with unknown; 2 bad usage or rules, or (--batch) some lines were bad.
    """
    if batch == (url is not None):
        raise click.UsageError("give either URL or --batch, which reads standard input")
    if batch and (method or headers or body):
        raise click.UsageError("with --batch, method, headers and body stand in the lines")
    atlas = options.load(options.folder(rules)).atlas
    from residency.cli import located

    if batch:
        ctx.exit(0 if located.answer_all(atlas, sys.stdin.buffer, sys.stdout.buffer) else 2)
    to = located.ask(atlas, url or "", method, headers, body.read() if body else b"")
    if form == "json":
        output.document(located.to_plain(to))
    else:
        output.pairs(destined(to))
