"""Every client in every way that it can: nothing but environment variables, and a real call that arrives."""

import pytest

from scripts.lab.gateway import Gateway
from scripts.lab.npm import Unavailable
from scripts.lab.world import Lab
from tests.clients.farside import FarSide
from tests.clients.identities import CANNOT, CLIENTS, WAYS, attempt, serve

CELLS = [(client, way) for client in CLIENTS for way in WAYS]


@pytest.fixture
def served(far: FarSide) -> FarSide:
    far.serve = serve
    return far


def tried(lab: Lab, gateway: Gateway, client: str, way: str) -> str:
    try:
        return attempt(lab, gateway, client, way)
    except Unavailable as e:
        pytest.skip(str(e))


@pytest.mark.parametrize(
    ("client", "way"), [c for c in CELLS if c not in CANNOT], ids=lambda v: v.replace(" ", "-")
)
def test_a_client_is_known_by_its_environment(
    lab: Lab, served: FarSide, open_gateway: Gateway, client: str, way: str
) -> None:
    before = len(open_gateway.ledger())

    assert tried(lab, open_gateway, client, way) == ""

    callers = [r["caller"] for r in open_gateway.ledger()[before:] if r["kind"] == "decision"]
    # git (libcurl with any authentication) asks without one first, and is refused.
    assert {c["subject"] for c in callers if c} == {"svc-demo"}
    for token in lab.issuer.issued[-3:]:
        assert token not in open_gateway.output()
        assert token not in open_gateway.ledger_file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("client", "way"), [c for c in CELLS if c in CANNOT], ids=lambda v: v.replace(" ", "-")
)
def test_what_a_client_cannot_ends_closed(
    lab: Lab, served: FarSide, open_gateway: Gateway, client: str, way: str
) -> None:
    assert tried(lab, open_gateway, client, way)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda v: v.replace(" ", "-"))
def test_without_an_identity_no_client_gets_through(
    lab: Lab, served: FarSide, open_gateway: Gateway, client: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = open_gateway.proxy_url()
    monkeypatch.setitem(WAYS, "nobody", lambda *_: {"HTTPS_PROXY": proxy, "https_proxy": proxy})

    assert tried(lab, open_gateway, client, "nobody")
    assert served.seen == 0
