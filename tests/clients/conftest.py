"""Real clients, real gateway, recording far sides. The lab is the one of the end-to-end tests."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.rules import lab_rules
from scripts.lab.upstream import Upstream
from scripts.lab.world import Lab
from tests.clients.farside import FarSide
from tests.clients.run import environment
from tests.e2e.conftest import _clean, lab

__all__ = ["_clean", "lab"]


HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Real clients start a process a call: together they are slow, one by one they are not."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.slow)


@dataclass(frozen=True, slots=True)
class Impatient:
    """A gateway whose holds wait for a second, and its far sides."""

    gateway: Gateway
    upstream: Upstream


@pytest.fixture(scope="session")
def _impatient(lab: Lab) -> Iterator[Impatient]:
    rules = lab_rules(lab.folder / "impatient", lab.issuer.url)
    policy = rules / "policy.yaml"
    text = policy.read_text().replace("wait: 55s", "wait: 1s")
    head, mark, hold = text.partition("id: ask-compliance")
    hold = re.sub(r"functions: \[", 'functions: ["aws:lambda:*", ', hold, count=1)
    policy.write_text(head + mark + hold)
    hosts = ("api.openai.com", "lambda.us-east-1.amazonaws.com")
    with (
        Upstream(lab.authority, hosts) as upstream,
        Gateway(
            rules, workdir=lab.folder / "impatient-gateway", confdir=lab.folder / "confdir",
            trust=lab.authority.file, resolve=upstream.resolve,
        ) as gateway,
    ):  # fmt: skip
        yield Impatient(gateway, upstream)


@pytest.fixture
def impatient(_impatient: Impatient) -> Impatient:
    _impatient.upstream.clear()
    return _impatient


@pytest.fixture(scope="session")
def _far(lab: Lab) -> Iterator[tuple[FarSide, Gateway]]:
    with (
        FarSide(lab.authority) as far,
        lab.start(resolve=far.resolve) as gateway,
    ):
        yield far, gateway


@pytest.fixture
def far(_far: tuple[FarSide, Gateway]) -> Iterator[FarSide]:
    """A far side whose answers a test writes, behind ``open_gateway``."""
    _far[0].clear()
    yield _far[0]
    # Nobody waits for a test that is over.
    _far[0].go.set()


@pytest.fixture
def open_gateway(_far: tuple[FarSide, Gateway]) -> Gateway:
    return _far[1]


@pytest.fixture
def far_env(lab: Lab, open_gateway: Gateway) -> dict[str, str]:
    """The environment of a service of the group eu-services, behind ``open_gateway``."""
    return environment(lab, lab.token("eu-services"), open_gateway)
