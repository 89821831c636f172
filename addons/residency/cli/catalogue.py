"""``residency catalogue``: what is known about providers, how sure it is and how old."""

import datetime
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.catalogue_diff import diff
from residency.cli.options import format_option, rules_option
from residency.core.plain import Plain
from residency.errors import ConfigurationError

if TYPE_CHECKING:
    from residency.core.region.known import Fact, Provider

_COLOURS = {"high": "green", "medium": "yellow", "low": "red"}


class _ListByDefault(click.Group):
    """``catalogue`` and ``catalogue aws`` are ``catalogue list`` and ``catalogue list aws``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = ["list", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_ListByDefault)
def catalogue() -> None:
    """What is known about providers.

    Without a command, list it: residency catalogue [PROVIDER]. Exit codes: those of the command.
    """


catalogue.add_command(diff)


@catalogue.command("list")
@click.argument("provider", required=False)
@rules_option
@format_option
def list_(provider: str | None, rules: Path | None, form: str) -> None:
    """List what is known.

    Every provider with its number of entries and regions, the day of its oldest fact, and the least that is sure of
    any; with PROVIDER every entry: hosts, whether destinations.yaml may say more, source, day, confidence and notes.

    Exit codes: 0 listed; 2 no such provider, bad usage or rules.
    """
    found = _known(options.folder(rules))
    if provider is not None:
        found = [p for p in found if p.name == provider]
        if not found:
            names = ", ".join(p.name for p in _known(options.folder(rules)))
            raise click.UsageError(f"there is no provider {provider} (known: {names})")
    today = options.today()
    if form == "json":
        output.document({"providers": [_plain(p, today) for p in found]})
    elif provider is None:
        head = ("provider", "entries", "regions", "oldest", "days", "least sure", "sources")
        output.table(head, [_row(p, today) for p in found])
    else:
        for fact in found[0].facts:
            output.pairs(_told(fact, today))
            output.line("")


def _known(where: Path) -> "list[Provider]":
    from residency.core.document import read
    from residency.core.faults import Faults
    from residency.core.region.known import providers
    from residency.files import sources

    faults = Faults()
    texts = {n: t for n, t in sources(where).items() if "/" in n}
    documents = {n: read(text, n, faults) for n, text in texts.items()}
    found = providers(
        [d for n, d in documents.items() if n.startswith("catalogue/")],
        [d for n, d in documents.items() if n.startswith("places/")],
        faults,
    )
    if faults:
        raise ConfigurationError([options.placed(where, f) for f in faults.found])
    return found


def _row(provider: "Provider", today: datetime.date) -> tuple[output.Cell, ...]:
    oldest = max(fact.age(today) for fact in provider.facts)
    sure = provider.least_sure
    return (
        provider.name,
        str(len(provider.entries)),
        str(sum(t.regions for t in provider.tables)),
        provider.oldest,
        str(oldest),
        (sure, _COLOURS[sure]),
        str(len({f.source for f in provider.facts})),
    )


def _told(fact: "Fact", today: datetime.date) -> Iterator[tuple[str, output.Cell]]:
    yield ("entry", fact.id) if fact.hosts else ("regions", f"{fact.regions}, {fact.id}")
    if fact.hosts:
        yield "service", fact.service
    for n, host in enumerate(fact.hosts):
        yield "hosts" if n == 0 else "", host
    if fact.pin:
        what = "deployment types" if fact.pin == "deployment" else "places"
        yield "pin", f"destinations.yaml may declare {what} where they are not in the request"
    yield "source", fact.source
    yield "as of", f"{fact.as_of} ({fact.age(today)} days)"
    yield "confidence", (fact.confidence, _COLOURS[fact.confidence])
    if fact.note:
        yield "note", fact.note


def _plain(provider: "Provider", today: datetime.date) -> dict[str, Plain]:
    return {
        "provider": provider.name,
        "oldest": provider.oldest,
        "least_sure": provider.least_sure,
        "entries": [
            {
                "id": f.id,
                "service": f.service,
                "hosts": list(f.hosts),
                "pin": f.pin or None,
                **_ground(f, today),
            }
            for f in provider.entries
        ],
        "regions": [
            {"file": f.id, "count": f.regions, **_ground(f, today)} for f in provider.tables
        ],
    }


def _ground(fact: "Fact", today: datetime.date) -> dict[str, Plain]:
    return {
        "source": fact.source,
        "as_of": fact.as_of,
        "age_days": fact.age(today),
        "confidence": fact.confidence,
        "note": fact.note,
    }
