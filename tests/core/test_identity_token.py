"""The attacks on a token, each with the one code that it must end with (PyJWT 2.15 measured)."""

import base64
import hashlib
import hmac
import json
import traceback
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import example, given
from hypothesis import strategies as st
from jwt.algorithms import RSAAlgorithm

from residency.core.identity import KeySet, UnknownKey, verify
from residency.errors import IdentityError
from tests.tokens import (
    ISSUER,
    NOW,
    base64url,
    book,
    claims,
    ec_key,
    jwk,
    jwks,
    key_set,
    rsa_key,
    token,
)

KEYS = {ISSUER: key_set()}
CANARY = "canary-4711"


def refused(text: str, **changes: Any) -> IdentityError:
    with pytest.raises(IdentityError) as caught:
        verify(text, book(**changes), KEYS, now=NOW)
    return caught.value


def accepted(text: str, **changes: Any) -> bool:
    return verify(text, book(**changes), KEYS, now=NOW).subject == "billing"


def test_a_good_token_names_its_caller() -> None:
    caller = verify(token(), book(), KEYS, now=NOW)

    assert caller.key == (ISSUER, "billing")
    assert caller.groups == ("eu-services",)
    assert caller.expires == NOW + 600


def test_an_elliptic_key_verifies_too() -> None:
    assert verify(token(key=ec_key()), book(), KEYS, now=NOW).subject == "billing"


def swapped(text: str, part: int, value: str) -> str:
    parts = text.split(".")
    parts[part] = value
    return ".".join(parts)


