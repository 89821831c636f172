"""Every client in the ways that need more than a token of the lab's issuer: environment variables alone, real calls."""

import contextlib
from collections.abc import Iterator

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.npm import Unavailable
from scripts.lab.provider import Provider
from scripts.lab.world import Lab
from tests import saml
from tests.clients.farside import FarSide
from tests.clients.house import CLIENT, MORE, SECRET, TLS, house, variables
from tests.clients.identities import CANNOT, CLIENTS, serve
from tests.clients.run import environment

pytestmark = saml.needs_xmlsec1
CELLS = [(client, way) for client in CLIENTS for way in MORE]
#: Way → the subject that it proves.
SUBJECTS = dict.fromkeys(MORE, CLIENT) | {TLS: "svc-demo"}
SUBJECTS |= {way: "billing" for way in MORE if "SAML" in way}

type House = tuple[Lab, Gateway, Provider]


@pytest.fixture(scope="module")
def everything() -> Iterator[House]:
    with contextlib.ExitStack() as stack:
        try:
            lab, provider = stack.enter_context(house())
        except Unavailable as e:
            pytest.skip(str(e))
        far = stack.enter_context(FarSide(lab.authority))
        far.serve = serve
        yield lab, stack.enter_context(lab.start(resolve=far.resolve)), provider


def attempt(everything: House, client: str, way: str) -> str:
    lab, gateway, provider = everything
    try:
        return CLIENTS[client](
            {**environment(lab, gateway=gateway), **variables(way, lab, gateway, provider)}
        )
    except Unavailable as e:
        pytest.skip(str(e))


@pytest.mark.parametrize(
    ("client", "way"), [c for c in CELLS if c not in CANNOT], ids=lambda v: v.replace(" ", "-")
)
def test_a_client_is_known_by_its_environment(everything: House, client: str, way: str) -> None:
    gateway = everything[1]
    before = len(gateway.ledger())

    assert attempt(everything, client, way) == ""

    callers = [r["caller"] for r in gateway.ledger()[before:] if r["kind"] == "decision"]
    assert {c["subject"] for c in callers if c} == {SUBJECTS[way]}
    assert SECRET not in gateway.output()
    assert SECRET not in gateway.ledger_file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("client", "way"), [c for c in CELLS if c in CANNOT], ids=lambda v: v.replace(" ", "-")
)
def test_what_a_client_cannot_ends_closed(everything: House, client: str, way: str) -> None:
    assert attempt(everything, client, way)
