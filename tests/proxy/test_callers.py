"""Two identities on one connection: a client certificate that names somebody, and any other proof beside it."""

import time
from typing import Any, cast

import pytest

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import (
    Assertion,
    Caller,
    Certificate,
    ClientCredentials,
    Credentials,
    Holder,
    IssuerBook,
    Opaque,
    Token,
    Verifier,
    parse,
)
from residency.errors import IdentityError
from residency.proxy.callers import Callers
from residency.proxy.certificates import Peer
from residency.proxy.exchange import Exchange
from residency.proxy.keys import KeyStore
from tests.tokens import claims, jwk, jwks, rsa_key, token

PRINT = "A" * 43
OTHER = "B" * 42 + "A"
MESH = Caller(issuer="mesh", subject="CN=billing", groups=(), expires=0.0)
IDENTITY = """\
version: "1"
issuers:
  - issuer: https://login.example.com
    audience: gateway
    keys: {file: jwks.json}
    client_credentials: {clients: "svc-*", endpoint: "https://login.example.com/token"}
    exchange: {tokens_of: https://cluster.test, endpoint: "https://login.example.com/token"}
"""


class Shown:
    """What a client has shown: a certificate that names somebody, or one that is for transport."""

    def __init__(self, *, transport: bool) -> None:
        self.transport = transport

    def holder(self, *_: object, **__: object) -> Holder:
        return Holder(PRINT, self.transport)

    def caller(self, *_: object, **__: object) -> Caller:
        return MESH


class Asked:
    """Issuers and assertions that believe everything, and count how often they are asked."""

    def __init__(self) -> None:
        self.times = 0

    async def caller(self, *_: object) -> Caller:
        self.times += 1
        return MESH

    client = opaque = caller


def peer(*, transport: bool = False) -> Peer:
    return Peer(cast("Any", None), cast("Any", Shown(transport=transport)))


def book() -> IssuerBook:
    faults = Faults()
    found = parse(read(IDENTITY, "identity.yaml", faults), faults)
    faults.check()
    assert found
    return found


@pytest.fixture
def asked() -> Asked:
    return Asked()


@pytest.fixture
def callers(asked: Asked) -> Callers:
    store = KeyStore(book(), files={"jwks.json": jwks(jwk(rsa_key(), "rsa"))})
    return Callers(Verifier(book()), store, None, cast("Any", asked))


PROOFS: list[Credentials] = [Assertion("x"), ClientCredentials("svc-a", "s"), Opaque("o")]


@pytest.mark.parametrize("proof", PROOFS, ids=lambda p: type(p).__name__)
async def test_a_certificate_and_another_proof_are_two_identities(
    proof: Credentials, callers: Callers, asked: Asked
) -> None:
    callers.exchange = cast("Any", asked)

    with pytest.raises(IdentityError, match="identity-conflict"):
        await callers.caller(proof, peer())
    assert asked.times == 0


@pytest.mark.parametrize("proof", PROOFS, ids=lambda p: type(p).__name__)
async def test_a_certificate_for_transport_is_no_identity(
    proof: Credentials, callers: Callers, asked: Asked
) -> None:
    callers.exchange = cast("Any", asked)

    assert await callers.caller(proof, peer(transport=True)) == MESH
    assert asked.times == 1


@pytest.mark.parametrize(
    ("bound", "by", "code"),
    [
        (OTHER, peer(), "identity-binding"),
        (PRINT, None, "identity-binding"),
        (None, peer(), "identity-conflict"),
    ],
    ids=["stolen", "no certificate", "not bound"],
)
async def test_a_bound_token_is_exchanged_for_its_holder_alone(
    bound: str | None, by: Peer | None, code: str, callers: Callers, tmp_path: Any
) -> None:
    exchange = Exchange(book(), folder=tmp_path, key=b"k" * 32, verify=callers.verified)
    callers.exchange = exchange
    now = int(time.time())
    tied = {"cnf": {"x5t#S256": bound}} if bound else {}
    foreign = token(claims(iss="https://cluster.test", aud="other", iat=now, exp=now + 60, **tied))

    with pytest.raises(IdentityError, match=code):
        await callers.caller(Token(foreign), by)
    exchange.stop()


async def test_a_certificate_alone_is_the_caller(callers: Callers) -> None:
    assert await callers.caller(Certificate(), peer()) == MESH
    with pytest.raises(IdentityError, match="identity-missing"):
        await callers.caller(Certificate())


async def test_assertions_count_only_where_somebody_verifies_them(callers: Callers) -> None:
    callers.assertions = None

    with pytest.raises(IdentityError, match="takes no SAML assertions"):
        await callers.caller(Assertion("x"))
