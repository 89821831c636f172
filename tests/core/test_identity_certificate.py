"""A client certificate names its holder only if an authority of ours says so, now, for a client."""

import contextlib
import functools
import math
from collections.abc import Callable
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import example, given
from hypothesis import strategies as st

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import Caller, CertificateVerifier, IssuerBook, Presented, parse
from residency.errors import ConfigurationError, IdentityError
from tests.certificates import DAY, SPIFFE, Certified, dn, make, usage
from tests.tokens import ISSUER, NOW, rsa_key

ROOT = Certified.root(NOW)
INTERMEDIATE = ROOT.sign(now=NOW, name=dn(cn="Intermediate"), ca=True)
STRANGER = Certified.root(NOW, "Stranger")
# The same name as the authority that is believed, and another key.
NAMESAKE = Certified.root(NOW, key=ec.generate_private_key(ec.SECP256R1()))

SVID = """\
  - name: spiffe://example.org
    authorities: {file: root.pem}
    spiffe: {trust_domain: example.org}
    groups:
      "spiffe://example.org/ns/prod/*": [eu-services, prod]
      "*/sa/billing": billing
"""
SUBJECT = """\
  - name: corporate
    authorities: {file: root.pem}
    subject: "CN=*,O=Example"
    groups: {"CN=billing,*": eu-services}
"""
TRANSPORT = """\
  - name: mesh
    authorities: {file: root.pem}
    transport: true
"""


def book(blocks: str = SVID) -> IssuerBook:
    text = (
        f"version: 1\nissuers:\n  - {{issuer: '{ISSUER}', audience: gateway, keys: {{file: jwks.json}}}}\n"
        f"certificates:\n{blocks}"
    )
    faults = Faults()
    found = parse(read(text, "identity.yaml", faults), faults)
    faults.check()
    assert found
    return found


def verifier(blocks: str = SVID, text: str = ROOT.pem) -> CertificateVerifier:
    return CertificateVerifier(book(blocks).certificates, {"root.pem": text})


def caller(of: Certified, blocks: str = SVID, now: float = NOW) -> Caller:
    found = verifier(blocks).identify(of.presented, now=now).caller
    assert found
    return found


def refusal(of: Certified | Presented, blocks: str = SVID, now: float = NOW) -> str:
    """Why *of* is refused."""
    presented = of if isinstance(of, Presented) else of.presented
    with pytest.raises(IdentityError) as caught:
        verifier(blocks).identify(presented, now=now)
    assert caught.value.code == "identity-certificate"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return caught.value.detail


def leaf(**changes: Any) -> Certified:
    return ROOT.sign(now=NOW, **changes)


# Whom a good one names


def test_an_svid_names_its_workload_until_it_ends() -> None:
    found = caller(leaf())

    assert found.key == ("spiffe://example.org", SPIFFE)
    assert found.groups == ("billing", "eu-services", "prod")
    assert found.expires == NOW + DAY


def test_a_chain_ends_with_its_shortest_certificate() -> None:
    short = ROOT.sign(now=NOW, name=dn(cn="Short"), ca=True, lasts=600.0)

    assert caller(short.sign(now=NOW)).expires == NOW + 600


def test_an_intermediate_that_was_sent_leads_to_the_root() -> None:
    assert caller(INTERMEDIATE.sign(now=NOW)).subject == SPIFFE


def test_a_workload_without_a_group_has_none() -> None:
    assert caller(leaf(uris=("spiffe://example.org/other",))).groups == ()


def test_without_spiffe_the_subject_is_the_caller() -> None:
    found = caller(leaf(name=dn(o="Example", cn="billing"), uris=()), SUBJECT)

    assert found.key == ("corporate", "CN=billing,O=Example")
    assert found.groups == ("eu-services",)


def test_transport_names_nobody() -> None:
    assert verifier(TRANSPORT).identify(leaf().presented, now=NOW).caller is None


def test_the_first_block_in_whose_terms_it_is_good_decides() -> None:
    other = SVID.replace("example.org", "other.org")

    assert caller(leaf(), other + SVID).issuer == "spiffe://example.org"


