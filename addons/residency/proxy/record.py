"""A call as the ledger keeps it: all that a decision was made from, and nothing of the payload.

Neither path nor query is kept: both can carry personal data. The function's name says what was called.
"""

from mitmproxy import http

from residency.core.plain import Plain
from residency.core.policy.decide import Carrying, Decision
from residency.core.policy.rule import Action
from residency.errors import StageError
from residency.proxy import flowstate
from residency.proxy.flowstate import Ticket
from residency.proxy.guard import Fault
from residency.proxy.hold import Held
from residency.proxy.identity import Known
from residency.proxy.mask import Masked
from residency.proxy.reach import Reached
from residency.proxy.region import Located
from residency.proxy.resign import SignedAs
from residency.proxy.sockets import asks

MAX_HOST = 253


def decision_record(
    flow: http.HTTPFlow, decision: Decision, *, policy: str, overridden: frozenset[str]
) -> dict[str, Plain]:
    """The fields of a ``decision`` record. A stage that left nothing leaves ``null``."""
    ticket = flowstate.read(flow, Ticket)
    known, located = _or_none(flow, Known), _or_none(flow, Located)
    carrying, masked, held = _or_none(flow, Carrying), _or_none(flow, Masked), _or_none(flow, Held)
    reached, signed = _or_none(flow, Reached), _or_none(flow, SignedAs)
    fault, decided = _or_none(flow, Fault), _or_none(flow, Decision)
    host = located.host if located else flow.request.host[:MAX_HOST].lower()
    caller: Plain = None
    if known:
        c = known.caller
        caller = {"issuer": c.issuer, "subject": c.subject, "groups": list(c.groups)}
    call: dict[str, Plain] = {
        "method": flow.request.method[:20], "scheme": flow.request.scheme, "host": host, "port": flow.request.port,
    }  # fmt: skip
    if asks(flow):
        call["websocket"] = True
    return {
        "decision": ticket.id,
        "day": ticket.day.isoformat(),
        "permitted": decision.action is not Action.BLOCK,
        "action": decision.action.value,
        "rule": decision.rule,
        "code": decision.code,
        "reason": decision.reason,
        **({"resign": decision.resign} if decision.resign else {}),
        **({"signed_as": signed.to_plain()} if signed else {}),
        "detail": fault.detail if fault else None,
        "decided": decided.to_plain() if decided else None,
        "policy": policy,
        "caller": caller,
        "call": call,
        "destination": located.destination.to_plain() if located else None,
        "carrying": carrying.to_plain() if carrying else None,
        "fault": fault.code if fault else None,
        "masks": list(decision.masks),
        "masked": masked.to_plain()["counts"] if masked else None,
        "ruling": held.to_plain() if held else None,
        "addresses": list(reached.addresses) if reached else None,
        "resolve": "override" if host in overridden else "dns",
    }  # fmt: skip


def _or_none[R: flowstate.Record](flow: http.HTTPFlow, kind: type[R]) -> R | None:
    try:
        return flowstate.find(flow, kind)
    except StageError:
        return None
