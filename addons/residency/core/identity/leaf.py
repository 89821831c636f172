"""What one certificate must be to stand for a client, and whom it names; its chain is another matter.

No two standards agree on all of it, so the strictest of RFC 5280 and the SPIFFE X509-SVID standard is asked.
"""

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from residency.core.identity.claims import MAX_NAME, is_name
from residency.core.identity.spiffe import trust_domain
from residency.errors import IdentityError

#: RSA keys and their exponents, in bits. Longer ones make every check of a signature slow.
RSA_BITS = range(2048, 8193)
MAX_EXPONENT = 32
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


def refused(why: str) -> IdentityError:
    return IdentityError("identity-certificate", why)


def has_fair_key(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        exponent = key.public_numbers().e
        return key.key_size in RSA_BITS and exponent.bit_length() <= MAX_EXPONENT
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES)


def check_use(leaf: x509.Certificate) -> None:
    """What the leaf is for: X509-SVID, 4 and 5.2, and RFC 5280, 4.2.1.3, 4.2.1.9 and 4.2.1.12."""
    found = leaf.extensions
    basic = _extension(found, x509.BasicConstraints)
    if basic is not None and basic.ca:
        raise refused("it is an authority's certificate, not a client's")
    usage = _extension(found, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise refused("its key usage lacks digitalSignature")
    if usage.key_cert_sign or usage.crl_sign:
        raise refused("its key may sign certificates: it is an authority's, not a client's")
    extended = _extension(found, x509.ExtendedKeyUsage)
    if extended is None or ExtendedKeyUsageOID.CLIENT_AUTH not in extended:
        raise refused("its extended key usage lacks clientAuth")


def _extension[E: x509.ExtensionType](found: x509.Extensions, kind: type[E]) -> E | None:
    try:
        return found.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def spiffe_id(leaf: x509.Certificate, wanted: str) -> str:
    """The one URI of an X.509-SVID (X509-SVID, 2 and 5.2)."""
    names = _extension(leaf.extensions, x509.SubjectAlternativeName)
    found = names.get_values_for_type(x509.UniformResourceIdentifier) if names else []
    if len(found) != 1:
        raise refused("it has not exactly one URI, as an X.509-SVID has")
    domain = trust_domain(found[0])
    if domain is None or not is_name(found[0]):
        raise refused(f"its URI is not a workload's SPIFFE ID of at most {MAX_NAME} characters")
    if domain != wanted:
        raise refused("it is of another trust domain")
    return found[0]


def subject_of(leaf: x509.Certificate) -> str:
    """The subject in the one spelling that rules can name: RFC 4514, nothing escaped.

    A value with a comma in it could pass for two attributes where a pattern has a ``*``.
    """
    text = leaf.subject.rfc4514_string()
    plain = all(len(rdn) == 1 for rdn in leaf.subject.rdns) and not {"\\", "#"} & set(text)
    if not plain or not is_name(text):
        raise refused(
            f"its subject is empty, longer than {MAX_NAME} characters, or has characters that need an escape"
        )
    return text
