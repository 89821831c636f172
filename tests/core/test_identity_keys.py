"""A JWK set holds what may verify, and nothing else (RFC 7517; THREATS of wrong use and short keys)."""

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given
from hypothesis import strategies as st
from jwt.algorithms import OKPAlgorithm, RSAAlgorithm

from residency.core.identity import KeySet
from tests.tokens import ec_key, jwk, jwks, rsa_key


def only(key: dict[str, Any]) -> KeySet:
    return KeySet.parse(jwks(key))


def test_keys_are_found_by_their_kid() -> None:
    found = KeySet.parse(jwks(jwk(rsa_key(), "a"), jwk(ec_key(), "b"), jwk(ec_key())))

    assert sorted(found.named) == ["a", "b"]
    assert len(found.nameless) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "sig"},
        {"key_ops": ["verify"]},
        {"use": "sig", "key_ops": ["sign", "verify"]},
        {"alg": "RS256"},
        {"x5t": "x", "x5c": ["ignored"]},
    ],
)
def test_a_key_for_signatures_is_usable(changes: dict[str, Any]) -> None:
    assert only(jwk(rsa_key(), "a", **changes))


@pytest.mark.parametrize(
    "changes",
    [
        {"use": "enc"},
        {"use": None},
        {"use": ["sig"]},
        {"key_ops": []},
        {"key_ops": ["encrypt"]},
        {"key_ops": "verify"},
        {"use": "sig", "key_ops": ["wrapKey"]},
        {"alg": "HS256"},
        {"alg": "none"},
        {"alg": "RSA-OAEP"},
        {"alg": "ES256"},
        {"alg": 1},
        {"kty": "oct"},
        {"kty": "EC"},
        {"kty": ["RSA"]},
        {"kid": 1},
        {"kid": ["a"]},
        {"n": "AQAB"},
        {"n": 1},
        {"n": "!"},
        {"n": ""},
        {"e": "AQ"},
        {"e": "Ag"},
    ],
)
def test_a_key_for_anything_else_is_left_out(changes: dict[str, Any]) -> None:
    assert not only(jwk(rsa_key(), "a") | changes)


def test_a_secret_key_is_left_out() -> None:
    assert not only({"kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0", "kid": "a"})


def test_a_private_key_is_left_out() -> None:
    assert not only(dict(RSAAlgorithm.to_jwk(rsa_key(), as_dict=True)) | {"key_ops": ["verify"]})


def test_a_short_key_is_left_out() -> None:
    assert not only(jwk(rsa_key("short", 1024), "a"))


def test_a_curve_that_is_not_known_is_left_out() -> None:
    assert not only(jwk(ec.generate_private_key(ec.SECP256K1()), "a"))
    assert not only(jwk(ec_key(), "a", crv="P-384"))


@pytest.mark.parametrize(
    ("key", "algorithms"),
    [
        (jwk(rsa_key(), "a"), {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}),
        (jwk(rsa_key(), "a", alg="PS256"), {"PS256"}),
        (jwk(ec_key(), "a"), {"ES256"}),
        (jwk(ec.generate_private_key(ec.SECP384R1()), "a"), {"ES384"}),
        (jwk(ec.generate_private_key(ec.SECP521R1()), "a"), {"ES512"}),
        (
            dict(
                OKPAlgorithm.to_jwk(
                    ed25519.Ed25519PrivateKey.generate().public_key(), as_dict=True
                )
            )
            | {"kid": "a"},
            {"EdDSA"},
        ),
    ],
)
def test_a_key_is_for_the_algorithms_of_its_type(
    key: dict[str, Any], algorithms: set[str]
) -> None:
    assert only(key).named["a"].algorithms == algorithms


def test_a_kid_that_two_keys_share_names_neither() -> None:
    found = KeySet.parse(jwks(jwk(rsa_key(), "a"), jwk(rsa_key("evil"), "a"), jwk(ec_key(), "b")))

    assert list(found.named) == ["b"]
    assert len(found.fitting("RS256")) == 0


def test_a_key_for_encryption_does_not_hide_one_of_the_same_name() -> None:
    found = KeySet.parse(jwks(jwk(rsa_key(), "a"), jwk(rsa_key("evil"), "a", use="enc")))

    assert found.named["a"].public == rsa_key().public_key()


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"keys": null}', '{"keys": {}}', '{"keys": [], "keys": []}', "NaN"],
)
def test_what_is_no_jwk_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="object"):
        KeySet.parse(text)


value = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)
name = st.sampled_from(["kty", "crv", "n", "e", "x", "y", "use", "key_ops", "alg", "kid", "d"])


@given(
    st.lists(
        st.one_of(
            value,
            st.dictionaries(name, value).map(lambda d: jwk(rsa_key(), "a") | d),
            st.dictionaries(name, value).map(lambda d: jwk(ec_key(), "b") | d),
        ),
        max_size=4,
    )
)
def test_an_odd_key_never_spoils_a_good_one(odd: list[Any]) -> None:
    good = jwk(rsa_key("good"), "good, and nobody else's")

    assert "good, and nobody else's" in KeySet.parse(json.dumps({"keys": [*odd, good]})).named
