"""A small authority for client certificates: good ones, and every kind of wrong one."""

import datetime
import enum
import functools
from dataclasses import dataclass
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from residency.core.identity import Presented

SPIFFE = "spiffe://example.org/ns/prod/sa/billing"
DAY = 24 * 3600.0


class Usual(enum.Enum):
    USUAL = enum.auto()


USUAL = Usual.USUAL

type Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


@functools.cache
def private_key(name: str) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def at(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC)


def usage(*, sign: bool = False, digital: bool = True) -> x509.KeyUsage:
    return x509.KeyUsage(digital, False, False, False, False, sign, sign, False, False)


def dn(**parts: str) -> x509.Name:
    """``cn=…, o=…`` in the order of writing."""
    oids = {
        "cn": NameOID.COMMON_NAME,
        "o": NameOID.ORGANIZATION_NAME,
        "c": NameOID.COUNTRY_NAME,
    }
    return x509.Name([x509.NameAttribute(oids[k], v) for k, v in parts.items()])


@dataclass(frozen=True)
class Certified:
    """A certificate, its key, and those between it and its root."""

    certificate: x509.Certificate
    key: Key
    between: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def presented(self) -> Presented:
        return Presented(self.der, tuple(c.public_bytes(Encoding.DER) for c in self.between))

    def files(self) -> bytes:
        """Key and chain as one PEM, for a client."""
        key = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = [c.public_bytes(Encoding.PEM) for c in (self.certificate, *self.between)]
        return key + b"".join(chain)

    def sign(self, **changes: Any) -> "Certified":
        """A client's certificate of this authority; see ``make``."""
        if self.certificate.subject != self.certificate.issuer:
            changes = {"between": (self.certificate, *self.between), **changes}
        return make(by=self, **changes)

    @classmethod
    def root(cls, now: float, name: str = "Root", **changes: Any) -> Self:
        """A self-signed authority."""
        return cls(**vars(make(now=now, **{"name": dn(cn=name), "ca": True, **changes})))


def make(
    *,
    now: float,
    by: Certified | None = None,
    name: x509.Name | None = None,
    uris: tuple[str, ...] = (SPIFFE,),
    ca: bool | None = False,
    extended: tuple[x509.ObjectIdentifier, ...] | None = (ExtendedKeyUsageOID.CLIENT_AUTH,),
    key_usage: x509.KeyUsage | Usual | None = USUAL,
    begins: float = -3600.0,
    lasts: float = DAY,
    key: Key | None = None,
    extra: tuple[tuple[x509.ExtensionType, bool], ...] = (),
    between: tuple[x509.Certificate, ...] = (),
    path_length: int | None = None,
) -> Certified:
    """A certificate; without *by* it signs itself. *begins* and *lasts* count from *now*."""
    name = name if name is not None else dn()
    key = key or private_key(name.rfc4514_string() or str(uris))
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(by.certificate.subject if by else name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(at(now + begins))
        .not_valid_after(at(now + lasts))
    )
    if ca is not None:
        basic = x509.BasicConstraints(ca, path_length if ca else None)
        builder = builder.add_extension(basic, critical=True)
    if key_usage is USUAL:
        key_usage = usage(sign=bool(ca))
    if isinstance(key_usage, x509.KeyUsage):
        builder = builder.add_extension(key_usage, critical=True)
    if extended and not ca:
        builder = builder.add_extension(x509.ExtendedKeyUsage(extended), critical=False)
    if uris and not ca:
        names = [x509.UniformResourceIdentifier(u) for u in uris]
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=not len(name))
    for extension, critical in extra:
        builder = builder.add_extension(extension, critical=critical)
    signer = by.key if by else key
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Certified(builder.sign(signer, algorithm), key, between)