def hmac_with_public_key() -> str:
    """RS256 → HS256 with the public key as the secret (CVE-2015-9235)."""
    pem = (
        rsa_key()
        .public_key()
        .public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    text = token(alg="HS256").rsplit(".", 1)[0]
    return f"{text}.{base64url(hmac.new(pem, text.encode(), hashlib.sha256).digest())}"


def doubled(value: dict[str, Any], name: str, first: object) -> str:
    return json.dumps(value).replace("{", f"{{{json.dumps(name)}: {json.dumps(first)}, ", 1)


HEADER = {"alg": "RS256", "typ": "at+jwt", "kid": "rsa"}

ATTACKS: dict[str, tuple[Callable[[], str], str]] = {
    # G1
    "alg none, unsigned": (lambda: swapped(token(alg="none"), 2, ""), "identity-algorithm"),
    "alg nOnE": (lambda: token(alg="nOnE"), "identity-algorithm"),
    "no alg": (lambda: token(alg=...), "identity-algorithm"),
    "alg a list": (lambda: token(alg=["RS256"]), "identity-algorithm"),
    "alg not of this issuer": (lambda: token(alg="PS256"), "identity-algorithm"),
    # G2
    "public key as HMAC secret": (hmac_with_public_key, "identity-algorithm"),
    "alg of another key type": (lambda: token(alg="ES256"), "identity-algorithm"),
    "kid of another key type": (lambda: token(kid="ec"), "identity-algorithm"),
    # G3
    "no exp": (lambda: token(claims(exp=...)), "identity-claims"),
    "no iat": (lambda: token(claims(iat=...)), "identity-claims"),
    "no iss": (lambda: token(claims(iss=...)), "identity-claims"),
    "no aud": (lambda: token(claims(aud=...)), "identity-claims"),
    "no sub": (lambda: token(claims(sub=...)), "identity-claims"),
    "exp null": (lambda: token(claims(exp=None)), "identity-claims"),
    "another audience": (lambda: token(claims(aud="other")), "identity-audience"),
    "no audience in the list": (lambda: token(claims(aud=[])), "identity-claims"),
    "audience a number": (lambda: token(claims(aud=1)), "identity-audience"),
    "audience with a number in it": (lambda: token(claims(aud=["gateway", 1])), "identity-audience"),
    "lives longer than may be": (
        lambda: token(claims(exp=int(NOW) - 60 + 24 * 3600 + 1)),
        "identity-claims",
    ),
    "ends before it begins": (lambda: token(claims(exp=int(NOW) - 61)), "identity-claims"),
    # G4
    "exp a float": (lambda: token(claims(exp=1e308)), "identity-claims"),
    "exp a text": (lambda: token(claims(exp=str(int(NOW) + 600))), "identity-claims"),
    "exp true": (lambda: token(claims(exp=True)), "identity-claims"),
    "iat a float": (lambda: token(claims(iat=NOW - 60)), "identity-claims"),
    "nbf a text": (lambda: token(claims(nbf="1")), "identity-claims"),
    "nbf true": (lambda: token(claims(nbf=True)), "identity-claims"),
    "nbf null": (lambda: token(claims(nbf=None)), "identity-claims"),
    # G5
    "Infinity": (lambda: token(json.dumps(claims(exp=float("inf")))), "identity-malformed"),
    "NaN somewhere": (lambda: token(json.dumps(claims(x=float("nan")))), "identity-malformed"),
    "5000 digits": (
        lambda: token(json.dumps(claims(exp=1)).replace('"exp": 1', '"exp": ' + "9" * 5000)),
        "identity-malformed",
    ),
    "4000 digits": (
        lambda: token(json.dumps(claims(exp=1)).replace('"exp": 1', '"exp": ' + "9" * 4000)),
        "identity-claims",
    ),
    "nested without end": (
        lambda: token(json.dumps(claims(x=1)).replace('"x": 1', '"x": ' + "[" * 8000)),
        "identity-malformed",
    ),
    "a list for claims": (lambda: token("[]"), "identity-malformed"),
    "a list for a header": (lambda: token(header="[]"), "identity-malformed"),
    # G6
    "sub twice": (lambda: token(doubled(claims(), "sub", "admin")), "identity-malformed"),
    "alg twice": (lambda: token(header=doubled(HEADER, "alg", "none")), "identity-malformed"),
    "a nested name twice": (
        lambda: token(json.dumps(claims(x=0)).replace('"x": 0', '"x": {"a": 1, "a": 2}')),
        "identity-malformed",
    ),
    # G7
    "a key of its own": (
        lambda: token(key=rsa_key("evil"), jwk=jwk(rsa_key("evil"))),
        "identity-signature",
    ),
    "a key of its own, elsewhere": (
        lambda: token(key=rsa_key("evil"), jku="https://evil.test/", x5u="https://evil.test/"),
        "identity-signature",
    ),
    # G8
    "kid a path": (lambda: token(kid="../../dev/null"), "identity-key"),
    "kid a query": (lambda: token(kid="' OR 1=1 --"), "identity-key"),
    "kid a list": (lambda: token(kid=["rsa"]), "identity-malformed"),
    "kid a number": (lambda: token(kid=1), "identity-malformed"),
    "kid null": (lambda: token(kid=None), "identity-malformed"),
    "kid huge": (lambda: token(kid="k" * 257), "identity-malformed"),
    # G9
    "crit": (lambda: token(crit=["x"], x=1), "identity-malformed"),
    "crit empty": (lambda: token(crit=[]), "identity-malformed"),
    "b64 false": (lambda: token(crit=["b64"], b64=False), "identity-malformed"),
    "b64 true and critical": (lambda: token(crit=["b64"], b64=True), "identity-malformed"),
    # G10, the spelling
    "padding that fits": (lambda: token() + "==", "identity-malformed"),
    "padding": (lambda: token() + "=", "identity-malformed"),
    "standard base64": (lambda: swapped(token(), 0, token().split(".")[0] + "+/"), "identity-malformed"),
    "two parts": (lambda: token().rsplit(".", 1)[0], "identity-malformed"),
    "five parts": (lambda: token() + ".x.y", "identity-malformed"),
    "white space": (lambda: token() + "\n", "identity-malformed"),
    "not ASCII": (lambda: token() + "\udcff", "identity-malformed"),
    "UTF-16 claims": (
        lambda: swapped(token(), 1, base64url(json.dumps(claims()).encode("utf-16"))),
        "identity-malformed",
    ),
    "a byte order mark": (lambda: token("\ufeff" + json.dumps(claims())), "identity-malformed"),
    "no text": (lambda: "", "identity-malformed"),
    # G12
    "oversized": (lambda: token(claims(x="x" * 16384)), "identity-malformed"),
    # G13
    "expired beyond the leeway": (lambda: token(claims(exp=int(NOW) - 30)), "identity-expired"),
    "issued in the future": (lambda: token(claims(iat=int(NOW) + 31)), "identity-early"),
    "not before": (lambda: token(claims(nbf=int(NOW) + 31)), "identity-early"),
    # G14
    "issuer with a slash": (lambda: token(claims(iss=ISSUER + "/")), "identity-issuer"),
    "issuer in capitals": (lambda: token(claims(iss=ISSUER.upper())), "identity-issuer"),
    "issuer a list": (lambda: token(claims(iss=[ISSUER])), "identity-claims"),
    "a logout token": (lambda: token(typ="logout+jwt"), "identity-claims"),
    "typ a number": (lambda: token(typ=1), "identity-claims"),
    "typ null": (lambda: token(typ=None), "identity-claims"),
    # G15
    "groups overage": (
        lambda: token(claims(groups=..., _claim_names={"groups": "src1"})),
        "identity-claims",
    ),
    "groups overage beside groups": (
        lambda: token(claims(_claim_names={"groups": "src1"})),
        "identity-claims",
    ),
    "odd overage": (lambda: token(claims(_claim_names="groups")), "identity-claims"),
    "hasgroups": (lambda: token(claims(groups=..., hasgroups=True)), "identity-claims"),
    "a group that is no text": (lambda: token(claims(groups=["a", 1])), "identity-claims"),
    "groups an object": (lambda: token(claims(groups={"a": 1})), "identity-claims"),
    "groups null": (lambda: token(claims(groups=None)), "identity-claims"),
    "an empty group": (lambda: token(claims(groups=[""])), "identity-claims"),
    "a group with a line break": (lambda: token(claims(groups=["a\nb"])), "identity-claims"),
    # G20
    "sub empty": (lambda: token(claims(sub="")), "identity-claims"),
    "sub a number": (lambda: token(claims(sub=1)), "identity-claims"),
    "sub with a control character": (lambda: token(claims(sub="a\x1b[2J")), "identity-claims"),
    "sub with a bidirectional override": (lambda: token(claims(sub="a\u202eb")), "identity-claims"),
    "sub with a lone surrogate": (
        lambda: token(json.dumps(claims(sub="@")).replace("@", "\\ud800")),
        "identity-claims",
    ),
    "sub too long": (lambda: token(claims(sub="s" * 257)), "identity-claims"),
    # the signature
    "another's signature": (lambda: token(key=rsa_key("evil")), "identity-signature"),
    "claims exchanged": (
        lambda: swapped(token(), 1, base64url(json.dumps(claims(sub="admin")).encode())),
        "identity-signature",
    ),
    "no signature": (lambda: swapped(token(), 2, ""), "identity-signature"),
}  # fmt: skip


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_ends_with_its_code(name: str) -> None:
    attack, code = ATTACKS[name]

    assert refused(attack()).code == code


def test_a_signature_is_judged_before_any_claim_but_the_issuer() -> None:
    assert refused(token(claims(exp=0, aud="x"), key=rsa_key("evil"))).code == "identity-signature"


@pytest.mark.parametrize("typ", ["JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", ...])
def test_usual_types_pass(typ: object) -> None:
    assert accepted(token(typ=typ))


def test_where_only_access_tokens_are_accepted_others_are_not() -> None:
    assert refused(token(typ="JWT"), types=["application/at+jwt"]).code == "identity-claims"
    assert refused(token(typ=...), types=["at+jwt"]).code == "identity-claims"
    assert accepted(token(), types=["application/at+jwt"])


def test_a_token_for_calls_is_none_for_rulings() -> None:
    trusted = book(approver_audience="approvals")

    with pytest.raises(IdentityError, match="identity-audience"):
        verify(token(), trusted, KEYS, now=NOW, audience="approve")
    ruling = token(claims(aud=["approvals"]))
    assert verify(ruling, trusted, KEYS, now=NOW, audience="approve").subject == "billing"
    with pytest.raises(IdentityError, match="identity-audience"):
        verify(ruling, trusted, KEYS, now=NOW)


def test_a_subject_outside_the_pattern_is_refused() -> None:
    assert refused(token(), subject="team-*").code == "identity-claims"
    assert accepted(token(), subject="bill*")


@pytest.mark.parametrize(
    ("groups", "sent", "expected"),
    [
        ("groups", {"groups": "one"}, ("one",)),
        ("groups", {"groups": ["b", "a", "b"]}, ("a", "b")),
        ("groups", {"groups": ...}, ()),
        ("groups", {"groups": []}, ()),
        ("realm_access.roles", {"realm_access": {"roles": ["r"]}}, ("r",)),
        ("realm_access.roles", {}, ()),
        ("roles", {"roles": ["r"], "_claim_names": {"groups": "src1"}}, ("r",)),
        ("https://example.com/groups", {"https://example.com/groups": ["n"]}, ("n",)),
        (["kubernetes.io", "namespace"], {"kubernetes.io": {"namespace": "prod"}}, ("prod",)),
    ],
)
def test_groups_are_found_where_the_book_says(
    groups: object, sent: dict[str, Any], expected: tuple[str, ...]
) -> None:
    assert verify(token(claims(**sent)), book(groups=groups), KEYS, now=NOW).groups == expected


def test_nested_groups_of_another_shape_are_not_no_groups() -> None:
    text = token(claims(realm_access=["roles"]))

    assert refused(text, groups="realm_access.roles").code == "identity-claims"


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (570, None),
        (629.9, None),
        (630, "identity-expired"),
        (-90, None),
        (-90.1, "identity-early"),
    ],
)
def test_the_clocks_may_differ_by_the_leeway_and_no_more(at: float, code: str | None) -> None:
    if code is None:
        assert verify(token(), book(leeway=30), KEYS, now=NOW + at).subject == "billing"
        return
    with pytest.raises(IdentityError, match=code):
        verify(token(), book(leeway=30), KEYS, now=NOW + at)


