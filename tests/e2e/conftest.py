"""A real gateway between real clients and recording far sides, all on loopback."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.world import Lab
from tests.e2e.wire import Wire

HERE = Path(__file__).parent
SABOTEUR = HERE / "saboteur.py"


@pytest.fixture(scope="session")
def lab() -> Iterator[Lab]:
    """The gateway as shipped: the chain, the shipped rules, the lab's issuer."""
    with Lab() as lab:
        yield lab


@pytest.fixture(autouse=True)
def _clean(request: pytest.FixtureRequest) -> None:
    if "lab" in request.fixturenames:
        request.getfixturevalue("lab").upstream.clear()


@pytest.fixture
def wire(lab: Lab) -> Wire:
    """A raw client of the group eu-services."""
    return Wire(lab.gateway.port, lab.gateway.ca_file, lab.token("eu-services"))


@pytest.fixture
def analyst(lab: Lab) -> Wire:
    """A raw client of the group analytics."""
    return Wire(lab.gateway.port, lab.gateway.ca_file, lab.token("analytics"))


def wire_to(lab: Lab, gateway: Gateway, token: str) -> Wire:
    return Wire(gateway.port, gateway.ca_file, token)


def eventually[T](ask: Callable[[], T], *, seconds: float = 30.0) -> T:
    """The first true answer of *ask*."""
    deadline = time.monotonic() + seconds
    while True:
        found = ask()
        if found:
            return found
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def records(gateway: Gateway, kind: str = "decision") -> list[dict[str, Any]]:
    return [r for r in gateway.ledger() if r["kind"] == kind]


def record_of(gateway: Gateway, decision: str, kind: str = "decision") -> dict[str, Any]:
    found = lambda: [r for r in records(gateway, kind) if r.get("decision") == decision]  # noqa: E731
    return eventually(found)[0]
