"""THREATS H: an assertion counts if the provider signed exactly it, for us, now. Signed here by xmlsec1."""

import re
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from residency.core.faults import Faults
from residency.core.saml import markup, metadata
from residency.core.saml.block import SamlBlock
from residency.core.saml.settings import SamlSettings, Trust, settings
from residency.core.saml.verify import Verified, verify
from residency.errors import CODES, IdentityError
from tests import saml
from tests.saml import (
    BLOCK,
    IDP,
    NS,
    assertion,
    attribute,
    certificate,
    pem_of,
    sign,
    template,
    unsigned,
)
from tests.tokens import NOW

pytestmark = saml.needs_xmlsec1
EVIL = "mallory"


def trust(*certificates: Any, more: str = "") -> Trust:
    faults = Faults()
    found = metadata.parse(
        saml.metadata(*certificates, more=more), source="idp.xml", idp=IDP, faults=faults
    )
    faults.check()
    assert found
    return found


def judged_by(**changes: Any) -> SamlSettings:
    return settings(SamlBlock.model_validate(BLOCK | changes))


def judge(
    xml: str | bytes, *, now: float = NOW, by: Trust | None = None, **changes: Any
) -> Verified:
    raw = xml if isinstance(xml, bytes) else xml.encode()
    return verify(raw, judged_by(**changes), by or trust(), now=now)


def refused(xml: str | bytes, code: str, says: str = "", **more: Any) -> None:
    with pytest.raises(IdentityError) as caught:
        judge(xml, **more)
    assert (caught.value.code, caught.value.code in CODES) == (code, True)
    assert says in caught.value.detail
    text = "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None
    assert "billing" not in text
    assert EVIL not in text


@pytest.fixture(scope="module")
def good() -> str:
    return assertion()


# What counts


@pytest.mark.parametrize("key", ["rsa", "ec"])
def test_a_signed_assertion_names_its_caller(key: str) -> None:
    found = judge(assertion(key=key, groups=("b", "a", "b")), by=trust(certificate(key)))

    assert found.caller.to_plain() == {
        "issuer": saml.GATEWAY, "subject": "billing", "groups": ["a", "b"], "expires": NOW + 300,
    }  # fmt: skip
    assert (found.until, found.last, found.one_time) == (NOW + 300, NOW + 330, False)


def test_either_certificate_counts_while_the_provider_changes_keys() -> None:
    both = trust(certificate("ec"), certificate("old"), certificate())

    for key in ("rsa", "old", "ec"):
        assert judge(assertion(key=key), by=both).caller.subject == "billing"


def test_declaration_blanks_and_whitespace_around_do_not_matter(good: str) -> None:
    assert judge(f'<?xml version="1.0" encoding="UTF-8"?>\n{good}\n') == judge(good)


def test_life_ends_with_the_earliest_of_all_ends() -> None:
    assert judge(assertion(lifetime=9000, delivered=60)).caller.expires == NOW + 60
    assert judge(assertion(lifetime=9000, delivered=9000)).caller.expires == NOW - 60 + 3600
    session = f'<saml:AuthnStatement AuthnInstant="{saml.stamp(NOW)}" SessionNotOnOrAfter="{saml.stamp(NOW + 40)}"/>'
    assert judge(assertion(lifetime=9000, delivered=9000, authn=session)).until == NOW + 40
    assert judge(assertion(lifetime=9000, delivered=60)).until == NOW + 9000


def test_subject_and_groups_may_be_attributes() -> None:
    xml = assertion(attributes=attribute("mail", "a@b.test") + attribute("roles", "x", "y"))

    found = judge(xml, subject="mail", groups="roles")

    assert (found.caller.subject, found.caller.groups) == ("a@b.test", ("x", "y"))


def test_without_the_attribute_there_are_no_groups() -> None:
    assert judge(assertion(groups=())).caller.groups == ()


