"""The entry point: every command, and what becomes of an error."""

import os
import traceback
from pathlib import Path

import click

from residency import __version__
from residency.cli import output
from residency.cli.audit import audit
from residency.cli.catalogue import catalogue
from residency.cli.check import check
from residency.cli.explain import explain
from residency.cli.feeds import feeds
from residency.cli.held import approve, deny, held
from residency.cli.locate import locate
from residency.cli.mask import mask
from residency.cli.path import path
from residency.cli.whoami import whoami
from residency.errors import ConfigurationError, ResidencyError

#: sysexits.h, EX_SOFTWARE.
INTERNAL = 70
#: A group without a command shows its help; click 8.1 has no such exception.
_HELP = getattr(click.exceptions, "NoArgsIsHelpError", ())


class _Commands(click.Group):
    """Errors end in lines that name the place and the mend, never in a stack trace."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except click.ClickException as e:
            if isinstance(e, _HELP):
                raise
            output.error(" ".join(e.format_message().split()))
        except ConfigurationError as e:
            output.error(f"the rules cannot be used: {str(e).splitlines()[0]}")
            for fault in e.faults:
                output.line(str(fault), err=True)
        except (ResidencyError, OSError) as e:
            output.error(str(e))
        except Exception as e:  # noqa: BLE001 - the message may quote a payload, the place does not
            frame = traceback.extract_tb(e.__traceback__)[-1]
            place = f"{Path(frame.filename).name}:{frame.lineno}"
            output.error(
                f"{type(e).__name__} in {place}: a fault of this program, please report it"
            )
            raise click.exceptions.Exit(INTERNAL) from None
        raise click.exceptions.Exit(2)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="residency")
@click.pass_context
def main(ctx: click.Context) -> None:
    """Ask a data-residency gateway's rules, ledger and held calls.

    Every command: exit code 2 for bad usage or input, with a line on standard error for each fault; 70 for a fault
    of this program. Colours on a terminal only, and not with NO_COLOR.
    """
    if os.environ.get("NO_COLOR"):
        ctx.color = False


for _command in (
    explain,
    locate,
    catalogue,
    feeds,
    check,
    whoami,
    mask,
    audit,
    held,
    approve,
    deny,
    path,
):
    main.add_command(_command)
