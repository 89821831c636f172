"""The identity provider's metadata → the certificates that are pinned (SAML V2.0 Metadata, 2.4).

The file is the operator's own and is trusted as the rest of the rules folder is; it is read
strictly so that a slip shows at the start. Comments are usual there and are skipped.
"""

import base64
import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from lxml import etree

from residency.core.faults import Faults
from residency.core.saml.markup import DS
from residency.core.saml.settings import Trust
from residency.errors import Fault

_MD = "{urn:oasis:names:tc:SAML:2.0:metadata}"
_PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
MAX_SIZE = 4 * 1024 * 1024
MAX_CERTIFICATES = 8
MIN_RSA_BITS = 2048
_CURVES = ("secp256r1", "secp384r1", "secp521r1")


def parse(text: str | None, *, source: str, idp: str, faults: Faults) -> Trust | None:
    """The signing certificates of *idp*.

    Args:
        text: The file's text; ``None`` if it cannot be read.
        source: Its path, for faults.
        idp: The entityID whose certificates are wanted; those of others are not looked at.
        faults: Takes every fault.
    """
    before = len(faults.found)
    trust = _parse(text, source, idp, faults)
    return trust if len(faults.found) == before else None


def _parse(text: str | None, source: str, idp: str, faults: Faults) -> Trust | None:
    if text is None:
        faults.add(Fault(source, 0, 0, "", "the metadata cannot be read", "correct its path"))
        return None
    try:
        role, until = _role(_tree(text), idp)
    except ValueError as e:
        mend = "use the identity provider's own SAML 2.0 metadata"
        faults.add(Fault(source, 0, 0, "", str(e), mend))
        return None
    found = []
    for node in role.iter(f"{DS}X509Certificate"):
        if _is_for_signatures(node):
            try:
                found.append(_certificate(node))
            except ValueError as e:
                faults.add(Fault(source, node.sourceline or 0, 1, "X509Certificate", str(e)))
    if not 0 < len(found) <= MAX_CERTIFICATES:
        message = f"{len(found)} certificates for signatures, 1 to {MAX_CERTIFICATES} are wanted"
        faults.add(Fault(source, 0, 0, "KeyDescriptor", message, "keep those that are in use"))
    return Trust(certificates=tuple(found), until=until)


def _tree(text: str) -> etree._Element:
    if len(text) > MAX_SIZE or "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise ValueError(f"larger than {MAX_SIZE} characters, or with a DOCTYPE")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, remove_comments=True,
        remove_pis=True, encoding="utf-8",
    )  # fmt: skip
    try:
        return etree.fromstring(text.lstrip("\ufeff").encode("utf-8"), parser)
    except etree.XMLSyntaxError as e:
        raise ValueError(f"not well-formed XML, line {e.lineno}") from None


def _role(root: etree._Element, idp: str) -> tuple[etree._Element, float | None]:
    """The one IDPSSODescriptor of *idp*, and when the metadata ends (Unix time, or never)."""
    entities = [e for e in root.iter(f"{_MD}EntityDescriptor") if e.get("entityID") == idp]
    if len(entities) != 1:
        raise ValueError(f"{len(entities)} entities with the entityID of saml.idp, 1 is wanted")
    roles = [
        r
        for r in entities[0].iter(f"{_MD}IDPSSODescriptor")
        if _PROTOCOL in (r.get("protocolSupportEnumeration") or "").split()
    ]
    if len(roles) != 1:
        raise ValueError(f"{len(roles)} roles IDPSSODescriptor for SAML 2.0, 1 is wanted")
    times = [
        _moment(text) for node in (root, entities[0], roles[0]) if (text := node.get("validUntil"))
    ]
    return roles[0], min(times, default=None)


def _moment(text: str) -> float:
    moment = datetime.datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=datetime.UTC)).timestamp()


def _is_for_signatures(node: etree._Element) -> bool:
    descriptors = list(node.iterancestors(f"{_MD}KeyDescriptor"))
    return bool(descriptors) and descriptors[0].get("use", "signing") == "signing"


def _certificate(node: etree._Element) -> x509.Certificate:
    text = "".join((node.text or "").split())
    certificate = x509.load_der_x509_certificate(base64.b64decode(text, validate=True))
    key = certificate.public_key()
    fitting = (isinstance(key, rsa.RSAPublicKey) and key.key_size >= MIN_RSA_BITS) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES
    )
    if not fitting:
        raise ValueError(
            f"its key is no RSA key of {MIN_RSA_BITS} bits or more, no EC P-256, P-384 or P-521"
        )
    return certificate