def test_one_of_several_confirmations_is_enough() -> None:
    one = '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:{}"><saml:SubjectConfirmationData Recipient="{}" NotOnOrAfter="{}"/></saml:SubjectConfirmation>'
    wrong = one.format("bearer", "https://other.test", saml.stamp(NOW + 300))
    right = one.format("bearer", saml.RECIPIENT, saml.stamp(NOW + 300))
    key = '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:holder-of-key"/>'

    assert judge(assertion(confirmation=key + wrong + right)).caller.subject == "billing"
    refused(assertion(confirmation=key), "identity-assertion", "bearer")


def test_the_subjects_attribute_has_one_value() -> None:
    for more in ("", attribute("mail", "a", "b"), attribute("mail")):
        refused(assertion(attributes=more), "identity-assertion", "exactly one", subject="mail")


def test_one_time_use_is_told() -> None:
    assert judge(assertion(conditions="<saml:OneTimeUse/>")).one_time


# Attack H1, wrapping


def evil(good: str) -> str:
    """The assertion with another ID and subject, and no signature."""
    bare = re.sub(r"<ds:Signature.*</ds:Signature>", "", good, flags=re.DOTALL)
    return bare.replace('ID="_a1"', 'ID="_evil"').replace("billing", EVIL)


def parts(good: str) -> tuple[str, str]:
    """The signature, and the assertion without it."""
    found = re.search(r"<ds:Signature.*</ds:Signature>", good, flags=re.DOTALL)
    assert found
    return found[0], good.replace(found[0], "")


def response(*inside: str) -> str:
    return f'<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r">{"".join(inside)}</samlp:Response>'


def below(outer: str, inner: str, where: str = "</saml:Assertion>") -> str:
    return outer.replace(where, inner + where, 1)


def wrapped(good: str) -> dict[str, str]:
    signature, bare = parts(good)
    bad = evil(good)
    under = signature.replace("</ds:Signature>", f"<ds:Object>{bare}</ds:Object></ds:Signature>")
    issuer = "</saml:Issuer>"
    return {
        "1 response, original in the signature": response(f"<ds:Signature xmlns:ds='{saml.DSIG}'><ds:Object>{good}</ds:Object></ds:Signature>", bad),
        "2 response, detached": response(good, bad),
        "3 evil first, original beside": response(bad, good),
        "4 original inside evil": below(bad, good),
        "5 signature in evil, original beside": response(bad.replace(issuer, issuer + signature), bare),
        "6 original in the evil's signature": bad.replace(issuer, issuer + under),
        "7 original in extensions": response(f"<samlp:Extensions>{good}</samlp:Extensions>", bad),
        "8 original in an object": bad.replace(issuer, issuer + under).replace('ID="_evil"', 'ID="_a1"'),
        "original in the evil's advice": bad.replace("<saml:AttributeStatement>", f"<saml:Advice>{good}</saml:Advice><saml:AttributeStatement>"),
        "evil inside the original": below(good, bad),
        "evil in an object of the signature": good.replace("</ds:Signature>", f"<ds:Object>{bad}</ds:Object></ds:Signature>"),
        "the same ID twice": below(bad.replace("_evil", "_a1"), good),
        "another namespace": below(good, bad.replace(NS, 'xmlns:saml="urn:x"')),
        "two documents": good + bad,
        "two signatures": good.replace(issuer, issuer + signature),
        "an id of another name": good.replace("<saml:Subject>", '<saml:Subject Id="_a1">'),
        "signature in another namespace": below(good, '<x:Signature xmlns:x="urn:x"/>'),
    }  # fmt: skip


@pytest.mark.parametrize("shape", list(wrapped("<ds:Signature></ds:Signature>")))
def test_h1_no_shape_of_wrapping_is_read(good: str, shape: str) -> None:
    with pytest.raises(IdentityError) as caught:
        judge(wrapped(good)[shape])
    assert caught.value.code in ("identity-assertion", "identity-malformed")


def test_h1_a_signature_of_another_element_is_none_of_the_assertion() -> None:
    inner = '<saml:AttributeStatement ID="_b">'
    xml = unsigned(signature=template(uri="#_b")).replace("<saml:AttributeStatement>", inner)
    signed_ = sign(xml, element="urn:oasis:names:tc:SAML:2.0:assertion:AttributeStatement")

    refused(signed_, "identity-assertion", "not about this Assertion")


