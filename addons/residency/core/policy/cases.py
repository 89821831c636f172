"""A policy's own tests: run at every load, and one that fails keeps the gateway from starting."""

import datetime
import json
from collections.abc import Sequence

from residency.core.document import Document
from residency.core.faults import Faults
from residency.core.identity import Caller
from residency.core.judge import Judgement, head_from_url, judge
from residency.core.mask.sets import MaskSets
from residency.core.policy.file import CallText, CaseText, ExpectText
from residency.core.policy.rule import Policy
from residency.core.region.atlas import Atlas
from residency.errors import RegionError


def run(
    cases: Sequence[CaseText],
    document: Document,
    faults: Faults,
    *,
    policy: Policy,
    atlas: Atlas,
    sets: MaskSets,
    today: datetime.date,
) -> None:
    """Add a fault for each test whose call is judged otherwise than it expects."""
    for i, case in enumerate(cases):
        path = ("tests", i, "expect")
        if case.expect.rule is not None and policy.rule(case.expect.rule) is None:
            faults.add(
                document.fault(
                    (*path, "rule"), f"there is no rule {case.expect.rule!r}", "correct it"
                )
            )
            continue
        if case.call.websocket and not _may_open(case.call):
            message = "an opening handshake of a WebSocket is a GET without a body"
            faults.add(
                document.fault(
                    ("tests", i, "call", "websocket"), message, "leave method and body out"
                )
            )
            continue
        try:
            got = _judge(case.call, policy, atlas, sets, case.now or today)
        except RegionError as e:
            faults.add(document.fault(("tests", i, "call", "url"), str(e), "correct the URL"))
            continue
        mend = _mend(policy, case, today)
        for key, wanted, actual in _differences(case.expect, got):
            message = f"test {case.name!r} expects {key} {wanted}, got {actual}"
            faults.add(document.fault((*path, key), message, mend))


def _may_open(call: CallText) -> bool:
    return call.body is None and ("method" not in call.model_fields_set or call.method == "GET")


def _mend(policy: Policy, case: CaseText, today: datetime.date) -> str:
    """What to do where *case* fails. An expired basis stops its rule silently, so it is told here."""
    rule = policy.rule(case.expect.rule) if case.expect.rule is not None else None
    if rule and rule.basis and rule.basis.expired(case.now or today):
        return f"the basis of {rule.id!r} ended on {rule.basis.until}: renew it, or mend the test"
    return "mend the rules or the test"


def _judge(
    call: CallText, policy: Policy, atlas: Atlas, sets: MaskSets, today: datetime.date
) -> Judgement:
    caller = Caller(
        issuer=call.issuer,
        subject=call.subject,
        groups=tuple(sorted(set(call.groups))),
        expires=float("inf"),
    )
    headers = tuple((name.lower(), value) for name, value in call.headers.items())
    head = head_from_url("GET" if call.websocket else call.method, call.url, headers)
    body = body_bytes(call.body)
    return judge(policy, atlas, sets, caller, head, body, today=today, websocket=call.websocket)


def body_bytes(body: object) -> bytes:
    """A body as a test or a batch line writes it: text as it is, anything else as JSON, nothing as empty."""
    if body is None:
        return b""
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
    return text.encode("utf-8", "surrogatepass")


def _differences(expect: ExpectText, got: Judgement) -> list[tuple[str, str, str]]:
    decision, found = got.decision, []
    if decision.action is not expect.action:
        found.append(("action", expect.action.value, decision.action.value))
    if "rule" in expect.model_fields_set and decision.rule != expect.rule:
        found.append(("rule", expect.rule or "none", decision.rule or "none"))
    if expect.code is not None and decision.code != expect.code:
        found.append(("code", expect.code, decision.code or "none"))
    if expect.places is not None:
        wanted = (
            expect.places if isinstance(expect.places, str) else " ".join(sorted(expect.places))
        )
        if str(got.destination.places) != wanted:
            found.append(("places", wanted, str(got.destination.places)))
    return found
