"""Nothing is looked up for a host that no decision permits, and only what was judged is connected to."""

import asyncio
import contextvars
from typing import Any

import pytest

from residency.errors import CallError, ResidencyError
from residency.proxy.resolver import GRACE, Pin, Resolver, overrides
from tests.proxy.nameserver import Told

ZERO = ".".join("0000")
UNFIT = [
    "10.0.0.1", "172.16.0.1", "192.168.1.1", "100.64.0.1", "127.0.0.1", "127.8.8.8", "::1", "169.254.169.254", "fe80::1",
    "fe80::1%eth0", ZERO, "::", "224.0.0.1", "ff02::1", "fd00:ec2::254", "fc00::1", "::ffff:10.0.0.1", "::ffff:127.0.0.1",
    "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::", "::7f00:1", "fec0::1",
    "192.0.2.1", "198.18.0.1", "240.0.0.1", "255.255.255.255", "2001:db8::1", "nonsense", "",
]  # fmt: skip
NEVER = [
    "169.254.169.254",
    "fe80::1",
    "::ffff:169.254.169.254",
    "64:ff9b::a9fe:a9fe",
    ZERO,
    "::",
    "224.0.0.1",
    "ff02::1",
]
FIT = ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"]


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Loop:
    """No more of a loop than the resolver needs; remembers what the system was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.getaddrinfo = self.system

    async def system(self, host: Any, _port: Any, **_kwargs: Any) -> list[Any]:
        self.asked.append(host)
        return []


class House:
    """A resolver on a loop, and what a gateway does with it."""

    def __init__(self, *addresses: str, private: str = "") -> None:
        self.names, self.clock, self.loop = Told({}, *addresses), Clock(), Loop()
        self.resolver = Resolver(self.names, self.clock)  # type: ignore[arg-type]
        self.resolver.install(self.loop, lambda host: host == private)  # type: ignore[arg-type]

    async def release(self, host: str = "api.test", port: int = 443, client: str = "c") -> Pin:
        pin = await self.resolver.pin(client, (host, port))
        self.resolver.release(client, pin)
        return pin

    async def connect(
        self, host: str = "api.test", port: int = 443, client: str = "c"
    ) -> list[tuple[str, int]]:
        """Where mitmproxy would connect: in a task of its own, after ``server_connect``."""

        async def task() -> list[tuple[str, int]]:
            if not self.resolver.may_connect(client, (host, port)):
                raise OSError("killed before connect")
            found = await self.loop.getaddrinfo(host, port)
            return [info[4][:2] for info in found]

        return await asyncio.create_task(task())

    def reach(
        self, peer: Any, connection: str = "s", host: str = "api.test", client: str = "c"
    ) -> bool:
        """A connection that comes to *peer*, in a context of its own."""

        def task() -> bool:
            assert self.resolver.may_connect(client, (host, 443))
            return self.resolver.connected(connection, (host, 443), peer)

        return contextvars.copy_context().run(task)


@pytest.mark.parametrize("name", ["api.test", b"bytes.test", "localhost.evil.test", "8.8.8.8", 7])
async def test_nothing_is_looked_up_outside_a_released_connection(name: Any) -> None:
    house = House("8.8.8.8")
    await house.release()
    with pytest.raises(OSError, match="no decision permits"):
        await house.loop.getaddrinfo(name, 443)

    assert house.loop.asked == []


async def test_a_look_up_alone_permits_no_connection() -> None:
    house = House("8.8.8.8")
    await house.resolver.pin("c", ("api.test", 443))

    assert not house.resolver.may_connect("c", ("api.test", 443))


async def test_a_client_that_has_gone_connects_nowhere() -> None:
    house = House("8.8.8.8")
    await house.release()
    house.resolver.forget("c")

    assert not house.resolver.may_connect("c", ("api.test", 443))


async def test_a_released_connection_leads_to_what_was_judged() -> None:
    house = House("8.8.8.8", "2606:4700::1111")
    await house.release()

    assert await house.connect() == [("8.8.8.8", 443), ("2606:4700::1111", 443)]
    assert house.names.asked == ["api.test"]


async def test_b7_a_name_that_changes_its_address_after_the_decision_changes_nothing() -> None:
    house = House("8.8.8.8")
    await house.release()
    house.names.usual = ("127.0.0.1",)

    assert await house.connect() == [("8.8.8.8", 443)]


async def test_one_connections_pin_is_not_anothers() -> None:
    house = House("8.8.8.8")
    await house.release()
    house.names.usual = ("9.9.9.9",)
    await house.release(client="d")

    assert await house.connect() == [("8.8.8.8", 443)]
    assert await house.connect(client="d") == [("9.9.9.9", 443)]


@pytest.mark.parametrize("name", ["other.test", "localhost", "127.0.0.1"])
async def test_a_task_that_may_connect_looks_up_no_other_name(name: str) -> None:
    house = House("8.8.8.8")
    await house.release()

    async def task() -> None:
        assert house.resolver.may_connect("c", ("api.test", 443))
        await house.loop.getaddrinfo(name, 443)

    with pytest.raises(OSError, match="no decision permits"):
        await asyncio.create_task(task())


async def test_a_refused_connection_leaves_no_permission_behind() -> None:
    house = House("8.8.8.8")
    await house.release()

    async def task() -> None:
        assert house.resolver.may_connect("c", ("api.test", 443))
        assert not house.resolver.may_connect("c", ("other.test", 443))
        await house.loop.getaddrinfo("api.test", 443)

    with pytest.raises(OSError, match="no decision permits"):
        await asyncio.create_task(task())


@pytest.mark.parametrize("address", UNFIT)
async def test_a_name_of_an_unfit_address_is_refused(address: str) -> None:
    with pytest.raises(CallError, match="address-refused"):
        await House(address).release()


@pytest.mark.parametrize("address", [a for a in UNFIT if a and a != "nonsense" and "%" not in a])
async def test_an_unfit_literal_is_refused(address: str) -> None:
    with pytest.raises(CallError, match="address-refused"):
        await House().release(address)


@pytest.mark.parametrize("address", FIT)
async def test_a_fit_literal_is_connected_to_and_nobody_asked(address: str) -> None:
    house = House()
    await house.release(address)

    assert house.resolver.may_connect("c", (address, 443))
    assert house.names.asked == []


async def test_one_unfit_address_among_fit_ones_is_enough_to_refuse() -> None:
    """DNS rebinding gives both, and the connection would try one after the other."""
    with pytest.raises(CallError, match="address-refused"):
        await House("8.8.8.8", "127.0.0.1").release()


async def test_a_released_name_of_this_machine_is_judged_like_any_other() -> None:
    """``localhost`` is looked up for the gateway's own listening, and never so for a call."""
    with pytest.raises(CallError, match="address-refused"):
        await House("127.0.0.1").release("localhost")