# H2, H3: more than one way to read


def test_h2_a_comment_in_a_name_is_refused() -> None:
    xml = assertion(subject="admin@a.com<!-- -->.evil.com")

    refused(xml, "identity-malformed", "comment")


@pytest.mark.parametrize("inside", ["<b/>", "a<saml:b/>c"])
def test_h2_elements_in_a_name_are_refused(inside: str) -> None:
    refused(assertion(subject=inside), "identity-assertion", "elements")


LAUGHS = '<!DOCTYPE l [<!ENTITY a "ha">' + "".join(
    f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    "head",
    [
        '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">',
        LAUGHS + "]>",
        '<?xml version="1.0"?><!DOCTYPE a>',
    ],
)
def test_h3_a_doctype_is_refused_unparsed(
    good: str, head: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("it was parsed")

    monkeypatch.setattr(markup, "parser", never)

    refused(head + good, "identity-malformed", "DOCTYPE")


def test_h3_an_entity_that_nobody_declared_is_refused(good: str) -> None:
    refused(good.replace("billing", "&x;"), "identity-malformed")
    refused(good.replace("billing", "&#x0;"), "identity-malformed")


def test_h7_depth_and_number_are_bounded(good: str) -> None:
    refused("<a>" * 30 + "</a>" * 30, "identity-malformed", "deep")
    refused("<a>" + "<b/>" * 5000 + "</a>", "identity-malformed", "many")
    attributes = " ".join(f'a{n}="x"' for n in range(40))
    refused(
        good.replace("<saml:Subject>", f"<saml:Subject {attributes}>"),
        "identity-malformed",
        "attributes",
    )
    names = " ".join(f'xmlns:n{n}="u"' for n in range(200))
    refused(
        good.replace("<saml:Subject>", f"<saml:Subject {names}>"),
        "identity-malformed",
        "namespaces",
    )
    refused(good + " " * 70_000, "identity-malformed", "longer")


# H4: whose signature, and how


def test_h4_unsigned() -> None:
    refused(unsigned(signature=""), "identity-assertion", "Signature")


def test_h4_only_the_response_is_signed() -> None:
    whole = response(template(uri="#_r"), unsigned(signature=""))
    xml = sign(whole, element="urn:oasis:names:tc:SAML:2.0:protocol:Response")

    refused(xml, "identity-assertion", "Response")


def test_h4_hmac_with_the_public_certificate_as_secret() -> None:
    refused(assertion(key="hmac", method=saml.HMAC_SHA256), "identity-algorithm", "method")


def test_h4_sha_1() -> None:
    refused(assertion(digest=saml.SHA1), "identity-algorithm", "digest")
    refused(unsigned(method=saml.RSA_SHA1), "identity-algorithm", "method")


def test_h4_the_key_that_comes_along_is_never_trusted() -> None:
    key = f"<ds:KeyInfo><ds:X509Data><ds:X509Certificate>{pem_of(certificate('evil'))}</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"

    refused(assertion(key="evil", info=key), "identity-signature")
    refused(assertion(key="evil", info="<ds:KeyInfo><ds:KeyValue/></ds:KeyInfo>"), "identity-signature")  # fmt: skip
    assert judge(assertion(info=key)).caller.subject == "billing"


def test_h4_a_signature_in_pieces() -> None:
    refused(
        unsigned()
        .replace("<ds:SignedInfo>", "<ds:Signed>")
        .replace("</ds:SignedInfo>", "</ds:Signed>"),
        "identity-assertion",
        "SignedInfo",
    )
    refused(unsigned().replace(' ID="_a1"', ""), "identity-assertion", "no ID")
    refused(
        unsigned(c14n="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
        "identity-algorithm",
        "canonicalization",
    )


def test_h4_another_providers_key() -> None:
    refused(assertion(key="other"), "identity-signature")
    refused(assertion(key="ec"), "identity-signature")


def test_h4_what_was_changed_after_signing(good: str) -> None:
    for old, new in [("billing", EVIL), ("eu-services", "admins"), ("_a1", "_a2")]:
        refused(good.replace(old, new), "identity-signature")


def test_a_certificate_counts_only_while_it_is_valid(good: str) -> None:
    late = trust(certificate("rsa", days=30))

    refused(good, "identity-key", "no certificate", by=late)
    refused(good, "identity-key", "out of date", by=trust(more=' validUntil="2026-01-01T00:00:00Z"'))  # fmt: skip


# H5: for whom, when


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"issuer": IDP + "/"}, "identity-issuer", "another"),
        ({"audience": "urn:other"}, "identity-audience", ""),
        ({"conditions": "<saml:AudienceRestriction><saml:Audience>urn:b</saml:Audience></saml:AudienceRestriction>"}, "identity-audience", ""),
        ({"recipient": saml.RECIPIENT + "/"}, "identity-audience", "Recipient"),
        ({"lifetime": -31}, "identity-expired", ""),
        ({"delivered": -31}, "identity-expired", ""),
        ({"begins": 31}, "identity-early", ""),
        ({"begins": -3700, "lifetime": 9000, "delivered": 9000}, "identity-expired", ""),
        ({"data": f' NotBefore="{saml.stamp(NOW + 60)}"'}, "identity-early", ""),
        ({"version": "1.1"}, "identity-assertion", "version"),
        ({"name_id": ' Format="urn:oasis:names:tc:SAML:2.0:nameid-format:transient"'}, "identity-assertion", "transient"),
        ({"name_id": ' NameQualifier="https://evil.test"'}, "identity-assertion", "another"),
        ({"name_id": ' SPNameQualifier="urn:other"'}, "identity-assertion", "another"),
        ({"subject": ""}, "identity-assertion", "subject"),
        ({"subject": " billing"}, "identity-assertion", "subject"),
        ({"subject": "bill\ning"}, "identity-assertion", "subject"),
        ({"conditions": "<saml:Condition/>"}, "identity-assertion", "not known"),
        ({"conditions": '<x:Only xmlns:x="urn:x"/>'}, "identity-assertion", "not known"),
        ({"extra": "<saml:Statement/>"}, "identity-assertion", "not known"),
        ({"extra": "<saml:Conditions/>"}, "identity-assertion", "more than once"),
        ({"extra": f"<saml:Issuer>{IDP}</saml:Issuer>"}, "identity-assertion", "more than once"),
        ({"attributes": attribute("groups", "admins")}, "identity-assertion", "twice"),
        ({"attributes": attribute("http://schemas.microsoft.com/claims/groups.link", "u")}, "identity-assertion", "too many"),
        ({"groups": ("a", "")}, "identity-assertion", "groups"),
        ({"groups": ("a<saml:b/>",)}, "identity-assertion", "groups"),
        ({"extra": "<saml:EncryptedAssertion/>"}, "identity-encrypted", ""),
    ],
)  # fmt: skip
def test_h5_what_does_not_fit_is_refused(changes: dict[str, Any], code: str, says: str) -> None:
    refused(assertion(**changes), code, says)