def test_a_clock_that_answers_nonsense_admits_nobody() -> None:
    with pytest.raises(IdentityError):
        verify(token(), book(), KEYS, now=float("nan"))


def test_an_unknown_key_says_whose_keys_to_renew() -> None:
    with pytest.raises(UnknownKey) as caught:
        verify(token(kid="new"), book(), KEYS, now=NOW)

    assert (caught.value.code, caught.value.issuer) == ("identity-key", ISSUER)


def test_an_issuer_without_keys_verifies_nothing() -> None:
    with pytest.raises(UnknownKey):
        verify(token(), book(), {}, now=NOW)
    with pytest.raises(UnknownKey):
        verify(token(), book(), {ISSUER: KeySet({})}, now=NOW)


def test_without_a_kid_the_one_key_that_fits_is_used() -> None:
    assert accepted(token(kid=...))


def test_without_a_kid_two_keys_that_fit_are_none() -> None:
    two = KeySet.parse(jwks(jwk(rsa_key(), "a"), jwk(rsa_key("evil"))))

    with pytest.raises(IdentityError, match="identity-key") as caught:
        verify(token(kid=...), book(), {ISSUER: two}, now=NOW)

    assert not isinstance(caught.value, UnknownKey)


def test_a_pss_signature_of_the_same_key_is_accepted_where_the_book_says() -> None:
    text = jwt.encode(claims(), rsa_key(), "PS256", {"kid": "rsa"})

    assert accepted(text, algorithms=["PS256"])


