"""Keep a call waiting for a human, by awaiting inside the hook.

Never ``flow.intercept()``: whatever resumes flows (a console key, mitmweb) would then release the call, and the
stages behind would run before the ruling. While this hook waits, the denial stands on the flow.
"""

import asyncio
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from mitmproxy import connection, ctx, http
from mitmproxy.connection import ConnectionState

from residency.core.exact import retryable
from residency.core.hold import Hold, State
from residency.core.plain import Plain
from residency.core.policy.decide import Carrying, Decision, Inputs, approval_of, decide
from residency.core.policy.rule import Action
from residency.errors import CallError, HoldError
from residency.proxy import flowstate, seal
from residency.proxy.context import parts_of
from residency.proxy.flowstate import Ticket
from residency.proxy.guard import deny, fail_closed
from residency.proxy.identity import IdentityAddon, Known
from residency.proxy.mask import Masked
from residency.proxy.region import Located
from residency.proxy.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What became of a hold: the ledger's ``ruling``."""

    stage: ClassVar[str] = "ruling"

    hold: str
    state: State
    rulings: tuple[Mapping[str, Plain], ...] = ()

    def to_plain(self) -> dict[str, Plain]:
        return {
            "hold": self.hold,
            "state": self.state.value,
            "rulings": [dict(r) for r in self.rulings],
        }

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        hold, state, rulings = plain["hold"], plain["state"], plain["rulings"]
        if (
            not isinstance(hold, str)
            or not isinstance(state, str)
            or not isinstance(rulings, list)
        ):
            raise TypeError("ruling: wrong types")
        return cls(
            hold=hold,
            state=State(state),
            rulings=tuple(r for r in rulings if isinstance(r, Mapping)),
        )


class HoldAddon(Stage):
    """Fifth stage."""

    name = "residency-hold"
    order = 4

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        decision = flowstate.read(flow, Decision)
        if decision.action is not Action.HOLD:
            return
        policy = self.runtime.configuration.policy.digest
        seal.check(flow, self.runtime.secret, policy)
        hold = await self._open(flow, decision, policy)
        try:
            if hold.state is not State.APPROVED:
                hold = await self._wait(flow, hold)
            if hold.state is State.APPROVED:
                await self._examine(flow, decision)
            self._conclude(flow, hold)
        except asyncio.CancelledError:
            self.runtime.holds.drop(hold.id)
            raise
        finally:
            self.runtime.holds.unclaim(hold.id)

    async def _open(self, flow: http.HTTPFlow, decision: Decision, policy: str) -> Hold:
        """The hold of this exact call: an earlier attempt's, or a new one, recorded."""
        caller = flowstate.read(flow, Known).caller
        parts = (*parts_of(flow), caller.issuer, caller.subject, decision.rule or "", policy)
        body = flow.request.raw_content or b""
        key = retryable(self.runtime.secret, parts, flow.request.headers.fields, body)
        found = self.runtime.holds.claim(key)
        if found:
            return found
        approval = approval_of(self.runtime.configuration.policy, decision)
        if approval is None or decision.rule is None:
            raise CallError("internal", "a hold without terms of approval")
        hold = Hold(
            id=secrets.token_hex(16),
            key=key,
            decision=flowstate.read(flow, Ticket).id,
            issuer=caller.issuer,
            subject=caller.subject,
            rule=decision.rule,
            policy=policy,
            approval=approval,
            opened=time.time(),
            view=self._view(flow, decision),
        )
        self.runtime.holds.add(hold)
        try:
            await self.runtime.ledger.append(
                "hold", {"hold": hold.id, "decision": hold.decision, **hold.view}
            )
        except BaseException:
            self.runtime.holds.drop(hold.id)
            raise
        return hold

    def _view(self, flow: http.HTTPFlow, decision: Decision) -> dict[str, Plain]:
        """What an approver is shown: who, what, where, which fields. Names and counts, never values."""
        known, located = flowstate.read(flow, Known), flowstate.read(flow, Located)
        carrying, masked = flowstate.read(flow, Carrying), flowstate.find(flow, Masked)
        why = self.runtime.configuration.policy.rule(decision.rule or "")
        return {
            "caller": {"issuer": known.caller.issuer, "subject": known.caller.subject,
                       "groups": list(known.caller.groups)},
            "method": flow.request.method,
            "host": located.host,
            "function": located.destination.called or None,
            "places": located.destination.places.to_plain(),
            "status": located.destination.status,
            "rule": decision.rule,
            "why": why.why if why else "",
            "bytes": len(flow.request.raw_content or b""),
            # Not inspected; that there is one is for the approver to know.
            "query": "?" in flow.request.path,
            "carrying": carrying.to_plain(),
            "masked": masked.to_plain()["counts"] if masked else {},
            **({"resign": decision.resign} if decision.resign else {}),
        }  # fmt: skip

    async def _wait(self, flow: http.HTTPFlow, hold: Hold) -> Hold:
        flow.comment = f"residency: held {hold.id}"
        self.runtime.holds.of_flow[flow.id] = hold.id
        try:
            return await self.runtime.holds.wait(
                hold.id,
                size=len(flow.request.raw_content or b""),
                seconds=hold.approval.wait,
                gone=lambda: has_gone(flow.client_conn),
            )
        finally:
            flow.comment = ""
            self.runtime.holds.of_flow.pop(flow.id, None)

    async def _examine(self, flow: http.HTTPFlow, decision: Decision) -> None:
        """The call, the rules, the day and the caller again: nothing is taken on trust from before the wait.

        Raises:
            CallError: ``stale``, or why the caller is not known any more.
        """
        identity: IdentityAddon = ctx.master.addons.get("residency-identity")
        caller = await identity.again(flow)
        policy = self.runtime.configuration.policy
        seal.check(flow, self.runtime.secret, policy.digest)
        inputs = Inputs(
            caller=caller,
            method=flow.request.method,
            destination=flowstate.read(flow, Located).destination,
            carrying=flowstate.read(flow, Carrying),
        )
        if decide(policy, inputs, self.runtime.today()) != decision:
            raise CallError("stale", "the call would be decided otherwise by now")

    def _conclude(self, flow: http.HTTPFlow, hold: Hold) -> None:
        flowstate.write(flow, self._held(hold, hold.state))
        gone = has_gone(flow.client_conn)
        if gone and hold.state in (State.WAITING, State.APPROVED):
            deny(flow, "aborted", "the client has gone")
        elif hold.state in (State.WAITING, State.EXPIRED):
            deny(flow, "held")
        elif hold.state is not State.APPROVED:
            deny(flow, "denied")
        else:
            self._use(flow, hold)

    def _use(self, flow: http.HTTPFlow, hold: Hold) -> None:
        try:
            used = self.runtime.holds.use(hold.id)
        except HoldError:
            deny(flow, "held", "the exception has run out")
        else:
            flowstate.write(flow, self._held(used, used.state))

    def _held(self, hold: Hold, state: State) -> Held:
        return Held(hold=hold.id, state=state, rulings=tuple(r.to_plain() for r in hold.rulings))


def has_gone(client: connection.Client) -> bool:
    """True once the client's side is closed: mitmproxy 12.2 tells a waiting HTTP/1 hook in no other way."""
    return not client.state & ConnectionState.CAN_READ
