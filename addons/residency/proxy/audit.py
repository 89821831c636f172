"""The last stage: write the decision down, and only then let the call go.

The denial that has stood on the flow since its first hook is lifted in one place, ``_release``, after the record is on disk.
If anything here fails, the denial is what is sent.
"""

import asyncio
import dataclasses
import logging
import time

from mitmproxy import http
from mitmproxy.websocket import WebSocketMessage

from residency.core.hold import State
from residency.core.plain import Plain
from residency.core.policy.decide import Carrying, Decision
from residency.core.policy.rule import Action
from residency.errors import CODES, CallError, LedgerError, StageError
from residency.proxy import flowstate, seal
from residency.proxy.answer import placeholder, problem
from residency.proxy.attest import Attestations, Heard
from residency.proxy.flowstate import Ticket
from residency.proxy.guard import Fault, deny, is_ending, where
from residency.proxy.hold import Held, has_gone
from residency.proxy.identity import Known, announced
from residency.proxy.mask import Masked
from residency.proxy.messages import guarded, guarded_check
from residency.proxy.reach import reach
from residency.proxy.record import decision_record
from residency.proxy.region import Located
from residency.proxy.resign import SignedAs, sign_anew
from residency.proxy.resolver import Pin
from residency.proxy.returns import SWITCHING, Returned, refuse
from residency.proxy.sockets import Channel, asks
from residency.proxy.stage import Stage

logger = logging.getLogger("residency.audit")

RETRY_SECONDS = 2
#: The largest body, in bytes, that is awaited from a caller who was refused before the target was looked at.
MAX_UNKNOWN = 256 * 1024