@pytest.mark.parametrize(
    "text",
    [
        token(claims(sub=CANARY + "\n")),
        token(claims(groups=[{CANARY: 1}])),
        token(claims(aud=CANARY)),
        token(claims(iss=CANARY)),
        token(kid=CANARY),
        token(alg=CANARY),
        token(typ=CANARY),
        token('{"sub": "' + CANARY + '", '),
        token('{"a": "' + CANARY + '", "a": 1}'),
        CANARY,
    ],
)
def test_no_refusal_repeats_the_token(text: str) -> None:
    error = refused(text)
    told = "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__)

    assert CANARY not in told
    assert base64.b64encode(CANARY.encode()).decode()[:8] not in told
    assert not isinstance(error.__context__, ValueError)


part = st.one_of(
    st.text(max_size=40),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    ).map(lambda v: base64url(json.dumps(v).encode())),
)


@given(st.one_of(st.text(), st.lists(part, min_size=3, max_size=3).map(".".join)))
@example("..")
@example("e30.e30.")
@example("\ud800.a.b")
def test_any_text_is_refused_with_an_identity_code(text: str) -> None:
    assert refused(text).code.startswith("identity-")


value = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=9),
    st.lists(st.text(max_size=3)),
)


@given(
    st.dictionaries(
        st.sampled_from(
            ["exp", "iat", "nbf", "sub", "aud", "groups", "jti", "hasgroups", "_claim_names"]
        ),
        value,
    ),
    st.dictionaries(st.sampled_from(["alg", "kid", "typ", "x5t", "cty", "b64"]), value),
)
def test_signed_nonsense_is_a_caller_or_an_identity_code(
    odd: dict[str, Any], header: dict[str, Any]
) -> None:
    try:
        caller = verify(token(claims(**odd), key=ec_key(), **header), book(), KEYS, now=NOW)
    except IdentityError as e:
        assert e.code.startswith("identity-")  # noqa: PT017 - either end is right, nothing else is
    else:
        assert caller.subject.isprintable()
        assert NOW - 30 < caller.expires <= NOW + 30 + 24 * 3600


@given(st.data())
def test_a_token_with_one_character_changed_is_never_accepted(data: st.DataObject) -> None:
    good = token()
    at = data.draw(st.integers(0, len(good) - 1))
    other = data.draw(st.characters(codec="ascii").filter(lambda c: c != good[at]))

    assert refused(good[:at] + other + good[at + 1 :]).code.startswith("identity-")


def test_a_tokens_signature_is_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """All the rest of a fresh token costs next to nothing beside it."""
    looks = Mock(return_value=True)
    monkeypatch.setattr(RSAAlgorithm, "verify", looks)

    verify(token(), book(), KEYS, now=NOW)

    assert looks.call_count == 1