def test_an_rsa_key_is_as_good() -> None:
    assert caller(leaf(key=rsa.generate_private_key(65537, 2048))).subject == SPIFFE


# Attacks

SERVER, ANY = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4.5"), b"\x05\x00")
NO_LEAF_CA = leaf(name=dn(cn="leaf"), uris=())


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (lambda: STRANGER.sign(now=NOW), "no authority"),
        (lambda: NAMESAKE.sign(now=NOW), "no authority"),
        (lambda: make(now=NOW), "no authority"),
        (lambda: Certified(INTERMEDIATE.sign(now=NOW).certificate, ROOT.key), "no authority"),
        (lambda: Certified(NO_LEAF_CA.sign(now=NOW).certificate, ROOT.key, (NO_LEAF_CA.certificate,)), "no authority"),
        (lambda: leaf(begins=-7200.0, lasts=-1.0), "expired"),
        (lambda: leaf(begins=60.0), "not valid yet"),
        (lambda: ROOT.sign(now=NOW, name=dn(cn="Over"), ca=True, lasts=-1.0).sign(now=NOW), "no authority"),
        (lambda: ROOT.sign(now=NOW, name=dn(cn="Server"), ca=True, extra=((x509.ExtendedKeyUsage([SERVER]), False),)).sign(now=NOW), "no authority"),
        (lambda: leaf(ca=True, name=dn(cn="CA leaf")), "an authority's"),
        (lambda: ROOT, "an authority's"),
        (lambda: INTERMEDIATE, "an authority's"),
        (lambda: leaf(key_usage=usage(sign=True)), "may sign certificates"),
        (lambda: leaf(key_usage=None), "digitalSignature"),
        (lambda: leaf(key_usage=usage(digital=False)), "digitalSignature"),
        (lambda: leaf(extended=(SERVER,)), "clientAuth"),
        (lambda: leaf(extended=(ANY,)), "clientAuth"),
        (lambda: leaf(extended=None), "clientAuth"),
        (lambda: leaf(extra=((UNKNOWN, True),)), "no authority"),
        (lambda: leaf(key=rsa_key("short", 1024)), "2048"),
        (lambda: leaf(key=ed25519.Ed25519PrivateKey.generate()), "2048"),
        (lambda: leaf(key=ec.generate_private_key(ec.SECP256K1())), "2048"),
        (lambda: leaf(uris=(SPIFFE, SPIFFE)), "exactly one URI"),
        (lambda: leaf(uris=(SPIFFE, "https://example.org/")), "exactly one URI"),
        (lambda: leaf(uris=()), "exactly one URI"),
        (lambda: leaf(uris=("https://example.org/ns/prod",)), "SPIFFE ID"),
        (lambda: leaf(uris=("spiffe://example.org",)), "SPIFFE ID"),
        (lambda: leaf(uris=("spiffe://example.org/",)), "SPIFFE ID"),
        (lambda: leaf(uris=("spiffe://example.org/a/../b",)), "SPIFFE ID"),
        (lambda: leaf(uris=("spiffe://example.org/a%2Fb",)), "SPIFFE ID"),
        (lambda: leaf(uris=("spiffe://example.org/a?b",)), "SPIFFE ID"),
        (lambda: leaf(uris=("spiffe://example.org:1/a",)), "SPIFFE ID"),
        (lambda: leaf(uris=("spiffe://EXAMPLE.org/a",)), "SPIFFE ID"),
        (lambda: leaf(uris=("spiffe://u@example.org/a",)), "SPIFFE ID"),
        (lambda: leaf(uris=("spiffe://example.org/" + "a" * 256,)), "SPIFFE ID"),
        (lambda: leaf(uris=("spiffe://example.org.evil.test/a",)), "another trust domain"),
        (lambda: leaf(uris=("spiffe://evil.test/example.org",)), "another trust domain"),
    ],
    ids=[
        "another authority", "another authority of the same name", "self-signed", "the intermediate is missing",
        "signed by a client", "expired", "too early", "the intermediate has expired", "the intermediate is for servers",
        "an authority as client", "the root as client", "the intermediate as client", "may sign", "no key usage",
        "no digital signature", "for servers", "for anything", "for nothing", "unknown critical extension",
        "a short key", "an Edwards key", "an odd curve", "two equal URIs", "two URIs", "no URI", "another scheme",
        "no path", "an empty path", "dots", "percent", "query", "port", "upper case", "user", "endless",
        "a longer trust domain", "another trust domain",
    ],
)  # fmt: skip
def test_what_is_not_a_clients_good_certificate_names_nobody(
    wrong: Callable[[], Certified], why: str
) -> None:
    assert why in refusal(wrong())


