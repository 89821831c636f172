"""One answer for a name, whatever DNS does: rebinding, loops, truncation, silence."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from residency.errors import CallError, ResidencyError
from residency.proxy import names as module
from residency.proxy.names import MAX_TTL, MIN_TTL, Names
from tests.proxy.nameserver import NameServer, Zone, unused_port


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def zone() -> Zone:
    return Zone()


@pytest.fixture
def server(zone: Zone) -> Iterator[NameServer]:
    with NameServer(zone) as server:
        yield server


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def names(server: NameServer, clock: Clock, tmp_path: Path) -> Names:
    return Names([server.entry], clock=clock, hosts=tmp_path / "hosts")


async def ask(names: Names, host: str = "api.test") -> tuple[str, ...]:
    return (await names.addresses(host)).addresses


async def test_both_families_ipv4_first(names: Names, zone: Zone) -> None:
    zone.names["api.test"] = ["60 AAAA 2606:4700::1", "60 A 8.8.8.8", "60 A 9.9.9.9"]

    assert await ask(names) == ("8.8.8.8", "9.9.9.9", "2606:4700::1")


async def test_a_name_with_ipv6_alone(names: Names, zone: Zone) -> None:
    zone.names["api.test"] = ["60 AAAA 2606:4700::1"]

    assert await ask(names) == ("2606:4700::1",)


async def test_b7_a_rebinding_name_has_one_answer_for_its_ttl(
    names: Names, zone: Zone, clock: Clock
) -> None:
    answers = iter([["60 A 8.8.8.8"], ["60 A 8.8.8.8"], ["60 A 9.9.9.9"], ["60 A 9.9.9.9"]])
    zone.names["api.test"] = lambda: next(answers)

    assert await ask(names) == ("8.8.8.8",)
    clock.now += 59
    assert await ask(names) == ("8.8.8.8",)
    clock.now += 1
    assert await ask(names) == ("9.9.9.9",)


@pytest.mark.parametrize(("ttl", "kept"), [(0, MIN_TTL), (10, 10), (1 << 30, MAX_TTL)])
async def test_an_answer_is_kept_within_bounds(
    names: Names, zone: Zone, clock: Clock, ttl: int, kept: float
) -> None:
    zone.names["api.test"] = [f"{ttl} A 8.8.8.8"]

    assert (await names.addresses("api.test")).expires == clock.now + kept


async def test_the_shortest_ttl_of_a_chain_counts(names: Names, zone: Zone, clock: Clock) -> None:
    zone.names["api.test"] = ["20 CNAME edge.test.", "0 OWNER edge.test", "90 A 8.8.8.8"]

    answer = await names.addresses("api.test")
    assert answer.expires == clock.now + 20
    assert answer.addresses == ("8.8.8.8",)


async def test_a_chain_that_the_server_leaves_to_us_is_followed(names: Names, zone: Zone) -> None:
    zone.names |= {
        "api.test": ["60 CNAME edge.test."],
        "edge.test": ["60 CNAME far.test."],
        "far.test": ["60 A 8.8.8.8"],
    }

    assert await ask(names) == ("8.8.8.8",)


@pytest.mark.parametrize(
    "chain",
    [
        {"api.test": ["60 CNAME b.test."], "b.test": ["60 CNAME api.test."]},
        {"api.test": ["60 CNAME api.test."]},
        {f"{'x' * i}api.test": [f"60 CNAME {'x' * (i + 1)}api.test."] for i in range(30)},
        {"api.test": ["60 CNAME b.test.", "0 OWNER b.test", "60 CNAME api.test."]},
    ],
    ids=["to each other", "to itself", "without end", "in one answer"],
)
async def test_a_cname_loop_ends_in_no_address(
    names: Names, zone: Zone, chain: dict[str, list[str]]
) -> None:
    zone.names |= chain
    with pytest.raises(CallError, match="name-"):
        await ask(names)

    assert len(zone.asked) < 40


async def test_a_truncated_answer_is_asked_for_by_tcp(names: Names, zone: Zone) -> None:
    zone.truncate = True
    zone.names["api.test"] = [f"60 A 8.8.8.{i}" for i in range(60)]

    assert len(await ask(names)) == 60
    assert ("api.test", "A", "tcp") in zone.asked


async def test_more_addresses_than_a_name_can_have_are_none(names: Names, zone: Zone) -> None:
    zone.names["api.test"] = [f"60 A 8.8.{i // 250}.{i % 250}" for i in range(400)]

    with pytest.raises(CallError, match="name-unavailable"):
        await ask(names)


@pytest.mark.parametrize("said", ["NXDOMAIN", [], ["60 TXT x"]])
async def test_a_name_without_address_is_unknown_and_not_asked_for_at_once_again(
    names: Names, zone: Zone, clock: Clock, said: list[str] | str
) -> None:
    zone.names["api.test"] = said
    for _ in range(2):
        with pytest.raises(CallError, match="name-unknown"):
            await ask(names)
    assert len(zone.asked) == 2
    zone.names["api.test"] = ["60 A 8.8.8.8"]
    clock.now += module.UNKNOWN_TTL

    assert await ask(names) == ("8.8.8.8",)


@pytest.mark.parametrize("said", ["SERVFAIL", "REFUSED", None])
async def test_a_server_that_fails_or_is_silent_is_no_answer(
    names: Names, zone: Zone, said: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIFETIME", 0.3)
    zone.names["api.test"] = said

    with pytest.raises(CallError, match="name-unavailable"):
        await ask(names)


async def test_a_server_that_is_not_there_is_no_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIFETIME", 0.3)
    names = Names([f"127.0.0.1:{unused_port()}"], hosts=tmp_path / "hosts")

    with pytest.raises(CallError, match="name-unavailable"):
        await ask(names)


async def test_a_family_that_stays_silent_does_not_keep_the_other_waiting(
    names: Names, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LIFETIME", 3600.0)
    monkeypatch.setattr(module, "TIMEOUT", 3600.0)
    turns = iter(range(99))
    zone.names["api.test"] = lambda: (
        ["60 A 8.8.8.8"] if zone.asked[-1][1] == "A" and next(turns) >= 0 else None
    )
    async with asyncio.timeout(30):
        assert await ask(names) == ("8.8.8.8",)


async def test_a_name_is_asked_for_once_however_many_wait(names: Names, zone: Zone) -> None:
    zone.names["api.test"] = ["60 A 8.8.8.8"]
    found = await asyncio.gather(*(ask(names) for _ in range(20)))

    assert set(found) == {("8.8.8.8",)}
    assert len(zone.asked) == 2


async def test_whoever_goes_away_takes_nothing_from_those_who_wait(
    names: Names, zone: Zone
) -> None:
    zone.names["api.test"] = ["60 A 8.8.8.8"]
    impatient, patient = asyncio.create_task(ask(names)), asyncio.create_task(ask(names))
    await asyncio.sleep(0)
    impatient.cancel()

    assert await patient == ("8.8.8.8",)


async def test_what_is_kept_is_bounded(
    names: Names, zone: Zone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_NAMES", 3)
    for i in range(5):
        zone.names[f"h{i}.test"] = ["60 A 8.8.8.8"]
        await ask(names, f"h{i}.test")

    assert len(names._known) == 3


async def test_a_forgotten_name_is_asked_for_again(names: Names, zone: Zone) -> None:
    zone.names["api.test"] = ["60 A 8.8.8.8"]
    await ask(names)
    names.forget("api.test")
    await ask(names)

    assert len(zone.asked) == 4


async def test_the_hosts_file_goes_before_dns(names: Names, zone: Zone, tmp_path: Path) -> None:
    zone.names["api.test"] = ["60 A 8.8.8.8"]
    (tmp_path / "hosts").write_text(
        "# a\n10.0.0.9 other.test API.Test. # api2.test\n\n10.0.0.8\n", "utf-8"
    )

    assert await ask(names) == ("10.0.0.9",)
    assert zone.asked == []


@pytest.mark.parametrize("host", ["localhost", "x.localhost"])
async def test_names_of_this_machine_are_asked_for_nowhere(
    names: Names, zone: Zone, host: str
) -> None:
    assert await ask(names, host) == ("127.0.0.1", "::1")
    assert zone.asked == []


async def test_the_systems_servers_are_asked_and_search_domains_not_applied(
    zone: Zone, server: NameServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolv = tmp_path / "resolv.conf"
    resolv.write_text("search corp.test\nnameserver 127.0.0.1\noptions ndots:5\n", "utf-8")
    names = Names(resolv=resolv, hosts=tmp_path / "hosts")
    resolver = names._resolver()
    assert resolver.nameservers == ["127.0.0.1"]
    resolver.port = server.port
    monkeypatch.setattr(names, "_resolver", lambda: resolver)
    zone.names["api"] = ["60 A 8.8.8.8"]

    assert await ask(names, "api") == ("8.8.8.8",)
    assert {name for name, _, _ in zone.asked} == {"api"}


async def test_without_any_server_there_is_no_answer(tmp_path: Path) -> None:
    names = Names(resolv=tmp_path / "none", hosts=tmp_path / "hosts")

    with pytest.raises(CallError, match="name-unavailable"):
        await ask(names)


@pytest.mark.parametrize(
    ("entry", "address", "port"),
    [("9.9.9.9", "9.9.9.9", 53), ("9.9.9.9:5353", "9.9.9.9", 5353), ("::1", "::1", 53), ("[::1]:54", "::1", 54), ("[2606::1]", "2606::1", 53)],
)  # fmt: skip
def test_a_server_is_an_address_and_perhaps_a_port(entry: str, address: str, port: int) -> None:
    (server,) = module.servers([entry])

    assert (server.answer_nameserver(), server.answer_port()) == (address, port)


@pytest.mark.parametrize("entry", ["", "dns.test", "9.9.9.9:", "9.9.9.9:x", "9.9.9.9:0", "9.9.9.9:70000", "[::1", "https://9.9.9.9/dns-query"])  # fmt: skip
def test_a_server_has_no_other_form(entry: str) -> None:
    with pytest.raises(ResidencyError, match="residency_dns"):
        module.servers([entry])