async def test_no_answer_is_no_permission() -> None:
    with pytest.raises(CallError, match="name-unknown"):
        await House().release()


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "fd00::1", "::ffff:10.0.0.1"])
async def test_a_host_that_is_declared_private_may_have_a_private_address(address: str) -> None:
    house = House(address, private="api.test")
    await house.release("API.test")

    assert await house.connect("API.test") == [(address, 443)]


@pytest.mark.parametrize("address", NEVER)
async def test_no_host_may_have_a_link_local_or_group_address(address: str) -> None:
    """169.254.169.254 hands out a cloud machine's credentials."""
    with pytest.raises(CallError, match="address-refused"):
        await House(address, private="api.test").release()


async def test_a_host_that_is_private_no_longer_is_refused_where_it_was_pinned() -> None:
    house = House("10.0.0.1", private="api.test")
    await house.release()
    house.resolver.install(house.loop, lambda _host: False)  # type: ignore[arg-type]

    with pytest.raises(CallError, match="address-refused"):
        await house.release()


@pytest.mark.parametrize("name", [None, "", "localhost", "127.0.0.1", "::1"])
async def test_the_gateway_may_listen_on_this_machine(name: Any) -> None:
    house = House()
    await house.loop.getaddrinfo(name, 8080)

    assert house.loop.asked == [name]


@pytest.mark.parametrize(
    "address", [("api.test", 8443), ("API.test", 443), ("other.test", 443), ("api.test.", 443)]
)
async def test_a_client_connects_to_exactly_what_was_released_for_it(
    address: tuple[str, int],
) -> None:
    house = House("8.8.8.8")
    await house.release()

    assert not house.resolver.may_connect("c", address)
    assert not house.resolver.may_connect("d", ("api.test", 443))


# Where it came to


async def test_a_peer_that_was_judged_is_kept() -> None:
    house = House("8.8.8.8", "2606:4700::1111")
    await house.release()

    assert house.reach(("8.8.8.8", 443))
    assert house.reach(("2606:4700:0:0::1111", 443, 0, 0), "t")


@pytest.mark.parametrize(
    "peer", [("9.9.9.9", 443), ("8.8.8.8", 80), ("", 443), (), None, "8.8.8.8", ("::ffff:8.8.8.8", 443)]
)  # fmt: skip
async def test_a_peer_that_was_not_judged_is_ended(peer: Any) -> None:
    house = House("8.8.8.8")
    await house.release()

    assert not house.reach(peer)


async def test_a_connection_that_nobody_asked_for_is_ended() -> None:
    house = House("8.8.8.8")
    await house.release()

    assert not house.resolver.connected("s", ("api.test", 443), ("8.8.8.8", 443))
    assert not house.resolver.connected("s", None, None)


# How long an answer counts


