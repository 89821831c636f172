"""``residency path``: where the scripts are that mitmproxy loads."""

from pathlib import Path

import click

from residency.cli import output
from residency.cli.options import format_option

SCRIPTS = ("chain", "identity", "region", "policy", "mask", "hold", "approve", "audit", "desk")


def scripts() -> Path:
    """The folder of the scripts: in a wheel inside the package, in a checkout around it."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "scripts"
    return inside if inside.is_dir() else package.parent


@click.command()
@click.argument("name", type=click.Choice(SCRIPTS), required=False)
@format_option
def path(name: str | None, form: str) -> None:
    """Print where a script for mitmproxy is.

    Without NAME, the folder of them all.

    mitmdump -s "$(residency path chain)" starts the gateway with every stage.

    Exit codes: 0 printed; 2 there is no such script.
    """
    found = scripts() / f"{name}.py" if name else scripts()
    if not found.exists():
        raise click.UsageError(f"{found} is not there: install the package again")
    if form == "json":
        output.document({"path": str(found)})
    else:
        click.echo(str(found))
