"""The certificates that are pinned: those of one provider, for signatures, and strong."""

import datetime

import pydantic
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from residency.core.faults import Faults
from residency.core.saml.block import SamlBlock
from residency.core.saml.metadata import parse
from residency.core.saml.settings import Trust
from tests.saml import BLOCK, IDP, certificate, metadata


def read(text: str | None) -> tuple[Trust | None, list[str]]:
    faults = Faults()
    found = parse(text, source="idp.xml", idp=IDP, faults=faults)
    return found, [f.message for f in faults.found]


def test_every_signing_certificate_of_the_provider_is_pinned() -> None:
    found, _ = read(
        metadata(certificate(), certificate("ec"), more=' validUntil="2030-01-01T00:00:00Z"')
    )

    assert found == Trust(certificates=(certificate(), certificate("ec")), until=1893456000.0)


def test_certificates_of_other_providers_and_for_encryption_are_not() -> None:
    ours, other = metadata(), metadata(certificate("other"), idp="https://evil.test")
    both = f'<e:EntitiesDescriptor xmlns:e="urn:oasis:names:tc:SAML:2.0:metadata">{other.partition("-->")[2]}{ours.partition("-->")[2]}</e:EntitiesDescriptor>'

    assert read(both)[0] == Trust(certificates=(certificate(),), until=None)
    assert read(ours.replace('use="signing"', 'use="encryption"'))[0] is None


def short() -> x509.Certificate:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 - that is the point
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "short")])
    day = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC)
    return (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(7).not_valid_before(day).not_valid_after(day.replace(year=2099)).sign(key, hashes.SHA256())
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (None, "cannot be read"),
        ("", "not well-formed"),
        ("<!DOCTYPE a><a/>", "DOCTYPE"),
        (metadata(idp="https://another.test"), "0 entities"),
        (metadata().replace("SAML:2.0:protocol", "SAML:1.1:protocol"), "0 roles"),
        (metadata().replace('use="signing"', 'use="encryption"'), "0 certificates"),
        (metadata(short()), "no RSA key of 2048"),
        (metadata().replace("MII", "?II", 1), "only base64|Only base64|base64"),
        (metadata(more=' validUntil="tomorrow"'), "Invalid isoformat"),
    ],
    ids=lambda v: str(v)[:24],
)
def test_metadata_that_pins_nothing_is_a_fault(text: str | None, says: str) -> None:
    found, faults = read(text)

    assert found is None
    assert any(part in fault for part in says.split("|") for fault in faults)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("idp", " "),
        ("leeway", "61s"),
        ("max_lifetime", "25h"),
        ("max_lifetime", "90000"),
        ("recipient", " x"),
    ],
)
def test_a_block_that_cannot_be_meant_is_refused(key: str, value: str) -> None:
    with pytest.raises(pydantic.ValidationError):
        SamlBlock.model_validate(BLOCK | {key: value})


def test_durations_are_seconds_or_have_a_unit() -> None:
    block = SamlBlock.model_validate(BLOCK | {"max_lifetime": "900", "leeway": 5})

    assert (block.max_lifetime, block.leeway) == (900, 5)