async def again(house: House, client: str = "c") -> tuple[str, ...]:
    pin = await house.release(client=client)
    return pin.judged


async def test_an_open_connection_needs_no_new_look_up() -> None:
    house = House("8.8.8.8")
    house.names.expires = house.clock.now + 10
    await house.release()
    house.reach(("8.8.8.8", 443))
    house.names.usual = ("9.9.9.9",)
    house.clock.now += 1000

    assert await again(house) == ("8.8.8.8",)
    assert house.names.asked == ["api.test"]


async def test_once_it_is_closed_and_the_answer_too_old_the_name_is_asked_for_again() -> None:
    house = House("8.8.8.8")
    house.names.expires = house.clock.now + 10
    await house.release()
    house.reach(("8.8.8.8", 443))
    house.resolver.disconnected("s")
    house.names.usual = ("9.9.9.9",)
    house.clock.now += 10

    assert await again(house) == ("9.9.9.9",)


async def test_a_call_on_its_way_is_not_led_elsewhere() -> None:
    house = House("8.8.8.8")
    house.names.expires = house.clock.now
    await house.release()
    house.names.usual = ("9.9.9.9",)
    house.clock.now += GRACE - 0.1

    assert await again(house) == ("8.8.8.8",)


async def test_two_calls_that_were_told_different_addresses_are_not_both_released() -> None:
    house = House("8.8.8.8")
    first = await house.resolver.pin("c", ("api.test", 443))
    house.names.usual = ("9.9.9.9",)
    second = await house.resolver.pin("c", ("api.test", 443))
    house.resolver.release("c", first)
    with pytest.raises(CallError, match="aborted"):
        house.resolver.release("c", second)

    assert await house.connect() == [("8.8.8.8", 443)]


async def test_two_calls_that_were_told_the_same_are_both_released() -> None:
    house = House("8.8.8.8")
    pins = [await house.resolver.pin("c", ("api.test", 443)) for _ in range(2)]
    for pin in pins:
        house.resolver.release("c", pin)

    assert await house.connect() == [("8.8.8.8", 443)]


async def test_after_a_failure_the_name_is_asked_for_again_and_open_connections_are_judged_too() -> (
    None
):
    house = House("8.8.8.8", "8.8.4.4")
    await house.release()
    house.reach(("8.8.4.4", 443))
    house.resolver.unreachable("c", ("api.test", 443))
    house.names.usual = ("9.9.9.9",)
    house.clock.now += GRACE

    assert await again(house) == ("9.9.9.9", "8.8.4.4")
    assert await house.connect() == [("9.9.9.9", 443)]
    house.resolver.disconnected("s")
    house.names.expires, house.clock.now = 0.0, house.clock.now + GRACE
    house.resolver.unreachable("c", ("api.test", 443))
    assert await again(house) == ("9.9.9.9",)


def test_what_nobody_knows_is_forgotten_without_a_word() -> None:
    house = House()
    house.resolver.forget("nobody")
    house.resolver.disconnected("nothing")
    house.resolver.unreachable("nobody", ("api.test", 443))


# Overrides


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "8.8.8.8", ZERO, "::ffff:8.8.8.8", "169.254.169.254"]
)
def test_an_override_leads_to_loopback_alone(address: str) -> None:
    with pytest.raises(ResidencyError, match="is not a loopback address"):
        overrides([f"api.test={address}:443"])


@pytest.mark.parametrize("entry", ["", "api.test", "api.test=127.0.0.1", "=127.0.0.1:1", "api.test=localhost:1", "a b=127.0.0.1:1", "api.test=127.0.0.1:x"])  # fmt: skip
def test_an_override_has_one_form(entry: str) -> None:
    with pytest.raises(ResidencyError, match="residency_resolve"):
        overrides([entry])


async def test_an_override_answers_for_released_hosts_alone() -> None:
    house = House("8.8.8.8")
    house.resolver.override(overrides(["api.test=127.0.0.1:9443", "six.test=[::1]:9443"]))
    with pytest.raises(OSError, match="killed"):
        await house.connect()
    await house.release()
    await house.release("six.test")

    assert await house.connect() == [("127.0.0.1", 9443)]
    assert await house.connect("six.test") == [("::1", 9443)]
    assert house.reach(("127.0.0.1", 9443))
    assert house.names.asked == []
    assert house.resolver.overridden == {"api.test", "six.test"}


async def test_a_real_loop_gets_its_own_resolution_back() -> None:
    loop = asyncio.get_running_loop()
    found = Resolver()
    found.install(loop, lambda _host: False)
    try:
        with pytest.raises(OSError, match="no decision permits"):
            await asyncio.open_connection("api.invalid", 443)
    finally:
        found.uninstall()
        found.uninstall()

    assert loop.getaddrinfo.__self__ is loop  # type: ignore[attr-defined]
