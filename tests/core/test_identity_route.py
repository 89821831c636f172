"""A proof goes to the one issuer that is meant, and to no other."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import IssuerBook, parse
from residency.core.identity.route import for_client, for_opaque, for_token, unverified
from tests.tokens import ISSUER, claims, token

CLUSTER = "https://kubernetes.default.svc"


def of(**blocks: dict[str, Any]) -> IssuerBook:
    usual = {"audience": "gateway", "keys": {"file": "jwks.json"}}
    issuers = [{"issuer": f"https://{n}.test"} | usual | b for n, b in blocks.items()]
    faults = Faults()
    found = parse(read(json.dumps({"version": "1", "issuers": issuers}), "i.yaml", faults), faults)
    faults.check()
    assert found
    return found


@pytest.mark.parametrize(
    ("client", "asked"),
    [
        ("svc-a", "https://two.test"),
        ("svc-special", "https://two.test"),
        ("job-a", "https://three.test"),
        ("anything", "https://one.test"),
        ("SVC-a", "https://one.test"),
    ],
)
def test_the_first_issuer_whose_clients_fit_is_asked(client: str, asked: str) -> None:
    book = of(
        one={"client_credentials": {}},
        two={"client_credentials": {"clients": "svc-*"}},
        three={"client_credentials": {"clients": ["job-*", "svc-special"]}},
    )
    found = for_client(book, client)

    assert found
    assert found[0].name == asked


def test_a_client_of_nobody_is_sent_to_nobody() -> None:
    assert for_client(of(one={}, two={"client_credentials": {"clients": "svc-*"}}), "x") is None
    assert for_opaque(of(one={}, two={"client_credentials": {}})) is None


@pytest.mark.parametrize(
    ("changes", "exchanged"),
    [
        ({"iss": CLUSTER, "aud": "api"}, True),
        ({"iss": CLUSTER, "aud": "gateway"}, True),
        ({"iss": f"{CLUSTER}/"}, False),
        ({"iss": [CLUSTER]}, False),
        ({"iss": ...}, False),
        ({"iss": ISSUER, "aud": "other"}, False),
        ({"iss": "https://own.test", "aud": "other"}, True),
        ({"iss": "https://own.test", "aud": ["other", "gateway"]}, False),
    ],
)
def test_only_tokens_that_are_named_and_not_for_the_gateway_are_exchanged(
    changes: dict[str, Any],
    exchanged: bool,  # noqa: FBT001 - a column of the table
) -> None:
    book = of(own={}, sts={"exchange": {"tokens_of": [CLUSTER, "https://own.test"]}})
    found = for_token(book, token(claims(**changes)))

    assert (found is not None) is exchanged
    assert found is None or found[0].name == "https://sts.test"


@given(
    st.text() | st.from_regex(r"e[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]*", fullmatch=True)
)
def test_what_is_no_token_makes_no_claims(text: str) -> None:
    assert unverified(text) == {}
