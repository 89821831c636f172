"""The gateway's own tokens verify like any other's, with keys that are replaced daily."""

import pytest

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import Caller, IssuerBook, Verifier, parse
from residency.errors import IdentityError
from residency.proxy.mint import MAX_TOKEN, ROTATE, Mint
from tests.saml import GATEWAY
from tests.tokens import ISSUER, NOW

BOOK = """\
version: 1
issuers:
  - {issuer: "%s", audience: gateway, keys: {file: jwks.json}}
saml: {idp: i, metadata: {file: idp.xml}, gateway: "%s", audience: a, recipient: r, approvers: %s}
"""
CALLER = Caller(issuer=GATEWAY, subject="billing", groups=("a", "b"), expires=NOW + 60)


def book(gateway: str = GATEWAY, *, approvers: str = "false") -> IssuerBook:
    faults = Faults()
    found = parse(read(BOOK % (ISSUER, gateway, approvers), "identity.yaml", faults), faults)
    faults.check()
    assert found
    return found


def verifier(mint: Mint, **more: str) -> Verifier:
    found = Verifier(book(**more))
    found.set_keys(GATEWAY, mint.keys)
    return found


def test_a_token_names_the_caller_until_its_end() -> None:
    mint = Mint(GATEWAY, now=NOW)
    token = mint.token(CALLER, now=int(NOW), expires=int(NOW) + 60)

    assert verifier(mint).verify(token, now=NOW) == CALLER
    with pytest.raises(IdentityError, match="identity-expired"):
        verifier(mint).verify(token, now=NOW + 60)


def test_a_token_is_for_calls_and_not_for_rulings_unless_configured() -> None:
    mint = Mint(GATEWAY, now=NOW)
    token = mint.token(CALLER, now=int(NOW), expires=int(NOW) + 60)

    with pytest.raises(IdentityError, match="identity-audience"):
        verifier(mint).verify(token, now=NOW, audience="approve")
    assert verifier(mint, approvers="true").verify(token, now=NOW, audience="approve") == CALLER


def test_a_key_verifies_for_one_rotation_after_its_last_signature() -> None:
    mint = Mint(GATEWAY, now=NOW)
    token = mint.token(CALLER, now=int(NOW), expires=int(NOW) + 60)
    assert not mint.is_due(NOW + ROTATE - 1)
    assert mint.is_due(NOW + ROTATE)
    assert mint.is_due(NOW - 1), "a clock that was set back"

    mint.rotate(NOW + ROTATE)
    assert verifier(mint).verify(token, now=NOW) == CALLER
    mint.rotate(NOW + 2 * ROTATE)
    assert len(mint.keys.named) == 2
    with pytest.raises(IdentityError, match="identity-key"):
        verifier(mint).verify(token, now=NOW)


def test_another_gateways_token_is_none_of_ours() -> None:
    token = Mint(GATEWAY, now=NOW).token(CALLER, now=int(NOW), expires=int(NOW) + 60)

    with pytest.raises(IdentityError, match="identity-key"):
        verifier(Mint(GATEWAY, now=NOW)).verify(token, now=NOW)


def test_a_token_that_no_proxy_url_can_hold_is_not_made() -> None:
    many = Caller(
        issuer=GATEWAY, subject="s", groups=tuple(f"group-{n:04}" for n in range(1500)), expires=1
    )
    with pytest.raises(IdentityError, match="more groups"):
        Mint(GATEWAY, now=NOW).token(many, now=1, expires=2)
    assert MAX_TOKEN < 16 * 1024 * 3 / 4


def test_the_key_shows_nowhere() -> None:
    assert repr(Mint(GATEWAY, now=NOW)) == "Mint(1 keys)"


def test_the_gateways_name_is_no_other_issuers() -> None:
    faults = Faults()
    parse(read(BOOK % (ISSUER, ISSUER, "false"), "identity.yaml", faults), faults)

    assert [str(f) for f in faults.found] == [
        "identity.yaml:4:52: saml.gateway: this is the name of an issuer (give the gateway a name of its own)"
    ]
