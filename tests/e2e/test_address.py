"""THREATS B7, B9, B13 through the real gateway and a DNS server on loopback: what was judged is what it connects to."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from residency import feeds
from scripts.lab.gateway import Gateway, GatewayFailed
from scripts.lab.world import Lab
from tests.e2e.conftest import eventually, record_of, records
from tests.e2e.wire import Answer, Wire, read, request
from tests.feeds import aws, mmdb
from tests.proxy.nameserver import NameServer, Zone
from tests.test_feeds import put

LAMBDA = "lambda.eu-central-1.amazonaws.com"
INVOKE = "/2015-03-31/functions/score-customer/invocations"
PRIVATE = "functions.private.example.com"
FEED = aws(("127.0.0.0/16", "eu-central-1"), ("3.5.0.0/16", "eu-central-1"), ("52.4.0.0/16", "us-east-1"))  # fmt: skip


@pytest.fixture(scope="module")
def house() -> Iterator[Lab]:
    """A lab whose private host is where its far side listens."""

    def edit(rules: Path) -> None:
        text = (rules / "destinations.yaml").read_text()
        text = text.replace("places: [DE]\n    ports: [443,", f"provider: aws\n    regions: [eu-central-1]\n    ports: [443, {lab.upstream.ports[PRIVATE]},")  # fmt: skip
        assert "regions: [eu-central-1]" in text
        (rules / "destinations.yaml").write_text(text)

    lab = Lab(hosts=[PRIVATE], edit=edit)
    with lab:
        yield lab


@pytest.fixture
def zone(house: Lab) -> Zone:
    house.upstream.clear()
    return Zone()


@pytest.fixture
def server(zone: Zone) -> Iterator[NameServer]:
    with NameServer(zone) as server:
        yield server


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    put(tmp_path / "feeds", FEED)
    return tmp_path / "feeds"


def start(house: Lab, server: NameServer, *settings: str, **more: Any) -> Gateway:
    chosen = (f"residency_dns={server.entry}", *settings)
    extra = tuple(part for setting in chosen for part in ("--set", setting))
    return house.start(**({"resolve": (), "extra_args": extra} | more))


@pytest.fixture
def gateway(house: Lab, server: NameServer) -> Iterator[Gateway]:
    with start(house, server) as gateway:
        yield gateway


@pytest.fixture
def informed(house: Lab, server: NameServer, folder: Path) -> Iterator[Gateway]:
    """A gateway with feeds."""
    with start(house, server, f"residency_feeds={folder}") as gateway:
        yield gateway


def wire(house: Lab, gateway: Gateway, group: str = "eu-services") -> Wire:
    return Wire(gateway.port, gateway.ca_file, house.token(group))


def private(house: Lab, gateway: Gateway) -> Answer:
    port = house.upstream.ports[PRIVATE]
    target = f"{PRIVATE}:{port}"
    return wire(house, gateway).send(PRIVATE, request(target, "/x", b"{}"), port=port)


def told(gateway: Gateway, answer: Answer) -> tuple[dict[str, Any], dict[str, Any]]:
    """The refusal that the caller reads, and its record."""
    return json.loads(answer.body), record_of(gateway, answer.headers["residency-decision"])


def test_a_name_is_looked_up_by_the_gateways_own_servers(
    house: Lab, zone: Zone, gateway: Gateway
) -> None:
    zone.names[PRIVATE] = ["0 CNAME far.test.", "0 OWNER far.test", "0 A 127.0.0.1"]

    assert private(house, gateway).status == 200
    assert eventually(lambda: records(gateway))[-1]["addresses"] == ["127.0.0.1"]
    assert len(house.upstream.requests) == 1


def test_b7_a_name_that_rebinds_leads_an_open_connection_nowhere_else(
    house: Lab, zone: Zone, gateway: Gateway
) -> None:
    zone.names[PRIVATE] = ["0 A 127.0.0.1"]
    port = house.upstream.ports[PRIVATE]
    with wire(house, gateway).tls(PRIVATE, port=port) as sock:
        for _ in range(3):
            sock.sendall(request(f"{PRIVATE}:{port}", "/x", b"{}"))
            assert read(sock).status == 200
            zone.names[PRIVATE] = ["0 A 169.254.169.254"]

    assert {name for name, _, _ in zone.asked} == {PRIVATE}
    assert len(zone.asked) == 2
    assert len(house.upstream.requests) == 3


@pytest.mark.parametrize(
    "said",
    [["60 A 127.0.0.1"], ["60 A 169.254.169.254"], ["60 A 3.5.1.1", "60 A 10.0.0.1"], ["60 AAAA fd00:ec2::254"]],
    ids=["loopback", "metadata", "one of two", "metadata by IPv6"],
)  # fmt: skip
def test_b9_a_public_name_of_a_private_address_is_refused_and_recorded(
    house: Lab, zone: Zone, gateway: Gateway, said: list[str]
) -> None:
    zone.names[LAMBDA] = said
    problem, record = told(gateway, wire(house, gateway).post(LAMBDA, INVOKE, b"{}"))

    assert problem["code"] == record["code"] == "address-refused"
    assert house.upstream.accepts == 0


@pytest.mark.parametrize(
    ("said", "code", "status"),
    [("NXDOMAIN", "name-unknown", 502), ([], "name-unknown", 502), ("SERVFAIL", "name-unavailable", 503), (["60 CNAME " + LAMBDA + "."], "name-unknown", 502)],
    ids=["no such name", "no address", "a failing server", "a loop"],
)  # fmt: skip
def test_a_name_without_address_is_told_inside_the_tunnel(
    house: Lab, zone: Zone, gateway: Gateway, said: list[str] | str, code: str, status: int
) -> None:
    zone.names[LAMBDA] = said
    answer = wire(house, gateway).post(LAMBDA, INVOKE, b"{}")
    problem, record = told(gateway, answer)

    if "CNAME" in str(said):
        assert problem["code"].startswith("name-")
    else:
        assert (answer.status, problem["code"], record["code"]) == (status, code, code)
    assert ("retry-after" in answer.headers) is (answer.status == 503)


def test_b13_nothing_is_asked_for_a_refused_call(house: Lab, zone: Zone, gateway: Gateway) -> None:
    nobody = wire(house, gateway, "nobody")

    assert nobody.post(LAMBDA, INVOKE, b"{}").status == 451
    assert nobody.post("data-in-a-name.evil.example", "/", b"{}").status == 451
    assert zone.asked == []


def test_a_feed_that_confirms_the_region_verifies_it(
    house: Lab, zone: Zone, informed: Gateway
) -> None:
    zone.names[PRIVATE] = ["0 A 127.0.0.1"]

    assert private(house, informed).status == 200
    destination = eventually(lambda: records(informed))[-1]["destination"]
    assert destination["status"] == "verified"
    assert destination["evidence"][-1]["says"] == "127.0.0.1: aws eu-central-1"


def test_a_feed_that_contradicts_the_region_refuses_the_call_and_nothing_is_dialled(
    house: Lab, zone: Zone, informed: Gateway
) -> None:
    zone.names[LAMBDA] = ["60 A 3.5.1.1", "60 A 52.4.1.1"]
    answer = wire(house, informed).post(LAMBDA, INVOKE, b"{}")
    problem, record = told(informed, answer)

    assert (answer.status, problem["code"], problem["places"]) == (451, "address-conflict", ["DE", "US"])  # fmt: skip
    assert record["addresses"] == ["3.5.1.1", "52.4.1.1"]
    assert record["destination"]["status"] == "conflict"
    assert "server connect" not in informed.output()


@pytest.mark.slow
def test_a_change_of_the_feeds_takes_effect_while_the_gateway_runs(
    house: Lab, zone: Zone, informed: Gateway, folder: Path
) -> None:
    zone.names[PRIVATE] = ["0 A 127.0.0.1"]
    assert private(house, informed).status == 200
    put(folder, mmdb({"127.0.0.0/8": {"country": {"iso_code": "US"}}}), aws(("127.0.0.0/16", "us-east-1")))  # fmt: skip
    (change,) = eventually(lambda: records(informed, "feeds"))
    answer = private(house, informed)

    assert change["feeds"] == feeds.load(folder).digest
    assert told(informed, answer)[0]["code"] == "address-conflict"


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ("residency_resolve=api.test=127.0.0.1:1", "goes around residency_feeds"),
        ("residency_feeds=nowhere", "has no feeds"),
        ("residency_dns=dns.test", "is not ADDRESS"),
    ],
)
def test_what_cannot_be_used_ends_the_start(
    house: Lab, server: NameServer, folder: Path, setting: str, reason: str
) -> None:
    usual = {"residency_dns": server.entry, "residency_feeds": str(folder)}
    chosen = usual | dict([setting.split("=", 1)])
    extra = tuple(part for name, value in chosen.items() for part in ("--set", f"{name}={value}"))
    with pytest.raises(GatewayFailed, match=reason):
        house.start(resolve=(), extra_args=extra)


def test_a_peer_that_was_not_judged_gets_no_byte(
    house: Lab, zone: Zone, server: NameServer
) -> None:
    """Whatever goes between the judgement and the socket, the connection ends before TLS begins."""
    zone.names[PRIVATE] = ["0 A 127.0.0.1"]
    meddler = str(Path(__file__).with_name("elsewhere.py"))
    listening = socket.create_server(("127.0.0.2", house.upstream.ports[PRIVATE]))
    with (
        listening,
        start(house, server, f"residency_extra_scripts={meddler}", scripts=("addons/chain.py", meddler)) as gateway,
    ):  # fmt: skip
        listening.settimeout(30)
        assert private(house, gateway).status in (0, 502)
        peer, _ = listening.accept()
        with peer:
            peer.settimeout(30)
            try:
                received = peer.recv(100)
            except ConnectionResetError:
                received = b""

        assert received == b""
        assert eventually(lambda: "was not judged" in gateway.output())
    assert house.upstream.accepts == 0
