"""A token that is bound to a certificate is nothing in other hands (RFC 8705, 3)."""

from collections.abc import Callable
from typing import Any

import pytest

from residency.core.identity import Caller, Holder, Verifier, verify
from residency.errors import IdentityError
from tests.certificates import Certified
from tests.tokens import ISSUER, NOW, book, claims, key_set, token

MINE = Certified.root(NOW, "mine").presented.thumbprint
YOURS = Certified.root(NOW, "yours").presented.thumbprint


def bound(cnf: Any = None) -> str:
    return token(claims(cnf={"x5t#S256": MINE} if cnf is None else cnf))


def code(proof: str, holder: Holder | None) -> str:
    """``known``, or why not; the same from ``verify`` and, warm and cold, from ``Verifier``."""
    keys = {ISSUER: key_set()}
    known = Verifier(book(), keys)
    said = set()
    asks: list[Callable[[], Caller]] = [
        lambda: verify(proof, book(), keys, now=NOW, certificate=holder),
        lambda: known.verify(proof, now=NOW, certificate=holder),
    ]
    for ask in (*asks, asks[-1]):
        try:
            ask()
        except IdentityError as e:
            said.add("value shown" if MINE in f"{e} {e.detail}" else e.code)
        else:
            said.add("known")
    assert len(said) == 1
    return said.pop()


def test_with_its_certificate_a_bound_token_counts() -> None:
    assert code(bound(), Holder(MINE, transport=False)) == "known"
    assert code(bound(), Holder(MINE, transport=True)) == "known"


def test_with_another_certificate_a_bound_token_is_refused() -> None:
    assert code(bound(), Holder(YOURS, transport=True)) == "identity-binding"


def test_without_a_certificate_a_bound_token_is_refused() -> None:
    assert code(bound(), None) == "identity-binding"


def test_a_token_that_was_just_verified_for_its_holder_is_refused_to_another() -> None:
    known = Verifier(book(), {ISSUER: key_set()})
    proof = bound()
    known.verify(proof, now=NOW, certificate=Holder(MINE, transport=False))

    for holder in (None, Holder(YOURS, transport=False)):
        with pytest.raises(IdentityError, match="identity-binding"):
            known.verify(proof, now=NOW, certificate=holder)


@pytest.mark.parametrize(
    "cnf",
    [
        {},
        [],
        None,
        "x",
        {"jkt": MINE},
        {"jwk": {}},
        {"x5t#S256": MINE, "jkt": MINE},
        {"x5t": MINE},
        {"x5t#S256": None},
        {"x5t#S256": MINE + "="},
        {"x5t#S256": MINE[:-1]},
        {"x5t#S256": ""},
        {"x5t#S256": MINE[:-1] + "B"},
        {"x5t#S256": "é" * 43},
    ],
)
def test_a_binding_that_cannot_be_checked_is_refused(cnf: Any) -> None:
    proof = token(claims(cnf=cnf))

    assert code(proof, Holder(MINE, transport=True)) == "identity-binding"
    assert code(proof, None) == "identity-binding"


def test_a_token_and_a_certificate_that_do_not_know_each_other_are_two_callers() -> None:
    assert code(token(), Holder(MINE, transport=False)) == "identity-conflict"
    assert code(token(), Holder(MINE, transport=True)) == "known"
    assert code(token(), None) == "known"
