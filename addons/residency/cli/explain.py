"""``residency explain``: what is done with a call, and why."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from residency.cli import call as calls
from residency.cli import options, output
from residency.cli.options import (
    body_option,
    format_option,
    headers_option,
    method_option,
    rules_option,
)
from residency.cli.output import Cell
from residency.errors import CODES, RegionError

if TYPE_CHECKING:
    from residency.core.configuration import Configuration
    from residency.core.judge import Judgement
    from residency.core.policy.decide import Carrying, Decision
    from residency.core.region.destination import Destination


@click.command()
@click.argument("url", required=False)
@click.option("--groups", multiple=True, metavar="A,B", help="The caller's groups.")
@click.option("--subject", default=calls.SUBJECT, show_default=True, help="The caller.")
@click.option(
    "--issuer",
    help="Who vouches for the caller.  [default: the one in identity.yaml, if there is one]",
)
@method_option
@headers_option
@body_option
@click.option(
    "--websocket", is_flag=True, help="The call is the opening handshake of a WebSocket."
)
@click.option("--batch", is_flag=True, help="Read calls from standard input, a JSON object a line: url, method, headers, "
              'body, websocket, groups, subject, issuer. Write an answer a line; {"error": …} for a bad one.')  # fmt: skip
@rules_option
@format_option
@click.pass_context
def explain(
    ctx: click.Context, url: str | None, groups: tuple[str, ...], subject: str, issuer: str | None, method: str | None,
    headers: tuple[tuple[str, str], ...], body: IO[bytes] | None, rules: Path | None, form: str,
    *, websocket: bool, batch: bool,
) -> None:  # fmt: skip
    """Say what the rules do with a call.

    Judges a call of URL as a gateway with these rules would. Nothing is sent anywhere.

    Exit codes: 0 judged, whatever the action; 2 bad usage, URL or rules, or (--batch) some lines were bad.
    """
    if batch == (url is not None):
        raise click.UsageError("give either URL or --batch, which reads standard input")
    where = options.folder(rules)
    configuration = options.load(where)
    if batch:
        from residency.cli.batch import answer_all

        ctx.exit(0 if answer_all(configuration, sys.stdin.buffer) else 2)
    call = calls.Call(
        url=url or "",
        groups=[g.strip() for text in groups for g in text.split(",") if g.strip()],
        subject=subject,
        issuer=issuer,
        method=method,
        headers=headers,
        body=body.read() if body else b"",
        websocket=websocket,
    )
    try:
        judgement = calls.ask(configuration, call)
    except RegionError as e:
        raise click.UsageError(f"{e} ({CODES[e.code].mend})") from None
    if form == "json":
        output.document(calls.to_plain(judgement, configuration.digest))
    else:
        output.pairs([*_decided(configuration, judgement), *destined(judgement.destination),
                      *_carried(judgement.carrying, judgement.decision),
                      ("policy", f"{configuration.digest[:12]}, of {where}")])  # fmt: skip


def _decided(configuration: "Configuration", judgement: "Judgement") -> Iterator[tuple[str, Cell]]:
    from residency.core.policy.decide import approval_of

    decision = judgement.decision
    yield "action", output.action(decision.action)
    rule = configuration.policy.rule(decision.rule or "")
    yield "rule", f"{rule.id}: {rule.why}" if rule and rule.why else decision.rule or "none"
    if decision.code:
        yield "code", f"{decision.code}: {CODES[decision.code].title}"
        yield "", CODES[decision.code].mend
    if decision.reason:
        yield "reason", decision.reason
    if decision.masks:
        yield "masks", ", ".join(decision.masks)
    if decision.resign and rule and rule.resign:
        yield "signed anew", f"as {decision.resign}: AWS profile {rule.resign.profile}"
    if approval := approval_of(configuration.policy, decision):
        wait, valid = output.duration(approval.wait), output.duration(approval.valid)
        yield (
            "approval",
            f"{approval.quorum} of {', '.join(approval.groups)}; waits {wait}, valid {valid}",
        )


def destined(to: "Destination") -> Iterator[tuple[str, Cell]]:
    """What is known of where a call goes, for people."""
    yield "function", to.called or "unknown"
    yield "provider", to.provider or "unknown"
    if to.regions:
        yield "regions", " ".join(to.regions)
    yield "places", str(to.places)
    yield "status", to.status
    for n, e in enumerate(to.evidence):
        yield "evidence" if n == 0 else "", f"{e.kind}: {e.says} ({e.source})"


def _carried(carrying: "Carrying", decided: "Decision") -> Iterator[tuple[str, Cell]]:
    if carrying.state == "pending":
        yield "carrying", "not asked: no body could change the answer"
    elif carrying.state == "unread":
        yield "carrying", f"cannot be read: {carrying.reason}"
    else:
        found = output.matches(carrying.counts)
        yield (
            "carrying",
            "nothing regulated" if not found else ", ".join(name for name, _ in found),
        )
        for name, paths in found:
            yield "", f"{name}: {paths}"
    if not carrying.signed:
        return
    signature = carrying.signature
    if signature and signature.service:
        host = "" if not signature.problem else ", which is not the host's"
        yield "signature", f"AWS, for {signature.service} in {signature.region}{host}"
    if not decided.resign:
        yield "", "the sender signed the body: it cannot be masked"
