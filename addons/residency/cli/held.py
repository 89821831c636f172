"""``residency held``, ``approve`` and ``deny``: rule on held calls from a terminal."""

import re
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.options import format_option, token_option
from residency.core.plain import Plain
from residency.errors import GatewayError

if TYPE_CHECKING:
    from residency.cli.gateway import Answer, Gateway

type Hold = Mapping[str, Plain]

SHORT = 8
_ID = re.compile(r"[0-9a-f]{1,32}")

gateway_option = click.option(
    "--gateway", metavar="URL", default="http://127.0.0.1:8090", show_default=True,
    envvar="RESIDENCY_GATEWAY", show_envvar=True, help="The gateway's admin API.",
)  # fmt: skip
reason_option = click.option("--reason", required=True, help="Why; it goes into the ledger.")


@click.command()
@gateway_option
@token_option
@format_option
def held(gateway: str, token_file: str, form: str) -> None:
    """List held calls.

    Those that you may rule on: who calls what, where, with which fields. Never values.

    Exit codes: 0 listed; 1 the gateway refuses, with its reason; 2 it cannot be reached, or bad usage.
    """
    holds = _holds(_open(gateway, token_file), form)
    if form == "json":
        output.document({"holds": list(holds)})
    elif not holds:
        output.line("nothing is held")
    else:
        short = _length([str(h.get("id", "")) for h in holds])
        head = (
            "id",
            "state",
            "since",
            "expires in",
            "caller",
            "function",
            "places",
            "rule",
            "fields",
        )
        output.table(head, [_row(h, short) for h in holds])


@click.command()
@click.argument("id_", metavar="ID")
@reason_option
@gateway_option
@token_option
@format_option
def approve(id_: str, reason: str, gateway: str, token_file: str, form: str) -> None:
    """Approve a held call, once.

    ID may be its first characters, if no other begins so.

    Exit codes: 0 done; 1 the gateway refuses, with its reason; 2 it cannot be reached, or bad usage.
    """
    _rule("approve", id_, reason, _open(gateway, token_file), form)


@click.command()
@click.argument("id_", metavar="ID")
@reason_option
@gateway_option
@token_option
@format_option
def deny(id_: str, reason: str, gateway: str, token_file: str, form: str) -> None:
    """Deny a held call.

    ID may be its first characters, if no other begins so.

    Exit codes: 0 done; 1 the gateway refuses, with its reason; 2 it cannot be reached, or bad usage.
    """
    _rule("deny", id_, reason, _open(gateway, token_file), form)


def _open(url: str, token_file: str) -> "Gateway":
    from residency.cli.gateway import Gateway

    return Gateway(url, options.token_of(token_file))


def _rule(ruling: str, id_: str, reason: str, gateway: "Gateway", form: str) -> None:
    if not _ID.fullmatch(id_):
        raise click.BadParameter(
            "it is not the id of a hold, nor its first characters; residency held lists them",
            param_hint="ID",
        )
    found = id_ if len(id_) == 32 else _whole(id_, _holds(gateway, form), form)  # noqa: PLR2004
    answer = gateway.post(f"/holds/{found}/ruling", {"ruling": ruling, "reason": reason})
    _granted(answer, form)
    if form == "json":
        output.document(answer.value)
    else:
        done = "approved" if ruling == "approve" else "denied"
        output.line(f"{done} {found}: the hold is {answer.value.get('state')}")


def _whole(prefix: str, holds: Sequence[Hold], form: str) -> str:
    """The one id that begins with *prefix*."""
    ids = [str(h.get("id", "")) for h in holds]
    found = [i for i in ids if i.startswith(prefix)]
    if len(found) > 1:
        raise click.BadParameter(f"{len(found)} holds begin so: write more of it", param_hint="ID")
    if not found:
        _refuse({"code": "unknown", "detail": "there is no such hold that you may rule on"}, form)
    return found[0]


def _holds(gateway: "Gateway", form: str) -> list[Hold]:
    answer = gateway.get("/holds")
    _granted(answer, form)
    holds = answer.value.get("holds")
    if not isinstance(holds, list) or not all(isinstance(h, Mapping) for h in holds):
        raise GatewayError(f"{gateway.url} is no gateway's admin API: no list of holds")
    return [h for h in holds if isinstance(h, Mapping)]


def _granted(answer: "Answer", form: str) -> None:
    if answer.refused:
        _refuse({"code": "request", "detail": f"status {answer.status}", **answer.value}, form)


def _refuse(value: Mapping[str, Plain], form: str) -> None:
    """Say that the gateway refuses, and why, and end."""
    if form == "json":
        output.document({"error": {"code": value["code"], "detail": value["detail"]}})
    else:
        output.error(f"refused: {value['code']}: {value['detail']}")
    click.get_current_context().exit(1)


def _length(ids: Sequence[str]) -> int:
    """How many first characters tell all of *ids* apart."""
    return next(n for n in range(SHORT, 65) if len({i[:n] for i in ids}) == len(set(ids)))


def _row(hold: Hold, short: int) -> tuple[output.Cell, ...]:
    state = str(hold.get("state", "?"))
    caller = hold.get("caller")
    return (
        str(hold.get("id", ""))[:short],
        (state, "yellow" if state == "waiting" else "white"),
        output.moment(_number(hold.get("opened"))),
        output.duration(_number(hold.get("expires")) - time.time()),
        str(caller.get("subject")) if isinstance(caller, Mapping) else "?",
        str(hold.get("function") or "unknown"),
        output.places(hold.get("places")),
        str(hold.get("rule")),
        _fields(hold),
    )


def _fields(hold: Hold) -> str:
    """Which fields the call has, and of these which would be masked: names and counts."""
    carrying = hold.get("carrying")
    counts = carrying.get("counts") if isinstance(carrying, Mapping) else None
    masked = hold.get("masked")
    found = _paths(counts, "")
    hidden = _paths(masked, "masked ")
    if isinstance(carrying, Mapping) and carrying.get("state") == "unread":
        found.insert(0, "body cannot be read")
    return ", ".join(hidden + [f for f in found if f"masked {f}" not in hidden]) or "none"


def _paths(counts: Plain, word: str) -> list[str]:
    found = []
    for paths in counts.values() if isinstance(counts, Mapping) else ():
        if isinstance(paths, Mapping):
            found += [
                f"{word}{path} ({n})" for path, n in paths.items() if isinstance(n, int) and n
            ]
    return found


def _number(value: Plain) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
