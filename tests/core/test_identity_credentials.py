"""One token comes out of the headers, or a refusal: never the second best."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.identity import MAX_SIZE, ClientCredentials, Opaque, Token, credentials
from residency.errors import IdentityError

TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln"
OTHER = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJiIn0.c2ln"


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {TOKEN}",
        f"bearer  {TOKEN}",
        f"BEARER {TOKEN} ",
        basic(f"{TOKEN}:"),
        basic(f"{TOKEN}:x"),
        basic(f":{TOKEN}"),
        basic(f"anything:{TOKEN}"),
        basic(f"müller:{TOKEN}"),
        basic(f"svc.team.prod:{TOKEN}"),
        basic(f"{TOKEN.replace('.', '%2E')}:"),
        basic(f"a%40b:{TOKEN.replace('.', '%2e')}"),
    ],
)
def test_a_token_is_found_wherever_clients_put_it(value: str) -> None:
    assert credentials([value]) == Token(TOKEN)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ([], "identity-missing"),
        ([f"Bearer {TOKEN}", f"Bearer {OTHER}"], "identity-conflict"),
        ([f"Bearer {TOKEN}", f"Bearer {TOKEN}"], "identity-conflict"),
        ([f"Bearer {TOKEN}", ""], "identity-conflict"),
        ([f"Bearer {TOKEN}, Bearer {OTHER}"], "identity-conflict"),
        ([f"Bearer {TOKEN},{OTHER}"], "identity-conflict"),
        ([f"{basic(TOKEN + ':')}, Bearer {OTHER}"], "identity-conflict"),
        ([basic(f"{TOKEN}:{OTHER}")], "identity-conflict"),
        ([basic(f"{TOKEN}:{TOKEN}")], "identity-conflict"),
        ([basic(f"{TOKEN}:{OTHER.replace('.', '%2E')}")], "identity-conflict"),
        ([""], "identity-malformed"),
        (["Bearer"], "identity-malformed"),
        (["Bearer "], "identity-malformed"),
        ([f"Bearer {TOKEN} x"], "identity-malformed"),
        ([f"Bearer\t{TOKEN}"], "identity-malformed"),
        ([TOKEN], "identity-malformed"),
        ([f"Digest username={TOKEN}, realm=x"], "identity-malformed"),
        ([f"Token {TOKEN}"], "identity-malformed"),
        (["Bearer opaqué"], "identity-malformed"),
        ([f'Bearer {TOKEN}"{OTHER}'], "identity-malformed"),
        ([basic(":")], "identity-malformed"),
        ([basic("token:")], "identity-malformed"),
        ([basic("token:two words")], "identity-malformed"),
        ([basic("müller:password")], "identity-malformed"),
        ([basic("svc:pass\nword")], "identity-malformed"),
        ([basic("svc:pass%0Aword")], "identity-malformed"),
        ([basic("svc%FF:password")], "identity-malformed"),
        ([basic("x" * 257 + ":password")], "identity-malformed"),
        (["Basic"], "identity-malformed"),
        (["Basic !!!!"], "identity-malformed"),
        ([basic(TOKEN)], "identity-malformed"),
        ([basic(f"{TOKEN}\n:")], "identity-malformed"),
        ([basic(f"{TOKEN}:x").rstrip("=")], "identity-malformed"),
        ([basic(f"{TOKEN}:") + "===="], "identity-malformed"),
        (["Basic " + base64.b64encode(b"\xff:" + TOKEN.encode()).decode()], "identity-malformed"),
        ([f"Bearer {TOKEN}" + "x" * MAX_SIZE], "identity-malformed"),
        ([f"Bearer {TOKEN}\udcff"], "identity-malformed"),
    ],
)
def test_what_is_not_one_token_is_refused(values: list[str], code: str) -> None:
    with pytest.raises(IdentityError) as caught:
        credentials(values)

    assert caught.value.code == code
    assert TOKEN not in str(caught.value)
    assert caught.value.__context__ is None


def test_another_spelling_of_the_same_base64_is_refused() -> None:
    value = next(v for n in range(3) if (v := basic(TOKEN + ":" + "x" * n)).endswith("=="))
    assert credentials([value]) == Token(TOKEN)
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = value[:-3] + last[last.index(value[-3]) + 1] + "=="

    with pytest.raises(IdentityError, match="identity-malformed"):
        credentials([other])


@pytest.mark.parametrize(
    ("value", "id_", "secret"),
    [
        (basic("svc-billing:s3cret"), "svc-billing", "s3cret"),
        (basic("svc:a:b"), "svc", "a:b"),
        (basic("a%3Ab:s%2Fc%25"), "a:b", "s/c%"),
        (basic("svc.team.prod:x+y z"), "svc.team.prod", "x+y z"),
    ],
)
def test_user_and_password_that_are_no_jwt_are_a_client(value: str, id_: str, secret: str) -> None:
    assert credentials([value]) == ClientCredentials(id_, secret)


@pytest.mark.parametrize(
    "value", ["Bearer o-p.a_q~ue+/==", *map(basic, ["O:", ":O", "token:O", "%4F:"])]
)
def test_one_text_that_is_no_jwt_is_an_opaque_token(value: str) -> None:
    assert isinstance(credentials([value]), Opaque)


@pytest.mark.parametrize(
    "proof", [Token("hidden"), Opaque("hidden"), ClientCredentials("a", "hidden")]
)
def test_no_proof_shows_what_it_holds(proof: object) -> None:
    assert "hidden" not in repr(proof) + str(proof) + f"{proof}"


@given(st.lists(st.one_of(st.text(), st.text().map(basic), st.text().map("Bearer {}".format))))
def test_any_headers_are_no_jwt_or_refused_with_an_identity_code(values: list[str]) -> None:
    code, found = "identity-", None
    try:
        found = credentials(values)
    except IdentityError as e:
        code = e.code

    assert code.startswith("identity-")
    assert not isinstance(found, Token)
