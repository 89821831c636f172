"""A permitted call, judged once more by the addresses that it would reach.

Its target is looked up here and no earlier: after the decision, and after a ruling if it was held. With feeds, what
they say of the addresses is weighed, and the same function decides again. Any other answer than before refuses the
call, and both the addresses and what they made of it are in its record.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from mitmproxy import http

from residency.core.plain import Plain
from residency.core.policy.decide import Carrying, Decision, Inputs, Undecided, decide
from residency.core.policy.rule import Action
from residency.core.region.address import weigh
from residency.core.region.destination import Destination
from residency.errors import CallError
from residency.proxy import flowstate, seal
from residency.proxy.flowstate import Ticket
from residency.proxy.identity import Known
from residency.proxy.region import Located
from residency.proxy.resolver import Pin
from residency.proxy.sockets import asks

if TYPE_CHECKING:
    from residency.proxy.runtime import Runtime

#: How many addresses a record keeps.
MAX_RECORDED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """The addresses that a call may reach."""

    stage: ClassVar[str] = "reached"

    addresses: tuple[str, ...]

    def to_plain(self) -> dict[str, Plain]:
        return {"addresses": list(self.addresses)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        addresses = plain["addresses"]
        if not isinstance(addresses, list) or not all(isinstance(a, str) for a in addresses):
            raise TypeError("reached: addresses must be texts")
        return cls(addresses=tuple(str(a) for a in addresses))


async def reach(runtime: "Runtime", flow: http.HTTPFlow, decision: Decision) -> Pin:
    """Where the call leads that *decision* permits.

    Raises:
        CallError: ``address-conflict``: with these addresses it would not be decided so. Else as ``Resolver.pin``, and
            ``stale``: call or rules have changed since it was judged.
    """
    seal.check(flow, runtime.secret, runtime.configuration.policy.digest)
    request = flow.request
    pin = await runtime.resolver.pin(flow.client_conn.id, (request.host, request.port))
    flowstate.write(flow, Reached(addresses=pin.judged[:MAX_RECORDED]))
    said = runtime.feeds.said(pin.judged)
    if said:
        located = flowstate.read(flow, Located)
        weighed = weigh(located.destination, said, runtime.configuration.atlas)
        flowstate.write(flow, Located(host=located.host, destination=weighed))
        again = _again(runtime, flow, weighed)
        if again != decision or _approved_less(decision, located.destination, weighed):
            # The record is to say what is decided of the destination that it shows.
            if isinstance(again, Undecided):
                flowstate.drop(flow, Decision)
            else:
                flowstate.write(flow, again)
            raise CallError("address-conflict")
    return pin


def _again(
    runtime: "Runtime", flow: http.HTTPFlow, destination: Destination
) -> Decision | Undecided:
    inputs = Inputs(
        caller=flowstate.read(flow, Known).caller,
        method=flow.request.method,
        destination=destination,
        carrying=flowstate.read(flow, Carrying),
        websocket=asks(flow),
    )
    return decide(runtime.configuration.policy, inputs, flowstate.read(flow, Ticket).day)


def _approved_less(decision: Decision, shown: Destination, weighed: Destination) -> bool:
    """Whether an approver was shown fewer places, or no conflict."""
    widened = weighed.places != shown.places or weighed.status == "conflict" != shown.status
    return decision.action is Action.HOLD and widened
