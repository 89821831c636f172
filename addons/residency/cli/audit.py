"""``residency audit``: is a ledger what was written, and would its calls be decided so again?"""

import re
from collections.abc import Iterator, Mapping
from typing import IO

import click

from residency.cli import output
from residency.cli.options import format_option
from residency.cli.replay import replay
from residency.core.plain import Plain
from residency.errors import VerifyError

type Anchor = tuple[int, str]

TORN = "if a gateway writes it now, ask again; else its end was lost"


def _anchor(_c: click.Context, _p: click.Parameter, spec: str | None) -> Anchor | None:
    if spec is None:
        return None
    found = re.fullmatch(r"([0-9]{1,15}):([0-9a-f]{64})", spec)
    if not found:
        raise click.BadParameter("is not SEQ:HASH, as an earlier verify printed it")
    return int(found[1]), found[2]


@click.group()
def audit() -> None:
    """Verify a ledger, or replay it."""


@audit.command()
@click.argument("ledger", type=click.File("rb"))
@click.option(
    "--head",
    metavar="SEQ:HASH",
    callback=_anchor,
    help="A head that an earlier verify printed, kept elsewhere: it must still be there.",
)
@format_option
@click.pass_context
def verify(ctx: click.Context, ledger: IO[bytes], head: Anchor | None, form: str) -> None:
    """Verify a ledger.

    LEDGER must hold what was written: nothing altered, removed, added or moved.

    A chain cannot tell by itself that its tail was cut off, nor that all of it was written anew: note the printed head
    where the gateway's operator cannot reach, and give it to --head next time.

    Exit codes: 0 intact; 1 not, with line and fault; 2 bad usage.
    """
    from residency.core.ledger import verify as verify_

    try:
        found = verify_(lines(ledger), expect=head)
    except VerifyError as e:
        if form == "json":
            output.document({"intact": False, "line": e.line, "error": broken(e)})
        else:
            output.error(f"{ledger.name}: {broken(e)}")
        ctx.exit(1)
    end = f"{found.count}:{found.head}"
    if form == "json":
        output.document({"intact": True, "count": found.count, "first": found.first_time, "last": found.last_time,
                         "kinds": dict(found.kinds), "head": end})  # fmt: skip
        return
    kinds = ", ".join(f"{kind} {n}" for kind, n in sorted(found.kinds.items()))
    output.pairs([
        ("ledger", ("intact", "green")),
        ("records", f"{found.count}" + (f" ({kinds})" if kinds else "")),
        ("first", found.first_time or "none"),
        ("last", found.last_time or "none"),
        ("head", end),
    ])  # fmt: skip
    if head is None:
        output.line(
            "A tail that was cut off shows only against a head noted earlier: --head SEQ:HASH",
            err=True,
        )


def lines(file: IO[bytes]) -> Iterator[bytes]:
    """The ledger's lines; one that is longer than a line may be comes in pieces, so that memory stays bounded."""
    from residency.core.ledger import MAX_LINE

    return iter(lambda: file.readline(MAX_LINE + 1), b"")


def decisions(file: IO[bytes]) -> Iterator[Mapping[str, Plain]]:
    """The fields of each ``decision`` record, verified line by line.

    Raises:
        VerifyError: The ledger is not what was written.
    """
    from residency.core import ledger

    end = (0, ledger.GENESIS)
    for line in lines(file):
        summary = ledger.verify([line], after=end)
        end = (end[0] + summary.count, summary.head)
        record = ledger.parse_line(line, number=end[0])
        if record.kind == "decision":
            yield record.fields


def broken(error: VerifyError) -> str:
    return f"{error} ({TORN})" if "torn" in str(error) else str(error)


audit.add_command(replay)
