"""``residency audit replay``: decide a ledger's calls again."""

import datetime
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from residency.cli import options, output
from residency.cli.options import format_option, rules_option
from residency.core.plain import Plain
from residency.errors import VerifyError

if TYPE_CHECKING:
    from residency.core.configuration import Configuration
    from residency.core.ledger import Record
    from residency.core.policy.decide import Decision
    from residency.core.replay import Replayed

VERDICTS = ("same", "changed", "undetermined", "not-replayable")


@dataclass(frozen=True, slots=True)
class _Case:
    record: "Record"
    result: "Replayed"


@click.command()
@click.argument("ledger", type=click.File("rb"))
@rules_option
@format_option
@click.option(
    "--changed-only", is_flag=True, help="With json: leave out the calls that come out the same."
)
@click.pass_context
def replay(
    ctx: click.Context, ledger: IO[bytes], rules: Path | None, form: str, *, changed_only: bool
) -> None:
    """Decide a ledger again.

    Verifies LEDGER, and decides each of its calls again from what its record holds.

    With the rules of then, every answer must be the same. With others (--rules) it shows what they would change: a call
    is undetermined where they ask for what was not looked at then. The ledger keeps no path, so what a new catalogue
    would find does not show here. Lists the calls that do not come out
    the same, and totals.

    Exit codes: 0 all the same; 1 some changed, are undetermined or cannot be replayed; 2 the ledger is broken, or bad
    usage or rules.
    """
    from residency.cli.audit import broken

    configuration = options.load(options.folder(rules))
    totals, digests, shown = Counter[str](), Counter[str](), []
    try:
        for case in _cases(ledger, configuration):
            totals[case.result.verdict] += 1
            digests[str(case.record.fields.get("policy", ""))] += 1
            if case.result.verdict != "same" or (form == "json" and not changed_only):
                shown.append(case)
    except VerifyError as e:
        output.error(f"{ledger.name}: {broken(e)}")
        ctx.exit(2)
    if form == "json":
        output.document({"policy": configuration.digest, "recorded_policies": dict(digests),
                         "totals": {v: totals[v] for v in VERDICTS}, "calls": [_plain(c) for c in shown]})  # fmt: skip
    else:
        _tell(shown, totals, digests, configuration.digest)
    ctx.exit(0 if totals.total() == totals["same"] else 1)


def _cases(ledger: IO[bytes], configuration: "Configuration") -> Iterator[_Case]:
    from residency.cli.audit import lines
    from residency.core import ledger as ledgers
    from residency.core.replay import replay as again

    end = (0, ledgers.GENESIS)
    for line in lines(ledger):
        summary = ledgers.verify([line], after=end)
        end = (end[0] + summary.count, summary.head)
        record = ledgers.parse_line(line, number=end[0])
        if record.kind == "decision":
            day = datetime.datetime.fromisoformat(record.time).date()
            yield _Case(
                record, again(configuration.policy, configuration.sets, record.fields, day)
            )


def _tell(shown: list[_Case], totals: Counter[str], digests: Counter[str], digest: str) -> None:
    if shown:
        output.table(
            ("time", "decision", "caller", "function", "places", "verdict", "was → now"),
            map(_row, shown),
        )
    output.line(", ".join(f"{totals[v]} {v}" for v in VERDICTS))
    others = sum(n for recorded, n in digests.items() if recorded != digest)
    if others:
        output.line(
            f"{others} of {totals.total()} calls were decided under other rules than these ({digest[:12]})"
        )


def _row(case: _Case) -> tuple[output.Cell, ...]:
    fields, result = case.record.fields, case.result
    caller, to = _part(fields, "caller"), _part(fields, "destination")
    colour = "red" if result.verdict == "changed" else "yellow"
    return (
        f"{case.record.time[:19]}Z",
        result.decision[:8],
        str(caller.get("subject") or "-"),
        _called(to),
        output.places(to.get("places")),
        (result.verdict, colour),
        _change(result.recorded, result.again)
        if result.again
        else f"{_short(result.recorded)} → {result.why}",
    )


def _called(to: Mapping[str, Plain]) -> str:
    """Every function of the call."""
    named = to.get("operations")
    names = [to.get("function"), *(named if isinstance(named, list) else ())]
    return ", ".join(str(n) for n in names if n) or "-"


def _part(fields: Mapping[str, Plain], name: str) -> Mapping[str, Plain]:
    part = fields.get(name)
    return part if isinstance(part, Mapping) else {}


def _change(was: "Decision | None", now: "Decision") -> str:
    """Both decisions, with the mask sets where nothing else that is shown tells them apart."""
    before, after = _short(was), _short(now)
    if was and before == after and was.masks != now.masks:
        before, after = (
            f"{text}, {' + '.join(d.masks)}" for text, d in ((before, was), (after, now))
        )
    return f"{before} → {after}"


def _short(decision: "Decision | None") -> str:
    if decision is None:
        return "?"
    why = decision.rule or decision.code
    if decision.rule and decision.code not in (None, "rule", "held"):
        why = f"{decision.rule}: {decision.code}"
    return f"{decision.action} ({why})"


def _plain(case: _Case) -> dict[str, Plain]:
    result, fields = case.result, case.record.fields
    return {
        "seq": case.record.seq,
        "time": case.record.time,
        "decision": result.decision,
        "caller": _part(fields, "caller").get("subject"),
        "function": _part(fields, "destination").get("function"),
        "places": _part(fields, "destination").get("places"),
        "policy": fields.get("policy"),
        "verdict": result.verdict,
        "why": result.why,
        "was": result.recorded.to_plain() if result.recorded else None,
        "now": result.again.to_plain() if result.again else None,
    }
