"""What is refused before any parser sees it."""

import base64

import pytest

from residency.core.identity import Assertion, credentials
from residency.core.saml.text import MAX_XML, is_assertion, plain, xml_of
from residency.errors import IdentityError
from tests.tokens import token

XML = b"<Assertion>" + b"x" * 300 + b"</Assertion>"
TEXT = base64.urlsafe_b64encode(XML).rstrip(b"=").decode()


def refused(text: str) -> str:
    with pytest.raises(IdentityError) as caught:
        xml_of(text)
    assert caught.value.code == "identity-malformed"
    return caught.value.detail


@pytest.mark.parametrize("raw", [XML, XML + b"?>?>", XML + "Ä~ÿ".encode()], ids=["plain", "rest 1", "rest 2"])  # fmt: skip
def test_both_alphabets_are_read_with_and_without_padding(raw: bytes) -> None:
    for text in (base64.b64encode(raw).decode(), base64.urlsafe_b64encode(raw).decode()):
        assert xml_of(text) == xml_of(text.rstrip("=")) == raw.decode()


def test_a_text_has_one_spelling() -> None:
    raw = XML + b"?" * ((1 - len(XML)) % 3)
    text = base64.b64encode(raw).decode().rstrip("=")
    other = text[:-1] + chr(ord(text[-1]) + 1)
    assert base64.b64decode(other + "==") == raw

    for wrong in (
        other,
        text + "=====",
        text[:20] + "\n" + text[20:],
        "+" + text + "_",
        "é" + text,
    ):
        refused(wrong)


@pytest.mark.parametrize(
    ("xml", "says"),
    [
        (b'<!DOCTYPE a [<!ENTITY e "x">]><a/>', "DOCTYPE"),
        (b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>', "DOCTYPE"),
        (b"<a>user@a.com<!-- -->.evil.com</a>", "comment"),
        (b"<a><![CDATA[user]]></a>", "CDATA"),
        (b"<a><?php x?></a>", "instruction"),
        (b'<?xml version="1.0" encoding="UTF-7"?><a/>', "not in UTF-8"),
        (b'<?xml version="1.0"?><?xml version="1.0"?><a/>', "instruction"),
        ('<?xml version="1.0"?><a/>'.encode("utf-16"), "UTF-8"),
        ("<a/>".encode("utf-16-le"), "UTF-8"),
        (b"\xef\xbb\xbf<a/>", "not XML"),
        (b"a", "not XML"),
        (b"<a>\xff</a>", "UTF-8"),
        (b"<a>" + b"x" * MAX_XML + b"</a>", "longer"),
    ],
)
def test_what_an_assertion_needs_not_is_refused_unparsed(xml: bytes, says: str) -> None:
    assert says in refused(base64.b64encode(xml).decode())


def test_a_declaration_of_utf_8_is_taken_off() -> None:
    assert plain(b'\n<?xml version="1.0" encoding="utf-8"?>\n<a/>\n') == "<a/>"


def test_a_token_and_a_short_password_are_no_assertion() -> None:
    assert not is_assertion(token())
    assert not is_assertion("PASSWORD")
    assert is_assertion(TEXT)


def basic(user: str, password: str) -> list[str]:
    return ["Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()]


def test_an_assertion_is_the_password_and_nowhere_else() -> None:
    assert credentials(basic("saml", TEXT)) == Assertion(TEXT)
    assert credentials(basic("", TEXT.replace("P", "%50"))) == Assertion(TEXT)
    for values in (basic(TEXT, ""), [f"Bearer {TEXT}"]):
        with pytest.raises(IdentityError, match="identity-malformed"):
            credentials(values)


def test_a_token_and_an_assertion_are_two_identities() -> None:
    with pytest.raises(IdentityError, match="identity-conflict"):
        credentials(basic(token(), TEXT))
