"""What one stage hands to the next is plain, survives saving, and is a denial if it is missing or odd."""

import io
from collections.abc import Mapping
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy import io as flow_io
from mitmproxy.test import tflow

from residency.core.hold import State
from residency.core.identity import Caller
from residency.core.places import Places
from residency.core.plain import Plain
from residency.core.policy.decide import Carrying, Decision
from residency.core.policy.rule import Action
from residency.core.region.destination import Destination, Evidence
from residency.errors import StageError
from residency.proxy import flowstate
from residency.proxy.flowstate import Ticket
from residency.proxy.guard import Fault
from residency.proxy.hold import Held
from residency.proxy.identity import Known
from residency.proxy.mask import Masked
from residency.proxy.region import Located
from residency.proxy.seal import Seal

RECORDS: list[Any] = [
    Ticket(id="0" * 32, at=1795000000.125),
    Ticket(id="0" * 32, at=1.0, settled="released"),
    Known(caller=Caller(issuer="i", subject="é\u202e", groups=("a", "b"), expires=1795000000.0)),
    Located(host="a.test", destination=Destination()),
    Located(
        host="a.test",
        destination=Destination(
            provider="aws",
            function="aws:lambda:?",
            regions=("eu-west-1",),
            places=Places(frozenset({"DE", "FR"})),
            status="declared",
            evidence=(Evidence("host", "x", "y"),),
            entry="e",
            provisional=True,
        ),
    ),
    Carrying(state="read", counts={"personal-data": {"$..email": 2}}, signed=True),
    Carrying(state="unread", reason="not-json"),
    Decision(),
    Decision(action=Action.MASK, rule="r", code=None, masks=("personal-data",)),
    Masked(counts={"personal-data": {"$..email": 2**40}}),
    Held(hold="0" * 32, state=State.USED, rulings=({"approve": True, "reason": "x", "at": 1.5},)),
    Fault(code="internal", detail="ValueError"),
    Seal(digest="ab", policy="p"),
]
NAMES = [f"{i}-{type(r).__name__}" for i, r in enumerate(RECORDS)]


def saved(flow: http.HTTPFlow) -> http.HTTPFlow:
    file = io.BytesIO()
    flow_io.FlowWriter(file).add(flow)
    file.seek(0)
    found = next(iter(flow_io.FlowReader(file).stream()))
    assert isinstance(found, http.HTTPFlow)
    return found


@pytest.mark.parametrize("record", RECORDS, ids=NAMES)
def test_a_record_survives_saving_and_loading(record: Any) -> None:
    flow = tflow.tflow()
    flowstate.write(flow, record)

    assert flowstate.read(saved(flow), type(record)) == record


@pytest.mark.parametrize("kind", dict.fromkeys(map(type, RECORDS)), ids=lambda k: k.__name__)
def test_a_missing_record_is_an_error(kind: Any) -> None:
    with pytest.raises(StageError, match=f"no {kind.stage} record"):
        flowstate.read(tflow.tflow(), kind)


@pytest.mark.parametrize("record", RECORDS, ids=NAMES)
@pytest.mark.parametrize("odd", [None, {}, [], "x", 1, {"x": 1}])
def test_an_odd_record_is_an_error(record: Any, odd: Any) -> None:
    flow = tflow.tflow()
    flow.metadata[flowstate.PREFIX + record.stage] = odd

    with pytest.raises(StageError):
        flowstate.read(flow, type(record))


@pytest.mark.parametrize("record", RECORDS, ids=NAMES)
def test_a_record_with_any_part_of_a_wrong_type_is_an_error(record: Any) -> None:
    """Metadata can be edited at a console: a part that is another type must never be taken."""
    taken = []
    for key in record.to_plain():
        flow = tflow.tflow()
        flow.metadata[flowstate.PREFIX + record.stage] = record.to_plain() | {key: object()}
        try:
            flowstate.read(flow, type(record))
            taken.append(key)
        except StageError:
            pass

    assert taken == []


def test_an_odd_record_is_not_taken_for_none() -> None:
    flow = tflow.tflow()
    flow.metadata["residency.fault"] = 1

    with pytest.raises(StageError):
        flowstate.find(flow, Fault)


def test_a_record_that_is_not_there_may_be_none() -> None:
    assert flowstate.find(tflow.tflow(), Fault) is None


def test_clearing_forgets_every_record_of_ours_and_no_other() -> None:
    flow = tflow.tflow()
    for record in RECORDS:
        flowstate.write(flow, record)
    flow.metadata["residency.from-a-later-version"] = 1
    flow.metadata["other"] = 1
    flowstate.clear(flow)

    assert flow.metadata == {"other": 1}


@pytest.mark.parametrize(
    ("plain", "settled"),
    [
        (None, False),
        ("released", False),
        ({}, False),
        ({"settled": ""}, False),
        ({"settled": "released"}, True),
        ({"settled": "refused"}, True),
    ],
)
def test_a_call_is_settled_once_its_ticket_says_so(plain: Any, *, settled: bool) -> None:
    flow = tflow.tflow()
    flow.metadata["residency.ticket"] = plain

    assert flowstate.is_settled(flow) is settled


def test_the_stages_write_under_different_names() -> None:
    kinds = {type(r) for r in RECORDS}

    assert len({k.stage for k in kinds}) == len(kinds)


def test_a_record_holds_plain_values_alone() -> None:
    def plain(value: Plain) -> bool:
        if isinstance(value, Mapping):
            return type(value) is dict and all(
                isinstance(k, str) and plain(v) for k, v in value.items()
            )
        if isinstance(value, list):
            return all(map(plain, value))
        return value is None or type(value) in (bool, int, float, str)

    assert all(plain(r.to_plain()) for r in RECORDS)
