"""What commands print: aligned for people, JSON for machines, and no byte that steers a terminal."""

import datetime
import json
from collections.abc import Iterable, Mapping, Sequence

import click

from residency.core.plain import Plain
from residency.core.policy.rule import Action

COLOURS = {
    Action.ALLOW: "green",
    Action.MASK: "cyan",
    Action.HOLD: "yellow",
    Action.BLOCK: "red",
}
#: A cell, or a cell and its colour.
type Cell = str | tuple[str, str]


def safe(text: str) -> str:
    """*text* with every character spelled out that is not to be seen as itself: ANSI, bidi, control.

    Names in ledgers, tokens and rules are others' texts.
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def line(text: str, *, err: bool = False) -> None:
    click.echo(safe(text), err=err)


def error(text: str) -> None:
    """One line on standard error."""
    click.echo(f"{click.style('error:', fg='red', bold=True)} {safe(text)}", err=True)


def document(value: Plain) -> None:
    """One JSON document."""
    click.echo(json.dumps(value, indent=2))


def pairs(rows: Iterable[tuple[str, Cell]], *, err: bool = False) -> None:
    """Names and values, aligned; a name that is empty continues the one before."""
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    for name, cell in rows:
        click.echo(f"{click.style(name.ljust(width), dim=True)}  {_paint(cell, 0)}", err=err)


def table(head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> None:
    """Rows under a head, aligned."""
    rows = [[_clean(cell) for cell in row] for row in rows]
    columns = zip(*[head, *([_text(c) for c in row] for row in rows)], strict=True)
    widths = [max(map(len, column)) for column in columns]
    click.echo(
        "  ".join(
            click.style(h.ljust(w), dim=True) for h, w in zip(head, widths, strict=True)
        ).rstrip()
    )
    for row in rows:
        click.echo("  ".join(_paint(c, w) for c, w in zip(row, widths, strict=True)).rstrip())


def action(value: Action) -> Cell:
    return value.value, COLOURS[value]


def places(plain: Plain) -> str:
    """Places as a record or an answer holds them, in one text."""
    return " ".join(map(str, plain)) if isinstance(plain, list) else str(plain or "unknown")


def matches(counts: Mapping[str, Mapping[str, int]]) -> list[tuple[str, str]]:
    """Set name and its paths with their counts, of those that match anything."""
    found = []
    for name, paths in counts.items():
        hits = [f"{path} ({n})" for path, n in paths.items() if n]
        if hits:
            found.append((name, ", ".join(hits)))
    return found


def moment(unix: float) -> str:
    """Unix time in seconds, as UTC to the second."""
    found = datetime.datetime.fromtimestamp(unix, datetime.UTC)
    return found.strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(seconds: float) -> str:
    """The two largest units: ``1h 5m``, ``55s``."""
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count or (unit == "s" and not parts):
            parts.append(f"{count}{unit}")
    return " ".join(parts[:2])


def _text(cell: Cell) -> str:
    return cell if isinstance(cell, str) else cell[0]


def _clean(cell: Cell) -> Cell:
    return safe(cell) if isinstance(cell, str) else (safe(cell[0]), cell[1])


def _paint(cell: Cell, width: int) -> str:
    text = safe(_text(cell)).ljust(width)
    return text if isinstance(cell, str) else click.style(text, fg=cell[1])