@pytest.mark.parametrize(
    "name",
    [
        dn(),
        dn(o="Other", cn="billing"),
        dn(cn="billing,O=Example"),
        dn(o="Example", cn="#61"),
        dn(o="Example", cn="a+b"),
        dn(o="Example", cn="a\nb"),
        dn(o="Example", cn="a" * 64, c="DE"),
        x509.Name([x509.RelativeDistinguishedName([*dn(cn="billing"), *dn(o="Example")])]),
    ],
    ids=["empty", "other", "comma", "hash", "plus", "line break", "not ours", "two in one"],
)
def test_a_subject_with_two_readings_names_nobody(name: x509.Name) -> None:
    assert "subject" in refusal(leaf(name=name, uris=()), SUBJECT)


def test_a_subject_pattern_narrows_svids_too() -> None:
    narrow = SVID + '    subject: "*/sa/other"\n'

    assert "subject" in refusal(leaf(), narrow)


def test_a_certificate_that_ends_is_not_believed_a_second_longer() -> None:
    found = verifier().identify(leaf().presented, now=NOW + DAY - 1)

    found.validity.check(NOW + DAY - 0.001)
    for over in (NOW + DAY, math.nan, NOW - 3601):
        with pytest.raises(IdentityError):
            found.validity.check(over)


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf, 1e18])
def test_a_clock_out_of_order_lets_nobody_in(now: float) -> None:
    refusal(leaf(), now=now)


def test_a_flood_of_certificates_is_not_looked_at() -> None:
    good = leaf()

    assert "more than" in refusal(Presented(good.der, (good.der,) * 8))
    assert "more than" in refusal(Presented(good.der, (b"0" * 65536,)))


@pytest.mark.parametrize(
    ("bits", "exponent"), [(16384, 65537), (2048, (1 << 2000) | 1)], ids=["modulus", "exponent"]
)
def test_a_giant_key_is_not_computed_with(bits: int, exponent: int) -> None:
    root = leaf(name=dn(cn="x"), uris=())
    giant = rsa.RSAPublicNumbers(exponent, (1 << (bits - 1)) | 1).public_key()
    fake = (
        x509.CertificateBuilder()
        .subject_name(dn(cn="Giant"))
        .issuer_name(dn(cn="Giant"))
        .public_key(giant)
        .serial_number(1)
        .not_valid_before(root.certificate.not_valid_before_utc)
        .not_valid_after(root.certificate.not_valid_after_utc)
        .sign(ROOT.key, hashes.SHA256())
    )

    assert "2048" in refusal(Certified(leaf().certificate, ROOT.key, (fake,)))


def test_the_empty_verifier_believes_nobody() -> None:
    with pytest.raises(IdentityError, match="no authority"):
        CertificateVerifier().identify(leaf().presented, now=NOW)
    assert not CertificateVerifier().asks


def test_an_authoritys_file_that_is_not_there_believes_nobody() -> None:
    found = CertificateVerifier(book().certificates, {})

    with pytest.raises(IdentityError):
        found.identify(leaf().presented, now=NOW)


def test_two_blocks_may_share_a_file_and_each_fault_is_told_once() -> None:
    faults = Faults()
    book(SVID + TRANSPORT).file_keys({"root.pem": ROOT.pem}, faults)

    assert [(f.source, f.where) for f in faults.found] == [
        ("identity.yaml", "issuers[0].keys.file")
    ]