class AuditAddon(Stage):
    """Seventh and last stage."""

    name = "residency-audit"
    order = 6

    def __init__(self) -> None:
        self.attestations = Attestations()

    # Handlers

    async def http_connect(self, flow: http.HTTPFlow) -> None:
        flow.response = placeholder()
        if flowstate.has(flow, Fault) or not flowstate.has(flow, Known):
            await self._settle(flow)
        else:
            flow.response = None

    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        flow.response = placeholder()
        if flow.error is None and (flowstate.has(flow, Fault) or self._is_certain(flow)):
            await self._settle(flow)

    async def request(self, flow: http.HTTPFlow) -> None:
        if not flowstate.is_settled(flow):
            flow.response = placeholder()
            await self._settle(flow)
        elif flow.request.trailers:
            # The body has streamed; what comes after it was not announced, and mitmproxy fails on it towards HTTP/1.
            flow.request.trailers = None

    async def response(self, flow: http.HTTPFlow) -> None:
        if flow.websocket is None and flow.response and self._was_released(flow):
            self._outcome(flow, {"status": flow.response.status_code, **_returned(flow)})

    async def error(self, flow: http.HTTPFlow) -> None:
        """A call that ended early: with an outcome if it was let go, else with the decision it never got."""
        if self._was_released(flow):
            self._outcome(flow, {"status": None, "error": "upstream-or-client", **_returned(flow)})
        elif not flowstate.is_settled(flow):
            if not flowstate.has(flow, Ticket):
                flowstate.write(flow, self.runtime.ticket())
            if not flowstate.has(flow, Fault):
                flowstate.write(flow, Fault(code="aborted"))
            await self._settle(flow)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """Answers pass through as they come, none is kept in memory; but those to masked calls as masking has said."""
        if not flow.response or not flowstate.has_left(flow):
            return
        try:
            if flow.response.status_code == SWITCHING:
                # It has no body, and mitmproxy sends its head once the response hook has run.
                flow.response.stream = False
            elif not flowstate.has(flow, Masked):
                flow.response.stream = True
            elif flowstate.read(flow, Returned).way != "refused":
                flow.response.stream = self.runtime.returns.stream(flow)
        except KeyboardInterrupt:
            raise
        except BaseException as e:  # noqa: BLE001 - the answer does not pass, whatever it was
            logger.error("refused the answer to %s: %s", flow.id, where(e))  # noqa: TRY400
            refuse(flow, "internal")
            return
        self.attestations.listen(flow, self.runtime)

    @guarded
    def websocket_message(
        self, flow: http.HTTPFlow, channel: Channel, message: WebSocketMessage
    ) -> None:
        """Let a message go that the stages have vouched for. The denial is lifted by the last statement."""
        self._check_standing(flow, channel)
        channel.settle(message)
        message.dropped = False

    @guarded_check
    def websocket_check(self, flow: http.HTTPFlow, channel: Channel) -> None:
        """Nothing has come for a while: may the connection stand?"""
        self._check_standing(flow, channel)
        channel.settle(None)

    def _check_standing(self, flow: http.HTTPFlow, channel: Channel) -> None:
        """What let the handshake go still holds, and how it ends could be written down.

        Raises:
            CallError: ``stale``, ``ledger`` or ``internal``.
        """
        runtime = self.runtime
        if channel.configuration is not runtime.configuration:
            raise CallError("stale", "the rules changed after the connection was opened")
        if channel.feeds != runtime.feeds.digest:
            raise CallError("stale", "the feeds changed after the connection was opened")
        rule = channel.configuration.policy.rule(channel.decision.rule or "")
        if rule is None or (rule.basis and rule.basis.expired(runtime.today())):
            raise CallError("stale", "the rule's basis has expired")
        if not self._was_released(flow):
            raise CallError("internal", "a message of a call that was not let go")
        runtime.ledger.check()

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        channel = self.runtime.sockets.close(flow)
        if channel and flow.websocket and self._was_released(flow):
            self._outcome(flow, {"status": SWITCHING, **channel.outcome(flow.websocket)})

    # The decision

    def _is_certain(self, flow: http.HTTPFlow) -> bool:
        """True if the head decided.

        A permitted HTTP/2 body of unknown length has to be whole before it can be framed for an HTTP/1
        server, so its release waits for it.
        """
        try:
            decision = flowstate.find(flow, Decision)
        except StageError:
            return True
        if decision is None or decision.action is Action.BLOCK:
            return decision is not None
        if asks(flow):
            return False
        return not flow.request.is_http2 or "content-length" in flow.request.headers

    async def _settle(self, flow: http.HTTPFlow) -> None:
        try:
            decision, pin = self._final(flow), None
            if decision.action is not Action.BLOCK:
                decision, pin = await self._reach(flow, decision)
            await self._write(flow, decision)
            if pin is None:
                self._refuse(flow, decision)
            else:
                self._release(flow, pin)
        except asyncio.CancelledError as e:
            flow.response = placeholder()
            if is_ending():
                raise
            await self._failed(flow, e)
        except KeyboardInterrupt:
            raise
        except BaseException as e:  # noqa: BLE001 - the denial stands, whatever it was
            flow.response = placeholder()
            await self._failed(flow, e)

    def _final(self, flow: http.HTTPFlow) -> Decision:
        """What is done in the end; every stage must have left what its part needs.

        Raises:
            StageError: A stage left nothing, or something odd.
        """
        fault = flowstate.find(flow, Fault)
        if fault:
            decided = flowstate.find(flow, Decision)
            return Decision(rule=decided.rule if decided else None, code=fault.code,
                            reason=fault.detail if fault.code == "unmaskable" else None)  # fmt: skip
        decision = flowstate.read(flow, Decision)
        flowstate.read(flow, Ticket)
        flowstate.read(flow, Known)
        flowstate.read(flow, Located)
        flowstate.read(flow, Carrying)
        if decision.action is not Action.BLOCK and decision.masks:
            flowstate.read(flow, Masked)
        if decision.action is Action.HOLD and flowstate.read(flow, Held).state is not State.USED:
            raise CallError("internal", "a held call without a ruling")
        return decision

    async def _reach(self, flow: http.HTTPFlow, decision: Decision) -> tuple[Decision, Pin | None]:
        """*decision*, and where it leads; no pin, and a block, where the addresses do not permit it, or nobody can sign."""
        try:
            pin = await reach(self.runtime, flow, decision)
            await sign_anew(self.runtime, flow, decision)
        except CallError as e:
            deny(flow, e.code, e.detail)
            return self._final(flow), None
        else:
            return decision, pin

    async def _write(self, flow: http.HTTPFlow, decision: Decision) -> None:
        judged = flowstate.find(flow, seal.Seal)
        record = decision_record(
            flow,
            decision,
            policy=judged.policy if judged else self.runtime.policy_digest,
            overridden=self.runtime.resolver.overridden,
        )
        await self.runtime.ledger.append("decision", record)

    def _release(self, flow: http.HTTPFlow, pin: Pin) -> None:
        """Let the call go. The denial is lifted by the last statement."""
        seal.check(flow, self.runtime.secret, self.runtime.configuration.policy.digest)
        if has_gone(flow.client_conn):
            raise CallError("aborted", "the client has gone")
        masked = flowstate.find(flow, Masked)
        if masked and masked.to_sign:
            flowstate.read(flow, SignedAs)
        request = flow.request
        if request.is_http2 and request.raw_content:
            # mitmproxy 12.2.3 sends an HTTP/2 body to an HTTP/1 server without any framing: request smuggling.
            request.headers["content-length"] = str(len(request.raw_content))
        self.runtime.resolver.release(flow.client_conn.id, pin)
        self._mark(flow, "released")
        # Decided by the head: the body, if there is one, streams. Not before all else is done: mitmproxy cannot answer
        # a call that streams, and a denial would be no answer.
        request.stream = request.raw_content is None
        flow.response = None

    def _refuse(self, flow: http.HTTPFlow, decision: Decision) -> None:
        ticket, located = flowstate.read(flow, Ticket), flowstate.find(flow, Located)
        held, fault = flowstate.find(flow, Held), flowstate.find(flow, Fault)
        code = decision.code or "internal"
        members: dict[str, Plain] = {"rule": decision.rule}
        if located:
            members |= {
                "function": located.destination.called or None,
                "places": located.destination.places.to_plain(),
            }
        if held:
            members["approval"] = held.hold
        if decision.reason:
            members["reason"] = decision.reason
        self._mark(flow, "refused")
        if located is None and self._is_large(flow) and flow.killable:
            # Refused by its head: a body that large is not taken into memory only to be thrown away.
            flow.kill()
            return
        flow.response = problem(
            code,
            decision=ticket.id,
            detail=fault.detail if fault and fault.detail else None,
            retry_after=RETRY_SECONDS if CODES[code].status == 503 else None,  # noqa: PLR2004
            members=members,
        )

    def _is_large(self, flow: http.HTTPFlow) -> bool:
        if flow.request.raw_content is not None:
            return False
        return announced(flow) > MAX_UNKNOWN or "transfer-encoding" in flow.request.headers

    async def _failed(self, flow: http.HTTPFlow, error: BaseException) -> None:
        """The decision could not be written or carried out: say so, and record that much if it can be."""
        code = error.code if isinstance(error, CallError) else "internal"
        if not isinstance(error, CallError):
            logger.error("denied %s: %s in our own code", flow.id, where(error))
        ticket = self._ticket(flow)
        self._mark(flow, "refused")
        flow.response = problem(code, decision=ticket.id)
        if isinstance(error, LedgerError):
            logger.error("denied %s: %s", flow.id, error)
            return
        try:
            await self.runtime.ledger.append("decision", _bare(ticket.id, code))
        except KeyboardInterrupt:
            raise
        except BaseException as e:
            logger.error("no record of %s: %s", flow.id, type(e).__name__)  # noqa: TRY400
            if is_ending():
                raise

    def _ticket(self, flow: http.HTTPFlow) -> Ticket:
        try:
            return flowstate.read(flow, Ticket)
        except CallError:
            ticket = self.runtime.ticket()
            flowstate.write(flow, ticket)
            return ticket

    def _mark(self, flow: http.HTTPFlow, settled: str) -> None:
        flowstate.write(flow, dataclasses.replace(self._ticket(flow), settled=settled))

    # The outcome

    def _was_released(self, flow: http.HTTPFlow) -> bool:
        return flowstate.was_released(flow)

    def _outcome(self, flow: http.HTTPFlow, fields: dict[str, Plain]) -> None:
        """Not waited for: the caller's answer does not depend on it. A failure closes the ledger to the next call."""
        ticket = self._ticket(flow)
        if ticket.settled == "released":
            self._mark(flow, "done")
            seconds = round(time.time() - ticket.at, 3)
            heard = self.attestations.take(flow)
            self.runtime.background(
                self._append_outcome({"decision": ticket.id, "seconds": seconds, **fields}, heard)
            )

    async def _append_outcome(self, fields: dict[str, Plain], heard: Heard | None) -> None:
        said = await self.attestations.told(heard, self.runtime)
        try:
            await self.runtime.ledger.append("outcome", {**fields, **said})
        except LedgerError as e:
            logger.error("no outcome record: %s", e)  # noqa: TRY400


def _returned(flow: http.HTTPFlow) -> dict[str, Plain]:
    """What was done with the answer."""
    returned = flowstate.find(flow, Returned)
    return returned.outcome() if returned else {}


def _bare(decision: str, code: str) -> dict[str, Plain]:
    """The record of a call that could not be recorded as a whole."""
    return {
        "decision": decision,
        "permitted": False,
        "action": Action.BLOCK.value,
        "rule": None,
        "code": code,
        "fault": code,
    }
