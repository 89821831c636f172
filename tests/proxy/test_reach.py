"""A permitted call is judged once more by the addresses it would reach, and its record says so."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http

from residency.core.mask.sets import MaskSets
from residency.core.places import Area
from residency.core.replay import replay
from residency.errors import CODES
from residency.proxy.reach import Reached
from tests.feeds import aws, mmdb
from tests.proxy.conftest import CHAT, LAMBDA, Gateway, caller_token, problem_of
from tests.proxy.nameserver import Told
from tests.proxy.test_feeds import opened
from tests.proxy.test_hold import held, rule
from tests.proxy.test_sockets import handshake

HERE, THERE = "3.5.1.1", "52.4.1.1"
FEED = aws(("3.5.0.0/16", "eu-central-1"), ("52.4.0.0/16", "us-east-1"))


def tell(gateway: Gateway, *addresses: str) -> Told:
    told = Told({}, *addresses)
    gateway.runtime.resolver.names = told  # type: ignore[assignment]
    return told


@pytest.fixture
async def informed(ready: Gateway, tmp_path: Path) -> Gateway:
    """A gateway with the feeds of one provider."""
    ready.runtime.feeds = await opened(tmp_path / "feeds", FEED)
    return ready


def evidence(record: dict[str, Any]) -> list[str]:
    return [e["says"] for e in record["destination"]["evidence"] if e["kind"] == "address"]


def decided_again(gateway: Gateway, record: dict[str, Any]) -> str:
    configuration = gateway.runtime.configuration
    sets: MaskSets = configuration.sets
    return replay(configuration.policy, sets, record, gateway.runtime.today()).verdict


async def test_a_confirmed_region_is_verified_in_the_record(informed: Gateway) -> None:
    tell(informed, HERE)
    flow = await informed.call(informed.flow(LAMBDA))
    (record,) = informed.decisions()

    assert flow.response is None
    assert (record["destination"]["status"], record["addresses"]) == ("verified", [HERE])
    assert evidence(record) == [f"{HERE}: aws eu-central-1"]
    assert decided_again(informed, record) == "same"


async def test_an_address_in_another_region_refuses_the_call(informed: Gateway) -> None:
    tell(informed, THERE)
    flow = await informed.call(informed.flow(LAMBDA))
    (record,) = informed.decisions()

    assert problem_of(flow)["code"] == "address-conflict"
    assert problem_of(flow)["places"] == ["DE", "US"]
    assert flow.response is not None
    assert flow.response.status_code == 451
    assert (record["permitted"], record["code"], record["addresses"]) == (False, "address-conflict", [THERE])  # fmt: skip
    assert record["destination"]["status"] == "conflict"
    assert evidence(record) == [f"{THERE}: aws us-east-1"]
    assert decided_again(informed, record) == "same"


async def test_b7_one_of_several_addresses_elsewhere_is_enough(informed: Gateway) -> None:
    tell(informed, HERE, THERE)
    flow = await informed.call(informed.flow(LAMBDA))

    assert problem_of(flow)["code"] == "address-conflict"


async def test_a_refused_address_is_not_connected_to(informed: Gateway) -> None:
    tell(informed, THERE)
    flow = await informed.call(informed.flow(LAMBDA))

    assert not informed.runtime.resolver.may_connect(
        flow.client_conn.id, (flow.request.host, flow.request.port)
    )


async def test_without_feeds_an_address_is_recorded_and_weighs_nothing(ready: Gateway) -> None:
    tell(ready, THERE)
    flow = await ready.call(ready.flow(LAMBDA))
    (record,) = ready.decisions()

    assert flow.response is None
    assert (record["destination"]["status"], record["addresses"]) == ("declared", [THERE])
    assert evidence(record) == []


async def test_an_address_of_which_nothing_is_known_changes_nothing(informed: Gateway) -> None:
    tell(informed, "9.9.9.9")
    flow = await informed.call(informed.flow(LAMBDA))

    assert flow.response is None
    assert informed.decisions()[0]["destination"]["status"] == "declared"


@pytest.mark.parametrize("url", [CHAT, LAMBDA])
async def test_b13_nothing_is_looked_up_for_a_call_that_is_refused(
    informed: Gateway, url: str
) -> None:
    told = tell(informed, HERE)
    await informed.call(informed.flow(url, groups=["nobody"]))
    await informed.call(informed.flow(url, proof=""))
    await informed.hook("http_connect", informed.flow(url))

    assert told.asked == []


async def test_a_name_without_address_is_told_and_recorded(ready: Gateway) -> None:
    tell(ready)
    flow = await ready.call(ready.flow(LAMBDA))
    (record,) = ready.decisions()

    assert problem_of(flow)["code"] == "name-unknown"
    assert flow.response is not None
    assert flow.response.status_code == CODES["name-unknown"].status == 502
    assert (record["permitted"], record["code"], record["caller"]["subject"]) == (False, "name-unknown", "billing")  # fmt: skip
    assert decided_again(ready, record) == "same"


async def test_an_unfit_address_is_told_and_recorded(ready: Gateway) -> None:
    tell(ready, "169.254.169.254")
    flow = await ready.call(ready.flow(LAMBDA))
    (record,) = ready.decisions()

    assert problem_of(flow)["code"] == record["code"] == "address-refused"
    assert "169.254" not in str(problem_of(flow))


async def test_a_second_call_of_the_connection_needs_no_new_look_up(informed: Gateway) -> None:
    told = tell(informed, HERE)
    first = await informed.call(informed.flow(LAMBDA))
    second = informed.flow(LAMBDA)
    second.client_conn.id = first.client_conn.id
    await informed.call(second)

    assert len(told.asked) == 1
    assert [r["destination"]["status"] for r in informed.decisions()] == ["verified", "verified"]


async def test_a_look_up_that_fails_in_our_own_code_denies(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise KeyError

    monkeypatch.setattr(ready.runtime.resolver, "pin", fail)
    flow: http.HTTPFlow = await ready.call(ready.flow(LAMBDA))

    assert flow.response is not None
    assert flow.response.status_code == 500
    assert ready.decisions()[-1]["permitted"] is False


async def test_feeds_that_fail_in_our_own_code_deny(
    informed: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RecursionError

    monkeypatch.setattr("residency.proxy.reach.weigh", fail)
    flow = await informed.call(informed.flow(LAMBDA))

    assert flow.response is not None
    assert flow.response.status_code == 500


def test_an_odd_record_of_addresses_is_refused() -> None:
    assert Reached.from_plain(Reached(addresses=("1.1.1.1",)).to_plain()) == Reached(addresses=("1.1.1.1",))  # fmt: skip
    for plain in ({"addresses": "x"}, {"addresses": [1]}):
        with pytest.raises(TypeError):
            Reached.from_plain(plain)


# What an address makes of a decision


async def located_in(gateway: Gateway, country: str, folder: Path) -> None:
    gateway.runtime.feeds = await opened(folder, mmdb({"9.0.0.0/8": {"country_code": country}}))
    tell(gateway, "9.9.9.9")


async def test_a_place_that_joins_and_changes_nothing_lets_the_call_go(
    ready: Gateway, tmp_path: Path
) -> None:
    await located_in(ready, "DE", tmp_path)
    flow = await ready.call(ready.flow(CHAT, b'{"model": "gpt-5"}'))
    (record,) = ready.decisions()

    assert flow.response is None
    assert (record["rule"], record["destination"]["places"]) == ("clean-calls-may-use-us-models", ["DE", "US"])  # fmt: skip
    assert decided_again(ready, record) == "same"


async def test_a_call_that_would_now_be_held_is_refused_and_recorded_so(
    ready: Gateway, tmp_path: Path
) -> None:
    await located_in(ready, "CA", tmp_path)
    flow = await ready.call(ready.flow(CHAT, b'{"model": "gpt-5"}'))
    (record,) = ready.decisions()

    assert problem_of(flow)["code"] == "address-conflict"
    assert (record["decided"]["rule"], record["permitted"]) == ("ask-compliance", False)
    assert decided_again(ready, record) == "same"


async def test_a_call_whose_head_had_decided_and_whose_body_would_now_be_needed_is_refused(
    ready: Gateway, tmp_path: Path
) -> None:
    await located_in(ready, "US", tmp_path)
    flow = await ready.call(ready.flow(LAMBDA))
    (record,) = ready.decisions()

    assert problem_of(flow)["code"] == "address-conflict"
    assert (record["decided"], record["permitted"]) == (None, False)
    assert decided_again(ready, record) == "same"


async def test_a_masked_call_stays_masked(ready: Gateway, tmp_path: Path) -> None:
    await located_in(ready, "CA", tmp_path)
    flow = await ready.call(
        ready.flow(CHAT, b'{"model": "gpt-5", "email": "a@b.example"}', groups=["analytics"])
    )

    assert flow.response is None
    assert b"a@b.example" not in (flow.request.raw_content or b"")


@pytest.mark.parametrize(("country", "opens"), [("FR", True), ("US", False)])
async def test_d12_an_address_opens_no_websocket_past_a_rule_about_data(
    ready: Gateway, tmp_path: Path, country: str, *, opens: bool
) -> None:
    """A handshake has no body. Its messages may have what is forbidden where the address says they may end."""
    now = ready.runtime.configuration
    rule_of = now.policy.rule
    health, masked = rule_of("no-health-data-abroad"), rule_of("masked-to-models-abroad")
    assert health
    assert masked
    rules = (
        dataclasses.replace(health, to=Area(frozenset({"US"}))),
        dataclasses.replace(masked, functions=None, websockets=True),
    )
    policy = dataclasses.replace(now.policy, rules=rules)
    ready.runtime._configuration = dataclasses.replace(now, policy=policy)
    await located_in(ready, country, tmp_path)
    flow = handshake(ready)
    proof = caller_token(groups=["analytics"])
    flow.request.headers["proxy-authorization"] = f"Bearer {proof}"
    await ready.call(flow)
    (record,) = ready.decisions()

    assert (flow.response is None) is opens
    assert record["permitted"] is opens
    assert decided_again(ready, record) == "same"
    if not opens:
        assert problem_of(flow)["code"] == "address-conflict"
        assert record["decided"]["code"] == "upgrade-refused"


@pytest.mark.parametrize(("country", "leaves"), [("US", True), ("CA", False)])
async def test_an_approval_counts_for_the_places_that_were_shown(
    ready: Gateway, tmp_path: Path, country: str, *, leaves: bool
) -> None:
    await located_in(ready, country, tmp_path)
    flow, task, id_ = await held(ready)
    await rule(ready, id_)
    await task
    record = ready.decisions()[-1]

    assert (flow.response is None) is leaves
    assert record["code"] == ("held" if leaves else "address-conflict")
    assert decided_again(ready, record) == "same"


async def test_nothing_is_looked_up_while_a_call_is_held(ready: Gateway) -> None:
    told = tell(ready, HERE)
    _, task, id_ = await held(ready)
    assert told.asked == []

    await rule(ready, id_)
    await task
    assert told.asked == ["us.api.openai.com"]


async def test_nothing_is_looked_up_for_a_call_that_was_changed_after_its_judgement(
    ready: Gateway,
) -> None:
    told, flow = tell(ready, HERE), ready.flow(LAMBDA)
    await ready.hook("requestheaders", flow, "front", "identity", "region", "policy")
    flow.request.path = "/elsewhere"
    await ready.hook("requestheaders", flow, "audit")

    assert problem_of(flow)["code"] == "stale"
    assert told.asked == []


async def test_a_call_that_changed_during_its_look_up_does_not_go(
    ready: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = ready.flow(LAMBDA)
    pin = ready.runtime.resolver.pin

    async def slow(*target: Any) -> Any:
        flow.request.path = "/elsewhere"
        return await pin(*target)

    monkeypatch.setattr(ready.runtime.resolver, "pin", slow)
    await ready.call(flow)

    assert problem_of(flow)["code"] == "stale"
