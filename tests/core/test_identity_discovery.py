"""A discovery document leads to its own issuer's keys, or nowhere."""

import json
from typing import Any

import pytest

from residency.core.identity import keys_url
from tests.tokens import ISSUER, book

REMOTE = book(keys={"discovery": "true"}).issuers[ISSUER]
LOCAL = book(issuer="http://127.0.0.1:1", keys={"discovery": "true"}).issuers["http://127.0.0.1:1"]


def document(**changes: Any) -> str:
    return json.dumps({"issuer": ISSUER, "jwks_uri": "https://keys.test/jwks"} | changes)


def test_keys_may_be_on_another_host() -> None:
    assert keys_url(document(), REMOTE) == "https://keys.test/jwks"


@pytest.mark.parametrize(
    "text",
    [
        document(issuer=ISSUER + "/"),
        document(issuer="https://evil.test"),
        document(issuer=None),
        document(jwks_uri=None),
        document(jwks_uri="http://keys.test/jwks"),
        document(jwks_uri="http://127.0.0.1:1/jwks"),
        document(jwks_uri="http://localhost/jwks"),
        document(jwks_uri="https://user@keys.test/jwks"),
        document(jwks_uri="file:///etc/passwd"),
        document()[:-1] + ', "jwks_uri": "https://evil.test/"}',
        "[]",
        "",
    ],
)
def test_a_document_that_lies_leads_nowhere(text: str) -> None:
    with pytest.raises(ValueError, match=r"discovery|jwks_uri|JSON"):
        keys_url(text, REMOTE)


def test_an_issuer_on_this_machine_may_have_its_keys_here() -> None:
    text = document(issuer="http://127.0.0.1:1", jwks_uri="http://127.0.0.1:1/jwks")

    assert keys_url(text, LOCAL) == "http://127.0.0.1:1/jwks"
