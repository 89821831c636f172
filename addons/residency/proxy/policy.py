"""What is done with a call: the one deciding function, asked as early as the answer is certain."""

import asyncio

from mitmproxy import http

from residency.core.body import inspect_body
from residency.core.policy.decide import NEEDS_BODY, PENDING, Carrying, Inputs, decide
from residency.errors import StageError
from residency.proxy import flowstate, seal
from residency.proxy.context import codings_of, is_signed
from residency.proxy.flowstate import Ticket
from residency.proxy.guard import fail_closed
from residency.proxy.identity import Known
from residency.proxy.region import Located
from residency.proxy.stage import Stage

#: Bodies above this many bytes are read in a thread, so that other calls go on meanwhile.
OFF_LOOP = 64 * 1024


class PolicyAddon(Stage):
    """Third stage."""

    name = "residency-policy"
    order = 2

    def inputs(self, flow: http.HTTPFlow, carrying: Carrying) -> Inputs:
        return Inputs(
            caller=flowstate.read(flow, Known).caller,
            method=flow.request.method,
            destination=flowstate.read(flow, Located).destination,
            carrying=carrying,
        )

    async def inspected(self, flow: http.HTTPFlow) -> Carrying:
        """Which regulated fields the body has. Only sets that a rule names are looked for."""
        raw = flow.request.raw_content
        if raw is None:
            return Carrying(state="unread", reason="too-large")
        configuration = self.runtime.configuration
        names = configuration.policy.sets_asked_for
        codings, signed, limit = codings_of(flow), is_signed(flow), self.runtime.body_limit
        if len(raw) <= OFF_LOOP:
            return inspect_body(
                raw, codings, configuration.sets, names, signed=signed, limit=limit
            )
        return await asyncio.to_thread(
            inspect_body, raw, codings, configuration.sets, names, signed=signed, limit=limit
        )

    # Handlers

    @fail_closed
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        decision = decide(
            self.runtime.configuration.policy,
            self.inputs(flow, PENDING),
            flowstate.read(flow, Ticket).day,
        )
        if decision is not NEEDS_BODY:
            flowstate.write(flow, PENDING)
            flowstate.write(flow, decision)
            seal.put(flow, self.runtime.secret)

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        policy = self.runtime.configuration.policy
        # What is inspected now is what may leave later.
        seal.put(flow, self.runtime.secret)
        carrying, day = PENDING, flowstate.read(flow, Ticket).day
        decision = decide(policy, self.inputs(flow, carrying), day)
        if decision is NEEDS_BODY:
            carrying = await self.inspected(flow)
            decision = decide(policy, self.inputs(flow, carrying), day)
        if decision is NEEDS_BODY:
            raise StageError("the body was read and more was asked for")
        flowstate.write(flow, carrying)
        flowstate.write(flow, decision)
