"""What is remembered is forgotten in time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.identity import Caller, KeySet, UnknownKey, Verifier, verifier
from residency.core.plain import Plain
from residency.errors import IdentityError
from tests.tokens import ISSUER, NOW, book, claims, jwk, jwks, key_set, rsa_key, token


def made(**changes: object) -> Verifier:
    return Verifier(book(**changes), {ISSUER: key_set()})


def test_a_second_look_gives_the_same_caller_without_the_keys() -> None:
    asked = made()
    first = asked.verify(token(), now=NOW)
    asked._keys.clear()

    assert asked.verify(token(), now=NOW + 1) is first


def test_a_remembered_token_runs_out_all_the_same() -> None:
    asked = made()
    text = token()
    asked.verify(text, now=NOW)

    with pytest.raises(IdentityError, match="identity-expired"):
        asked.verify(text, now=NOW + 630)


def test_a_clock_set_back_makes_a_remembered_token_early() -> None:
    asked = made()
    text = token(claims(nbf=int(NOW)))
    asked.verify(text, now=NOW)

    with pytest.raises(IdentityError, match="identity-early"):
        asked.verify(text, now=NOW - 31)


def test_a_token_remembered_for_calls_is_none_for_rulings() -> None:
    asked = made(approver_audience="approvals")
    text = token()
    asked.verify(text, now=NOW)

    with pytest.raises(IdentityError, match="identity-audience"):
        asked.verify(text, now=NOW, audience="approve")


def test_a_withdrawn_key_takes_its_tokens_along() -> None:
    asked = made()
    text = token()
    asked.verify(text, now=NOW)

    asked.set_keys(ISSUER, KeySet.parse(jwks(jwk(rsa_key("new"), "new"))))

    with pytest.raises(UnknownKey):
        asked.verify(text, now=NOW)


def test_keys_that_are_too_old_leave_nobody_known() -> None:
    asked = made()
    text = token()
    asked.verify(text, now=NOW)

    asked.set_keys(ISSUER, None)
    asked.set_keys(ISSUER, None)

    assert asked.missing == [ISSUER]
    with pytest.raises(UnknownKey):
        asked.verify(text, now=NOW)


def test_new_keys_of_one_issuer_leave_the_others_remembered() -> None:
    asked = made()
    first = asked.verify(token(), now=NOW)

    asked.set_keys("https://other.test", KeySet({}))

    assert asked.verify(token(), now=NOW) is first


def test_a_refused_token_is_not_remembered() -> None:
    asked = made()
    text = token(kid="new", key=rsa_key("new"))
    with pytest.raises(UnknownKey):
        asked.verify(text, now=NOW)

    asked.set_keys(ISSUER, KeySet.parse(jwks(jwk(rsa_key("new"), "new"))))

    assert asked.verify(text, now=NOW).subject == "billing"


def test_memory_is_bounded_and_the_least_used_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verifier, "MAX_REMEMBERED", 2)
    asked = made()
    a, b, c = (token(claims(sub=s)) for s in "abc")
    kept, lost = asked.verify(a, now=NOW), asked.verify(b, now=NOW)
    asked.verify(a, now=NOW)

    asked.verify(c, now=NOW)

    assert len(asked._known) == 2
    assert asked.verify(a, now=NOW) is kept
    assert asked.verify(b, now=NOW) is not lost


def test_no_token_is_kept() -> None:
    asked = made()
    text = token()
    asked.verify(text, now=NOW)

    assert not any(part in repr(vars(asked)) for part in text.split("."))


@given(st.text())
def test_any_text_is_refused_with_an_identity_code(text: str) -> None:
    with pytest.raises(IdentityError) as caught:
        made().verify(text, now=NOW)

    assert caught.value.code.startswith("identity-")


def test_an_oversized_text_is_refused() -> None:
    with pytest.raises(IdentityError, match="identity-malformed"):
        made().verify("e" * 5_000_000, now=NOW)


CALLER = Caller(issuer=ISSUER, subject="billing", groups=("a", "b"), expires=NOW)


@given(
    st.builds(
        Caller,
        issuer=st.text(),
        subject=st.text(),
        groups=st.sets(st.text()).map(lambda g: tuple(sorted(g))),
        expires=st.floats(allow_nan=False),
    )
)
def test_a_caller_survives_as_plain_values(caller: Caller) -> None:
    assert Caller.from_plain(caller.to_plain()) == caller


@pytest.mark.parametrize(
    "odd",
    [
        {"issuer": None},
        {"subject": 1},
        {"groups": None},
        {"groups": "a"},
        {"groups": ["b", "a"]},
        {"groups": ["a", "a"]},
        {"groups": ["a", 1]},
        {"expires": "1"},
        {"expires": True},
        {"expires": None},
    ],
)
def test_odd_plain_values_are_no_caller(odd: dict[str, Plain]) -> None:
    with pytest.raises(TypeError):
        Caller.from_plain(CALLER.to_plain() | odd)
    with pytest.raises(TypeError):
        Caller.from_plain({k: v for k, v in CALLER.to_plain().items() if k not in odd})
