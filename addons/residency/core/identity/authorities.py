"""The authorities whose client certificates are believed: blocks of identity.yaml and PEM files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography import x509

from residency.core.document import Document
from residency.core.faults import Faults
from residency.core.glob import compile_globs
from residency.core.identity.certificatefile import CertificateBlock
from residency.core.identity.groups import Table
from residency.errors import Fault

MAX_AUTHORITIES = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateIssuer:
    """One block of ``certificates``.

    ``file`` is the path of its authorities, as written. With ``trust_domain`` a subject is a SPIFFE
    ID, else the certificate's own. ``transport``: its certificates name nobody.
    """

    name: str
    file: str
    trust_domain: str | None
    subject: re.Pattern[str]
    groups: Table = field(default_factory=Table)
    transport: bool = False


def certificate_issuers(
    blocks: Sequence[CertificateBlock], document: Document, faults: Faults
) -> tuple[CertificateIssuer, ...]:
    """What *blocks* write; a name that stands twice is a fault."""
    seen: set[str] = set()
    for index, block in enumerate(blocks):
        if block.name in seen:
            path = ("certificates", index, "name")
            faults.add(document.fault(path, "this name a second time", "write another name"))
        seen.add(block.name)
    return tuple(map(_issuer, blocks))


def check_authorities(
    issuers: Sequence[CertificateIssuer], texts: Mapping[str, str], faults: Faults
) -> None:
    """Add a fault for each file that does not hold authorities' certificates.

    Args:
        issuers: The book's.
        texts: The text of each file, by its path as written.
        faults: Takes the faults.
    """
    for path in dict.fromkeys(issuer.file for issuer in issuers):
        fault = _fault(texts[path])
        if fault:
            faults.add(Fault(path, 0, 0, "", *fault))


def authorities_of(text: str) -> list[x509.Certificate]:
    """The certificates of a PEM file; none if it is not fit for use."""
    return x509.load_pem_x509_certificates(text.encode()) if _fault(text) is None else []


def _fault(text: str) -> tuple[str, str] | None:
    """What is wrong with a PEM file of authorities, and how to mend it."""
    if "PRIVATE KEY-----" in text:
        return "holds a private key", "remove it: nobody but the authority may have it"
    try:
        found = x509.load_pem_x509_certificates(text.encode("utf-8", "surrogatepass"))
        good = [_is_authority(c) for c in found]
    except Exception:  # noqa: BLE001 - the library's messages are about bytes, not about the file
        return "is not a file of certificates", "write PEM, -----BEGIN CERTIFICATE-----"
    if len(found) > MAX_AUTHORITIES:
        return f"holds more than {MAX_AUTHORITIES} certificates", "name the few that sign clients"
    if not all(good):
        mend = "write authorities' certificates (CA:TRUE and keyCertSign), no client's"
        return f"certificate {good.index(False) + 1} is not an authority's", mend
    return None


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints).value
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return basic.ca and usage.key_cert_sign


def _issuer(block: CertificateBlock) -> CertificateIssuer:
    return CertificateIssuer(
        name=block.name,
        file=block.authorities.file,
        trust_domain=block.spiffe.trust_domain if block.spiffe else None,
        subject=compile_globs([block.subject or "*"]),
        groups=Table.of(block.groups),
        transport=block.transport,
    )