@pytest.mark.parametrize(
    ("old", "says"),
    [
        (r"(?<=billing</saml:NameID>)<saml:SubjectConfirmation .*</saml:SubjectConfirmation>", "bearer"),
        (r' NotOnOrAfter="[^"]*"(?=/></saml:SubjectConf)', "NotOnOrAfter"),
        (r"(?<=<saml:Conditions) [^>]*", "NotOnOrAfter"),
        (r' IssueInstant="[^"]*"', "IssueInstant"),
        (r"<saml:Conditions.*</saml:Conditions>", "Conditions"),
        (r"<saml:NameID>billing</saml:NameID>", "subject"),
    ],
)  # fmt: skip
def test_h5_what_is_missing_is_refused(old: str, says: str) -> None:
    bare, count = re.subn(old, "", unsigned())
    assert count == 1

    refused(sign(bare), "identity-assertion", says)


def test_h5_without_an_audience_an_assertion_is_for_nobody() -> None:
    bare = re.sub(r"<saml:AudienceRestriction>.*</saml:AudienceRestriction>", "", unsigned())

    refused(sign(bare), "identity-audience")


@pytest.mark.parametrize("time", ["2027-01-15T08:05:00+01:00", "2027-01-15T08:05:00", "2027-13-15T08:05:00Z", "2027-01-15 08:05:00Z", "now"])  # fmt: skip
def test_h5_a_time_that_is_not_utc_is_refused(time: str) -> None:
    xml = re.sub(r'IssueInstant="[^"]*"', f'IssueInstant="{time}"', unsigned())

    refused(sign(xml), "identity-assertion", "UTC")


