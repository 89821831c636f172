"""A record holds all that a decision was made from, and nothing of the payload."""

import json

from residency.core.policy.decide import Carrying, Decision, Inputs, decide
from residency.core.region.destination import Destination
from residency.proxy import flowstate
from residency.proxy.record import decision_record
from tests.policies import caller
from tests.proxy.conftest import CHAT, Gateway

CANARY = "CANARY4111"


async def test_a_decision_can_be_made_again_from_its_record(ready: Gateway) -> None:
    await ready.call(ready.flow(CHAT, b'{"diagnosis": 1}'))
    found = ready.decisions()[0]
    inputs = Inputs(
        caller=caller(
            *found["caller"]["groups"],
            subject=found["caller"]["subject"],
            issuer=found["caller"]["issuer"],
        ),
        method=found["call"]["method"],
        destination=Destination.from_plain(found["destination"]),
        carrying=Carrying.from_plain(found["carrying"]),
    )
    again = decide(ready.runtime.configuration.policy, inputs, ready.runtime.today())

    assert again == Decision.from_plain(found["decided"])


async def test_no_part_of_the_call_but_names_is_kept(ready: Gateway) -> None:
    await ready.call(
        ready.flow(
            f"{CHAT}?{CANARY}=1", f'{{"model": "gpt-5", "email": "{CANARY}"}}'.encode(), groups=["analytics"],
            x_secret=CANARY, authorization=f"Bearer {CANARY}", cookie=CANARY,
        )
    )  # fmt: skip

    assert CANARY not in json.dumps(ready.records())


async def test_a_stage_that_left_nothing_or_something_odd_leaves_null(ready: Gateway) -> None:
    flow = ready.flow()
    flowstate.write(flow, ready.runtime.ticket())
    flow.metadata["residency.caller"] = {"x": 1}
    found = decision_record(flow, Decision(), policy="p", overridden=frozenset())

    assert (found["caller"], found["destination"], found["permitted"]) == (None, None, False)


async def test_a_demonstrations_override_is_told(ready: Gateway) -> None:
    flow = await ready.call(ready.flow())
    found = decision_record(
        flow, Decision(), policy="p", overridden=frozenset({flow.request.host})
    )

    assert found["resolve"] == "override"


async def test_a_host_is_kept_short(ready: Gateway) -> None:
    flow = ready.flow()
    flow.request.host = "A" * 5000
    await ready.call(flow)

    assert ready.decisions()[0]["call"]["host"] == "a" * 253
