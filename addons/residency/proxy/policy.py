"""What is done with a call: the one deciding function, asked as early as the answer is certain."""

from mitmproxy import http

from residency.core.body import inspect_body
from residency.core.configuration import Configuration
from residency.core.policy.decide import (
    NEEDS_BODY,
    PENDING,
    Carrying,
    Inputs,
    decide,
)
from residency.errors import StageError
from residency.proxy import flowstate, seal
from residency.proxy.context import content_of, weight_of
from residency.proxy.flowstate import Ticket
from residency.proxy.guard import fail_closed
from residency.proxy.identity import Known
from residency.proxy.region import Located
from residency.proxy.sockets import asks
from residency.proxy.stage import Stage


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
            websocket=asks(flow),
        )

    async def inspected(self, flow: http.HTTPFlow, configuration: Configuration) -> Carrying:
        """Which regulated fields the body has. Only sets that a rule names are looked for."""
        raw = flow.request.raw_content
        if raw is None:
            return Carrying(state="unread", reason="too-large")
        return await self.runtime.read(
            weight_of(flow),
            inspect_body,
            content_of(flow, raw),
            configuration.sets,
            configuration.policy.sets_asked_for,
            limit=self.runtime.read_limit,
        )

    # Handlers

    @fail_closed
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        policy = self.runtime.configuration.policy
        day = flowstate.read(flow, Ticket).day
        decision = decide(policy, self.inputs(flow, PENDING), day)
        if decision is not NEEDS_BODY:
            flowstate.write(flow, PENDING)
            flowstate.write(flow, decision)
            seal.put(flow, self.runtime.secret, policy.digest)

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        configuration = self.runtime.configuration
        policy, day = configuration.policy, flowstate.read(flow, Ticket).day
        seal.check(flow, self.runtime.secret, policy.digest)
        carrying = PENDING
        decision = decide(policy, self.inputs(flow, carrying), day)
        if decision is NEEDS_BODY:
            carrying = await self.inspected(flow, configuration)
            decision = decide(policy, self.inputs(flow, carrying), day)
        if decision is NEEDS_BODY:
            raise StageError("the body was read and more was asked for")
        flowstate.write(flow, carrying)
        flowstate.write(flow, decision)
