"""Options that several commands have, and what they stand for."""

import dataclasses
import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from residency.errors import ConfigurationError, Fault

if TYPE_CHECKING:
    from residency.core.configuration import Configuration

RULES = "RESIDENCY_RULES"
#: Bytes of a token file that are read.
MAX_TOKEN = 64 * 1024
_FOLDER = click.Path(path_type=Path)

format_option = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True,
    help="For people, or for machines.",
)  # fmt: skip
rules_option = click.option(
    "--rules", metavar="DIR", type=_FOLDER, envvar=RULES, show_envvar=True,
    help="The rules folder.  [default: ./rules if it is there, else the shipped ones]",
)  # fmt: skip


def _header_pairs(
    _c: click.Context, _p: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    found = [value.partition(":") for value in values]
    for name, colon, _ in found:
        if not name.strip() or not colon:
            raise click.BadParameter("is not written like 'Name: value'")
    return tuple((name.strip(), value.strip()) for name, _, value in found)


method_option = click.option("--method", help="[default: POST if there is a body, else GET]")
headers_option = click.option(
    "--header", "headers", multiple=True, metavar="'NAME: VALUE'", callback=_header_pairs, help="May be repeated."
)  # fmt: skip
body_option = click.option(
    "--body", type=click.File("rb"), metavar="FILE|-", help="The call's body, as it would be sent."
)
token_option = click.option(
    "--token-file", metavar="FILE|-", envvar="RESIDENCY_TOKEN_FILE", show_envvar=True,
    required=True, help="The file with the token; - is standard input.",
)  # fmt: skip
token_or_client = [
    click.option(
        "--token-file", metavar="FILE|-", envvar="RESIDENCY_TOKEN_FILE", show_envvar=True,
        help="The file with the token; - is standard input.",
    ),
    click.option("--client-id", metavar="ID", help="A client's id, as in the proxy URL."),
    click.option(
        "--client-secret-file", metavar="FILE|-",
        help="The file with the client's secret; - is standard input.",
    ),
]  # fmt: skip


def today() -> datetime.date:
    """The day that rules are judged on: UTC."""
    return datetime.datetime.now(datetime.UTC).date()


def folder(given: Path | None) -> Path:
    """The rules folder that is meant."""
    from residency.files import shipped_rules

    if given is not None:
        return given
    here = Path("rules")
    return here if here.is_dir() else shipped_rules()


def load(where: Path) -> "Configuration":
    """The configuration in *where*.

    Raises:
        ConfigurationError: with every fault, its file named as seen from here.
    """
    from residency.files import load as load_

    try:
        return load_(where, today=today())
    except ConfigurationError as e:
        raise ConfigurationError([placed(where, f) for f in e.faults]) from None


def placed(where: Path, fault: Fault) -> Fault:
    """*fault* with its file's path instead of its name in the folder, so that editors find it."""
    from residency.files import shipped_rules

    if fault.source == str(where):
        return fault
    first = Path(fault.source).parts[0]
    shipped = first in ("catalogue", "places") and not (where / first).is_dir()
    return dataclasses.replace(
        fault, source=str((shipped_rules() if shipped else where) / fault.source)
    )


def token_of(path: str, what: str = "token") -> str:
    """The one token, or other secret, in the file at *path*. It is shown nowhere.

    Raises:
        click.UsageError: There is none.
    """
    try:
        with click.open_file(path, "rb") as file:
            words: list[bytes] = file.read(MAX_TOKEN).split()
    except OSError as e:
        raise click.UsageError(f"the {what} file {path}: {e.strerror}") from None
    if len(words) != 1 or not words[0].isascii():
        raise click.UsageError(f"the {what} file {path} does not hold one {what} and nothing else")
    return words[0].decode("ascii")
