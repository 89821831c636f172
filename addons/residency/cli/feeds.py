"""``residency feeds``: published address ranges, taken into a folder that the gateway reads."""

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from residency.cli import output
from residency.cli.options import format_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from residency.core.plain import Plain
    from residency.feeds import Known, Line

_folder = click.option(
    "--feeds", "folder", metavar="DIR", type=click.Path(path_type=Path), default=Path("feeds"),
    show_default=True, envvar="RESIDENCY_FEEDS", show_envvar=True, help="The folder of feeds.",
)  # fmt: skip


@click.group()
def feeds() -> None:
    """Keep the address feeds of residency_feeds: import files, and see what there is."""


@feeds.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@_folder
@click.option("--dry-run", is_flag=True, help="Check and compare, and write nothing.")
@format_option
@click.pass_context
def import_(
    ctx: click.Context, files: tuple[Path, ...], folder: Path, form: str, *, dry_run: bool
) -> None:
    """Check FILES and take them into the folder, each in place of the one of its kind.

    What a file is, its own content tells; it is kept as it was given. All files are taken, or none. Nothing is downloaded:

    \b
    AWS         https://ip-ranges.amazonaws.com/ip-ranges.json
    Google      https://www.gstatic.com/ipranges/cloud.json and goog.json
    Azure       "Azure IP Ranges and Service Tags" in the Microsoft Download Center
    Oracle      https://docs.oracle.com/iaas/tools/public_ip_ranges.json
    Cloudflare  https://www.cloudflare.com/ips-v4 and ips-v6, or https://api.cloudflare.com/client/v4/ips
    MMDB        any database of countries (DB-IP Lite, IPinfo Lite, GeoLite2)

    Exit codes: 0 taken; 2 a file that cannot be used, with every fault.
    """  # noqa: D301 - click takes the character itself
    from residency import feeds as store

    given, faults = _read(files)
    if faults:
        for fault in faults:
            output.line(fault, err=True)
        output.error("nothing was imported")
        ctx.exit(2)
    before = store.manifest(folder).feeds
    changes = {
        feed.name: _change(folder, before.get(feed.name), feed) for _, feed in given.values()
    }
    if not dry_run:
        store.write(folder, given, datetime.datetime.now(datetime.UTC).replace(microsecond=0))
    if form == "json":
        output.document({"written": not dry_run, "feeds": changes})
        return
    for name, change in changes.items():
        output.line(f"{name}: {_words(change)}")


def _read(files: tuple[Path, ...]) -> "tuple[dict[Path, tuple[bytes, Known]], list[str]]":
    from residency import feeds as store
    from residency.errors import ConfigurationError

    given: dict[Path, tuple[bytes, Known]] = {}
    faults: list[str] = []
    seen: dict[str, Path] = {}
    for path in dict.fromkeys(files):
        try:
            data = store.read(path)
            feed = store.parse(data, str(path))
        except ConfigurationError as e:
            faults += map(str, e.faults)
            continue
        if feed.name in seen:
            faults.append(
                f"{path}: is {feed.name}, and so is {seen[feed.name]} (give one of them)"
            )
        seen[feed.name] = path
        given[path] = (data, feed)
    return given, faults


def _change(folder: Path, line: "Line | None", feed: "Known") -> "dict[str, Plain]":
    """How *feed* differs from the one that *line* is about: counts, and regions that came or went."""
    from residency.core.region.feeds import Ranges

    change: dict[str, Plain] = {
        "published": feed.published, "ranges": feed.count,
        "ranges_before": line.ranges if line else None,
    }  # fmt: skip
    former = _former(folder, line)
    if isinstance(feed, Ranges):
        now, then = feed.regions(), former.regions() if isinstance(former, Ranges) else frozenset()
        change |= {"new_regions": sorted(now - then), "gone_regions": sorted(then - now)}
    return change


def _former(folder: Path, line: "Line | None") -> "Known | None":
    from residency import feeds as store
    from residency.errors import ConfigurationError

    try:
        return store.parse(store.read(folder / line.file), line.file) if line else None
    except ConfigurationError:
        return None  # the new one takes its place


def _words(change: "Mapping[str, Plain]") -> str:
    before, count = change["ranges_before"], change["ranges"]
    words = [f"{count} ranges" + ("" if before is None else f", {before} before")]
    if change["published"]:
        words.append(f"published {change['published']}")
    for key, said in (("new_regions", "new"), ("gone_regions", "gone")):
        regions = change.get(key)
        if isinstance(regions, list) and regions and (before is not None or key != "new_regions"):
            words.append(f"{said}: {' '.join(map(str, regions))}")
    return "; ".join(words)


@feeds.command()
@_folder
@click.option(
    "--max-age", metavar="DURATION", help="Fail if a feed was imported longer ago, such as 30d."
)
@format_option
@click.pass_context
def status(ctx: click.Context, folder: Path, max_age: str | None, form: str) -> None:
    """Say which feeds there are, how old they are and how many ranges they have, and whether each can be used.

    Exit codes: 0 all of them can be used; 1 one cannot, is older than --max-age, or there is none; 2 bad usage.
    """
    from residency import feeds as store
    from residency.errors import ConfigurationError

    limit = _seconds(max_age)
    lines, faults = store.manifest(folder).feeds, []
    try:
        store.load(folder)
    except ConfigurationError as e:
        faults = [str(f) for f in e.faults]
    now = datetime.datetime.now(datetime.UTC)
    ages = {name: (now - line.imported).total_seconds() for name, line in lines.items()}
    old = [name for name, age in ages.items() if limit is not None and age > limit]
    if form == "json":
        found: list[Plain] = [_plain(n, line, ages[n], old=n in old) for n, line in lines.items()]
        output.document({"feeds": found, "faults": list(faults)})
    else:
        head = ("FEED", "RANGES", "PUBLISHED", "IMPORTED", "AGE", "FILE")
        output.table(head, [_row(n, line, ages[n], old=n in old) for n, line in lines.items()])
        for fault in faults:
            output.line(fault, err=True)
    ctx.exit(1 if faults or old else 0)


def _seconds(text: str | None) -> float | None:
    from residency.core.duration import seconds

    try:
        return None if text is None else float(seconds(text))
    except ValueError as e:
        raise click.UsageError(f"--max-age: {e}") from None


def _plain(name: str, line: "Line", age: float, *, old: bool) -> "dict[str, Plain]":
    return {
        "feed": name, "ranges": line.ranges, "published": line.published, "imported": line.imported.isoformat(),
        "age_seconds": round(age), "too_old": old, "source": line.source, "sha256": line.sha256,
    }  # fmt: skip


def _row(name: str, line: "Line", age: float, *, old: bool) -> list[output.Cell]:
    said = output.duration(age)
    return [
        name, str(line.ranges), line.published or "-", f"{line.imported:%Y-%m-%d}",
        (said, "red") if old else said, line.source,
    ]  # fmt: skip
