"""Where issuers are asked, as identity.yaml says it: every fault with its place, and never two who could be meant."""

import json
from typing import Any

import pytest

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import IssuerBook, parse
from residency.core.identity.endpoint import SecretSource
from tests.tokens import ISSUER

OWN = {"client_id": "gateway", "secret": {"env": "S"}}


def load(*blocks: dict[str, Any]) -> tuple[IssuerBook | None, list[str]]:
    usual = {"audience": "gateway", "keys": {"file": "jwks.json"}}
    issuers = [{"issuer": f"{ISSUER}/{n}"} | usual | block for n, block in enumerate(blocks)]
    faults = Faults()
    document = read(json.dumps({"version": "1", "issuers": issuers}), "identity.yaml", faults)
    found = parse(document, faults)
    return found, [str(f) for f in faults.found]


@pytest.mark.parametrize(
    ("block", "where", "what"),
    [
        ({"client_credentials": {"endpoint": "http://login.test/token"}}, "client_credentials.endpoint", "https://"),
        ({"client_credentials": {"endpoint": "https://u:p@login.test/"}}, "client_credentials.endpoint", "user, password"),
        ({"client_credentials": {"method": "private_key_jwt"}}, "client_credentials.method", "client_secret_basic"),
        ({"client_credentials": {"clients": []}}, "client_credentials.clients", "at least 1"),
        ({"client_credentials": {"scope": "a\nb"}}, "client_credentials.scope", "plain ASCII"),
        ({"client_credentials": {"secret": {"env": "S"}}}, "client_credentials.secret", "not a key"),
        ({"exchange": {"audience": "x"}}, "exchange.tokens_of", "is missing"),
        ({"exchange": {"tokens_of": "a", "client_id": "x"}}, "exchange", "both client_id and secret"),
        ({"exchange": {"tokens_of": "a", "token_type": "refresh_token"}}, "exchange.token_type", "id_token"),
        ({"introspection": {"keep": "9s"}}, "introspection.client_id", "is missing"),
        ({"introspection": {"client_id": "x"}}, "introspection.secret", "is missing"),
        ({"introspection": {"client_id": "x", "secret": {}}}, "introspection.secret", "exactly one of"),
        ({"introspection": OWN | {"secret": {"env": "A", "file": "b"}}}, "introspection.secret", "exactly one of"),
        ({"introspection": OWN | {"keep": "10m"}}, "introspection.keep", "300"),
        ({"introspection": OWN | {"keep": "0s"}}, "introspection.keep", "1"),
        ({"issuer": "kubernetes", "introspection": OWN}, "introspection", "discovery needs a URL"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_a_fault_with_its_place(
    block: dict[str, Any], where: str, what: str
) -> None:
    found, faults = load(block)

    assert found is None
    assert any(f"issuers[0].{where}:" in f and what in f for f in faults), faults
    assert all(f.startswith("identity.yaml:1:") for f in faults)


@pytest.mark.parametrize(
    ("one", "two", "what"),
    [
        ({"client_credentials": {}}, {"client_credentials": {}}, "client_credentials without clients"),
        ({"client_credentials": {"clients": "a-*"}}, {"client_credentials": {"clients": ["b", "a-*"]}}, "clients 'a-*'"),
        ({"exchange": {"tokens_of": "https://k"}}, {"exchange": {"tokens_of": ["https://k"]}}, "tokens of https://k"),
        ({"introspection": OWN}, {"introspection": OWN}, "do not name their issuer"),
    ],
)  # fmt: skip
def test_two_issuers_that_could_both_be_meant_are_a_fault(
    one: dict[str, Any], two: dict[str, Any], what: str
) -> None:
    found, faults = load(one, two)

    assert found is None
    assert len(faults) == 1
    assert what in faults[0]
    assert "issuers[1]" in faults[0]


def test_nothing_is_asked_of_an_issuer_unless_written() -> None:
    found, _ = load({})

    assert found
    (issuer,) = found.issuers.values()
    assert issuer.endpoints.client_credentials is None
    assert issuer.endpoints.exchange is None
    assert issuer.endpoints.introspection is None
    assert issuer.endpoints.own_clients == []


def test_what_is_written_is_asked() -> None:
    found, faults = load({
        "client_credentials": {"clients": "svc-*", "scope": "a b", "audience": ["x", "y"], "resource": "https://r.test"},
        "exchange": {"tokens_of": "https://k", "endpoint": "https://e.test/t", "method": "client_secret_post"} | OWN,
        "introspection": OWN | {"secret": {"file": "own"}},
    })  # fmt: skip

    assert found, faults
    (issuer,) = found.issuers.values()
    asked = issuer.endpoints
    assert asked.client_credentials
    assert asked.exchange
    assert asked.introspection
    assert asked.client_credentials.endpoint.discovered
    assert (
        asked.client_credentials.endpoint.location
        == f"{ISSUER}/0/.well-known/openid-configuration"
    )
    assert asked.client_credentials.parameters == (
        ("scope", "a b"), ("audience", "x"), ("audience", "y"), ("resource", "https://r.test"),
    )  # fmt: skip
    assert not asked.exchange.endpoint.discovered
    assert asked.exchange.subject_type == "urn:ietf:params:oauth:token-type:jwt"
    assert asked.introspection.keep == 30
    kinds = [(c.secret.kind, c.secret.location) for c in asked.own_clients]
    assert kinds == [("env", "S"), ("file", "own")]


def test_the_same_secret_on_another_line_is_the_same_source() -> None:
    one, _ = load({"introspection": OWN})
    two, _ = load({"max_lifetime": "24h", "introspection": OWN})

    assert one == two
    assert one
    (source,) = [c.secret for i in one.issuers.values() for c in i.endpoints.own_clients]
    assert isinstance(source, SecretSource)
    assert source.fault.where == "issuers[0].introspection.secret"
