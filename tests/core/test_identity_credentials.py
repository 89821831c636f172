"""One token comes out of the headers, or a refusal: never the second best."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.identity import MAX_SIZE, credentials
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
    assert credentials([value]) == TOKEN


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
        (["Bearer opaque"], "identity-malformed"),
        ([TOKEN], "identity-malformed"),
        ([f"Digest username={TOKEN}, realm=x"], "identity-malformed"),
        ([f"Token {TOKEN}"], "identity-malformed"),
        (["Basic"], "identity-malformed"),
        (["Basic !!!!"], "identity-malformed"),
        ([basic(TOKEN)], "identity-malformed"),
        ([basic("user:password")], "identity-malformed"),
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
    assert credentials([value]) == TOKEN
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = value[:-3] + last[last.index(value[-3]) + 1] + "=="

    with pytest.raises(IdentityError, match="identity-malformed"):
        credentials([other])


@given(st.lists(st.one_of(st.text(), st.text().map(basic), st.text().map("Bearer {}".format))))
def test_any_headers_are_refused_with_an_identity_code(values: list[str]) -> None:
    with pytest.raises(IdentityError) as caught:
        credentials(values)

    assert caught.value.code.startswith("identity-")