def test_nothing_of_a_certificate_is_shown() -> None:
    presented = leaf().presented

    assert repr(presented) == "Presented()"


@functools.cache
def good() -> Presented:
    return INTERMEDIATE.sign(now=NOW).presented


@given(st.binary(max_size=600), st.lists(st.binary(max_size=200), max_size=9))
@example(b"", [])
@example(good().leaf[:-1], [])
def test_any_bytes_are_refused_and_nothing_else_happens(der: bytes, others: list[bytes]) -> None:
    refusal(Presented(der, tuple(others)))


@given(st.integers(0, len(good().leaf) - 1), st.integers(1, 255))
def test_one_changed_byte_of_the_leaf_is_enough(place: int, change: int) -> None:
    """But how many bits of the signature's last byte are unused (X.690, 8.6.2): nobody signs that, and it says nothing."""
    leaf = good().leaf
    unused = leaf.rindex(x509.load_der_x509_certificate(leaf).signature) - 1
    changed = bytearray(leaf)
    changed[place] ^= change
    altered = Presented(bytes(changed), good().others)

    if place != unused:
        refusal(altered)
        return
    with contextlib.suppress(IdentityError):
        found = verifier().identify(altered, now=NOW).caller
        assert found == verifier().identify(good(), now=NOW).caller


@given(st.data())
def test_changed_intermediates_never_name_anybody_else(data: st.DataObject) -> None:
    changed = bytearray(good().others[0])
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        found = verifier().identify(Presented(good().leaf, (bytes(changed),)), now=NOW).caller
    except IdentityError:
        return
    assert found
    assert found.subject == SPIFFE


# identity.yaml


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "cannot be read"),
        ("", "not a file of certificates"),
        ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "not a file of certificates"),
        (leaf().pem, "certificate 1 is not an authority's"),
        (ROOT.pem + leaf().pem, "certificate 2 is not an authority's"),
        (Certified.root(NOW, key_usage=None).pem, "is not an authority's"),
        (ROOT.files().decode(), "holds a private key"),
        (ROOT.pem * 65, "more than 64"),
    ],
    ids=["none", "empty", "broken", "a client", "one client", "no key usage", "key", "many"],
)  # fmt: skip
def test_an_authoritys_file_that_is_none_is_a_fault(text: str | None, said: str) -> None:
    faults = Faults()
    texts = {} if text is None else {"root.pem": text}

    assert "root.pem" in book().files()
    book().file_keys(texts, faults)

    assert any("root.pem" in str(f) and said in f.message and f.mend for f in faults.found)
    assert text is not None or all(f.source == "identity.yaml" and f.line for f in faults.found)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("  - {name: a, authorities: {file: r}}\n", "does not say who"),
        ("  - {name: a, authorities: {file: r}, transport: true, subject: x}\n", "name nobody"),
        ("  - {name: a, authorities: {file: r}, transport: yes, subject: x}\n", "neither true nor false"),
        ("  - {name: a, authorities: {file: r}, spiffe: {trust_domain: Example.org}}\n", "trust domain"),
        ("  - {name: a, authorities: {file: r}, spiffe: {trust_domain: 'a/b'}}\n", "trust domain"),
        ("  - {name: a, authorities: {}, subject: x}\n", "is missing"),
        ("  - {name: '', authorities: {file: r}, subject: x}\n", "is empty"),
        ('  - {name: "a\\nb", authorities: {file: r}, subject: x}\n', "printable"),
        ("  - {name: a, authorities: {file: r}, subject: x, groups: {'*': []}}\n", "at least 1"),
        ("  - {name: a, authorities: {file: r}, subject: x, crl: x}\n", "not a key"),
        (SVID + SVID, "second time"),
    ],
)  # fmt: skip
def test_a_block_that_is_unclear_is_a_fault_with_its_place(block: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        book(block)

    assert any(said in f.message and f.line for f in caught.value.faults), str(caught.value)