def test_leeway_moves_both_ends_and_not_more(good: str) -> None:
    assert judge(good, now=NOW + 329).caller.expires == NOW + 300
    assert judge(good, now=NOW - 90).caller.subject == "billing"
    refused(good, "identity-expired", now=NOW + 330)
    refused(good, "identity-early", now=NOW - 91)
    refused(good, "identity-malformed", now=float("nan"))


def test_only_the_subjects_that_may() -> None:
    refused(assertion(), "identity-assertion", "subject", subjects="svc-*")


# H8: what else a signature can ask for


@pytest.mark.parametrize(
    "transforms",
    [
        (saml.ENVELOPED, saml.EXCLUSIVE, "http://www.w3.org/TR/1999/REC-xslt-19991116"),
        (saml.ENVELOPED, "http://www.w3.org/TR/1999/REC-xpath-19991116"),
        (saml.ENVELOPED, saml.EXCLUSIVE + "WithComments"),
        (saml.ENVELOPED, "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"),
        (saml.ENVELOPED, saml.EXCLUSIVE, saml.EXCLUSIVE),
        (saml.ENVELOPED, saml.EXCLUSIVE, f"{saml.DSIG}base64"),
        (saml.EXCLUSIVE,),
        (saml.ENVELOPED,),
        (),
        (saml.ENVELOPED, f'<ds:Transform Algorithm="{saml.EXCLUSIVE}"><x:x xmlns:x="urn:x"/></ds:Transform>'),
    ],
)  # fmt: skip
def test_h8_transforms_beside_the_two_are_refused(transforms: tuple[str, ...]) -> None:
    refused(unsigned(transforms=transforms), "identity-algorithm")


def test_h8_one_reference_only() -> None:
    one = re.search(r"<ds:Reference.*</ds:Reference>", template(uri="#_a1"))
    assert one
    refused(unsigned(references=one[0] * 2), "identity-assertion", "one Reference")
    refused(unsigned(signature=template(uri="")), "identity-assertion", "not about")
    refused(unsigned(signature=template(uri="http://127.0.0.1/x")), "identity-assertion", "not about")  # fmt: skip


# Any change at all


@given(st.data())
def test_a_changed_byte_is_refused_or_changes_nothing(good_once: bytes, data: st.DataObject) -> None:  # fmt: skip
    at = data.draw(st.integers(0, len(good_once) - 1))
    byte = data.draw(st.integers(0, 255))
    changed = good_once[:at] + bytes([byte]) + good_once[at + 1 :]
    kind = data.draw(st.sampled_from(["replace", "remove", "insert"]))
    if kind == "remove":
        changed = good_once[:at] + good_once[at + 1 :]
    elif kind == "insert":
        changed = good_once[:at] + bytes([byte]) + good_once[at:]
    settings_, by = judged_by(), trust()
    try:
        found = verify(changed, settings_, by, now=NOW)
    except IdentityError as e:
        assert e.__context__ is None  # noqa: PT017 - either end is right
    else:
        assert found == verify(good_once, settings_, by, now=NOW)


@pytest.fixture(scope="module")
def good_once() -> bytes:
    return assertion().encode()


@given(st.binary(max_size=300) | st.text(alphabet="<>/&;!?='\"a:x \n", max_size=200).map(str.encode))  # fmt: skip
def test_nothing_but_an_identity_error_is_raised(raw: bytes) -> None:
    with pytest.raises(IdentityError):
        verify(raw, judged_by(), trust(), now=NOW)
