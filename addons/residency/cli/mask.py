"""``residency mask``: a body without the values of mask sets, or of paths that are tried out."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.options import format_option, rules_option
from residency.errors import Unread

if TYPE_CHECKING:
    from residency.core.body import Masked
    from residency.core.mask.session import Session
    from residency.core.mask.sets import MaskSets

UNMASKABLE = 3
#: What paths on the command line are called in reports.
TRIED = "paths"


@click.command()
@click.option("--set", "names", metavar="NAME", multiple=True, help="A mask set; may be repeated.")
@click.option(
    "--path", "paths", metavar="PATH", multiple=True,
    help="A JSONPath instead of a set; may be repeated, each with a --with.",
)  # fmt: skip
@click.option(
    "--with", "methods", metavar="METHOD[:ARG]", multiple=True,
    help="How what the --path before it selects is replaced, such as constant:*** or partial:4.",
)  # fmt: skip
@click.option(
    "--type", "media_type", metavar="TYPE", default="application/json", show_default=True,
    help="The body's media type, as in Content-Type.",
)  # fmt: skip
@click.option(
    "--key-file", metavar="FILE", type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="The key for hmac, 32 bytes or more.",
)  # fmt: skip
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
    paths: tuple[str, ...],
    methods: tuple[str, ...],
    *,
    media_type: str,
    key_file: Path | None,
    report: bool,
    rules: Path | None,
    form: str,
    file: IO[bytes],
) -> None:
    """Mask a body.

    Writes what is in FILE (or standard input) to standard output, masked.

    All that is not selected stays byte for byte. --format is that of the report.

    Example: residency mask --path '$..email' --with 'constant:***' body.json

    Exit codes: 0 masked, or nothing to mask; 2 no such set, a path or method that is refused, or bad input; 3 the body
    cannot be masked exactly, and nothing was written.
    """
    if bool(names) == bool(paths or methods):
        raise click.UsageError("name either a --set, or a --path and its --with")
    if names:
        sets = options.load(options.folder(rules)).sets
        _known(names, sets)
    else:
        sets, names = _tried(paths, methods), (TRIED,)
    session = _session(sets, names, key_file)
    try:
        masked = _masked(file.read(), sets, names, session, media_type)
    except Unread as e:
        output.error(f"unmaskable: {e}")
        ctx.exit(UNMASKABLE)
    click.echo(masked.raw, nl=False)
    if not report:
        return
    if form == "json":
        import json

        click.echo(json.dumps({"counts": masked.counts}), err=True)
    else:
        output.pairs(output.matches(masked.counts) or [("", "nothing to mask")], err=True)


def _known(names: Sequence[str], sets: "MaskSets") -> None:
    for name in names:
        if name not in sets.names:
            raise click.BadParameter(
                f"there is no mask set {name!r}; known: {', '.join(sets.names)}",
                param_hint="--set",
            )


def _tried(paths: Sequence[str], methods: Sequence[str]) -> "MaskSets":
    """A set of the paths on the command line."""
    from pydantic import ValidationError

    from residency.core.mask.setfile import FieldText
    from residency.core.mask.sets import MaskSet, MaskSets

    if len(paths) != len(methods):
        raise click.UsageError(
            "each --path needs one --with behind it; write --path PATH --with METHOD"
        )
    if len(set(paths)) != len(paths):
        raise click.BadParameter("a path a second time; keep one", param_hint="--path")
    fields = []
    for path, method in zip(paths, methods, strict=True):
        try:
            fields.append(FieldText.model_validate({"path": path, "with": method}).made())
        except ValidationError as e:
            error = e.errors(include_url=False)[0]
            hint = "--with" if error["loc"] == ("with",) else "--path"
            raise click.BadParameter(
                error["msg"].removeprefix("Value error, "), param_hint=hint
            ) from None
    return MaskSets((MaskSet(name=TRIED, why="named on the command line", fields=tuple(fields)),))


def _session(sets: "MaskSets", names: Sequence[str], key_file: Path | None) -> "Session":
    """The keys of this one call; that a key is missing is told before the body is read."""
    from residency.core.mask.session import SHORTEST_KEY, Session

    key = key_file.read_bytes() if key_file else b""
    if key_file and len(key) < SHORTEST_KEY:
        raise click.BadParameter(
            f"has less than {SHORTEST_KEY} bytes; make one with: head -c 32 /dev/urandom",
            param_hint="--key-file",
        )
    if not key and any(f.method.kind == "hmac" for name in names for f in sets.get(name).fields):
        raise click.UsageError("hmac needs the deployment's key; name its file with --key-file")
    return Session(key, os.urandom(32))


def _masked(
    raw: bytes, sets: "MaskSets", names: Sequence[str], session: "Session", media_type: str
) -> "Masked":
    """The body masked as what *media_type* says it is.

    Raises:
        Unread: It cannot be masked exactly.
    """
    from residency.core.body import Content, mask_body
    from residency.core.judge import DEFAULT_LIMIT

    content = Content(raw, (("content-type", media_type),))
    return mask_body(content, sets, names, session, limit=DEFAULT_LIMIT)
