"""Nothing is looked up for a host that no decision released, and no unfit address is connected to."""

import asyncio
import socket
from typing import Any

import pytest

from residency.errors import ResidencyError
from residency.proxy.resolver import Resolver

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


class Names:
    """Stands for the system's resolver, and remembers what it was asked."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.asked: list[Any] = []

    async def __call__(self, host: Any, port: Any, **_kwargs: Any) -> list[Any]:
        self.asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, port)) for a in self.addresses]


class Loop:
    """No more of a loop than the resolver needs."""

    def __init__(self, names: Names) -> None:
        self.getaddrinfo = names


def resolver(*addresses: str, private: str = "") -> tuple[Resolver, Names, Loop]:
    names = Names(*addresses)
    loop = Loop(names)
    found = Resolver()
    found.install(loop, lambda host: host == private)  # type: ignore[arg-type]
    return found, names, loop


@pytest.mark.parametrize("name", ["api.test", b"bytes.test", "localhost.evil.test", "8.8.8.8", 7])
async def test_nothing_is_looked_up_for_a_host_that_was_not_released(name: Any) -> None:
    _, names, loop = resolver("8.8.8.8")
    with pytest.raises(OSError, match="no decision permits"):
        await loop.getaddrinfo(name, 443)

    assert names.asked == []


async def test_nothing_is_looked_up_once_the_client_has_gone() -> None:
    found, names, loop = resolver("8.8.8.8")
    found.release("c1", ("api.test", 443))
    found.forget("c1")
    with pytest.raises(OSError, match="no decision permits"):
        await loop.getaddrinfo("api.test", 443)

    assert names.asked == []


async def test_a_host_is_looked_up_as_long_as_one_client_may() -> None:
    found, _, loop = resolver("8.8.8.8")
    for client in ("c1", "c2"):
        found.release(client, ("api.test", 443))
        found.release(client, ("api.test", 443))
    found.forget("c1")
    found.forget("c1")

    assert (await loop.getaddrinfo("api.test", 443))[0][4] == ("8.8.8.8", 443)


@pytest.mark.parametrize("address", UNFIT)
async def test_a_name_of_an_unfit_address_is_refused(address: str) -> None:
    found, _, loop = resolver(address)
    found.release("c", ("api.test", 443))

    with pytest.raises(OSError, match="not permitted"):
        await loop.getaddrinfo("api.test", 443)


async def test_one_unfit_address_among_fit_ones_is_enough_to_refuse() -> None:
    """DNS rebinding gives both, and the connection would try one after the other."""
    found, _, loop = resolver("8.8.8.8", "127.0.0.1")
    found.release("c", ("api.test", 443))

    with pytest.raises(OSError, match="not permitted"):
        await loop.getaddrinfo("api.test", 443)


async def test_a_released_name_of_this_machine_is_judged_like_any_other() -> None:
    """``localhost`` is looked up for the gateway's own listening, and never so for a call."""
    found, _, loop = resolver("127.0.0.1")
    found.release("c", ("localhost", 443))

    with pytest.raises(OSError, match="not permitted"):
        await loop.getaddrinfo("localhost", 443)


async def test_no_answer_is_no_permission() -> None:
    found, _, loop = resolver()
    found.release("c", ("api.test", 443))

    with pytest.raises(OSError, match="not permitted"):
        await loop.getaddrinfo("api.test", 443)


@pytest.mark.parametrize("address", FIT)
async def test_a_fit_address_is_handed_on(address: str) -> None:
    found, _, loop = resolver(address)
    found.release("c", ("api.test", 443))

    assert (await loop.getaddrinfo("api.test", 443))[0][4][0] == address


@pytest.mark.parametrize("address", ["10.0.0.1", "127.0.0.1", "fd00::1", "::ffff:10.0.0.1"])
async def test_a_host_that_is_declared_private_may_have_a_private_address(address: str) -> None:
    found, _, loop = resolver(address, private="api.test")
    found.release("c", ("API.test", 443))

    assert await loop.getaddrinfo("API.test", 443)


@pytest.mark.parametrize("address", NEVER)
async def test_no_host_may_have_a_link_local_or_group_address(address: str) -> None:
    """169.254.169.254 hands out a cloud machine's credentials."""
    found, _, loop = resolver(address, private="api.test")
    found.release("c", ("api.test", 443))

    with pytest.raises(OSError, match="not permitted"):
        await loop.getaddrinfo("api.test", 443)


@pytest.mark.parametrize("name", [None, "", "localhost", "127.0.0.1", "::1"])
async def test_the_gateway_may_listen_on_this_machine(name: Any) -> None:
    _, names, loop = resolver("127.0.0.1")
    await loop.getaddrinfo(name, 8080)

    assert names.asked == [name]


# Literals


@pytest.mark.parametrize(
    "address", [("api.test", 8443), ("API.test", 443), ("other.test", 443), ("api.test.", 443)]
)
def test_a_client_connects_to_exactly_what_was_released_for_it(address: tuple[str, int]) -> None:
    found, _, _ = resolver()
    found.release("c1", ("api.test", 443))

    assert (found.may_connect("c1", address), found.may_connect("c1", ("api.test", 443))) == (
        False,
        True,
    )


def test_what_was_released_for_one_client_is_not_for_another() -> None:
    found, _, _ = resolver()
    found.release("c1", ("api.test", 443))

    assert not found.may_connect("c2", ("api.test", 443))


@pytest.mark.parametrize("address", [a for a in UNFIT if a and a != "nonsense" and "%" not in a])
def test_an_unfit_literal_is_not_connected_to(address: str) -> None:
    found, _, _ = resolver()
    found.release("c", (address, 443))

    assert not found.may_connect("c", (address, 443))


@pytest.mark.parametrize("address", FIT)
def test_a_fit_literal_is_connected_to(address: str) -> None:
    found, _, _ = resolver()
    found.release("c", (address, 443))

    assert found.may_connect("c", (address, 443))


# Overrides


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "8.8.8.8", ZERO, "::ffff:8.8.8.8", "169.254.169.254"]
)
def test_an_override_leads_to_loopback_alone(address: str) -> None:
    with pytest.raises(ResidencyError, match="is not a loopback address"):
        Resolver().override([f"api.test={address}:443"])


@pytest.mark.parametrize("entry", ["", "api.test", "api.test=127.0.0.1", "=127.0.0.1:1", "api.test=localhost:1", "a b=127.0.0.1:1", "api.test=127.0.0.1:x"])  # fmt: skip
def test_an_override_has_one_form(entry: str) -> None:
    with pytest.raises(ResidencyError, match="residency_resolve"):
        Resolver().override([entry])


async def test_an_override_answers_for_released_hosts_alone() -> None:
    found, names, loop = resolver("8.8.8.8")
    found.override(["api.test=127.0.0.1:9443", "six.test=[::1]:9443"])
    with pytest.raises(OSError, match="no decision permits"):
        await loop.getaddrinfo("api.test", 443)
    found.release("c", ("api.test", 443))
    found.release("c", ("six.test", 443))

    assert (await loop.getaddrinfo("api.test", 443))[0][4] == ("127.0.0.1", 9443)
    assert (await loop.getaddrinfo("six.test", 443))[0][4] == ("::1", 9443)
    assert names.asked == []
    assert found.overridden == {"api.test", "six.test"}


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
