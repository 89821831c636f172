"""A client certificate → the caller, or the one reason why not (RFC 5280; SPIFFE X509-SVID).

mitmproxy asks for a client certificate and believes any: all that TLS has proved is that the client
holds the private key of the first certificate that it sent. Here is asked whose that is. The chain
is ``cryptography``'s to verify, with signatures as the web has them (no SHA-1, RSA from 2048 bits);
what the leaf itself must be stands here, because no two standards agree on it. Order: size, form,
key, validity, what the leaf is for, and then in file order the first block whose authorities
signed it and in whose terms it names somebody. Revocation lists are not read: let
certificates live for hours, and remove an authority to end all of its.
"""

import base64
import datetime
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509 import verification
from cryptography.x509.oid import ExtendedKeyUsageOID

from residency.core.identity.authorities import CertificateIssuer, authorities_of
from residency.core.identity.caller import Caller
from residency.core.identity.claims import MAX_NAME, is_name
from residency.core.identity.spiffe import trust_domain
from residency.errors import IdentityError

#: Most certificates that are looked at, the leaf among them, and the most bytes of all of them.
MAX_CHAIN = 8
MAX_BYTES = 64 * 1024
MAX_DEPTH = 4

#: RSA keys in bits. A longer one makes every check of a signature slow.
RSA_BITS = range(2048, 8193)
CURVES = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)


@dataclass(frozen=True, slots=True)
class Presented:
    """What a client sent in its handshake, in DER: the certificate whose key it holds, and others."""

    leaf: bytes = field(repr=False)
    others: tuple[bytes, ...] = field(default=(), repr=False)

    @property
    def thumbprint(self) -> str:
        """The ``x5t#S256`` of RFC 8705, 3.1."""
        digest = hashlib.sha256(self.leaf).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


@dataclass(frozen=True, slots=True)
class Validity:
    """When every certificate of a chain is valid: Unix time in seconds. Clocks get no leeway."""

    begins: float
    expires: float

    def check(self, now: float) -> None:
        """Ask whether the chain counts at *now*.

        Raises:
            IdentityError: ``identity-certificate``: it does not.
        """
        # Asked this way round a clock that answers NaN is refused too.
        if not now < self.expires:
            raise _refused("the certificate has expired")
        if not now >= self.begins:
            raise _refused("the certificate is not valid yet")


@dataclass(frozen=True, slots=True)
class Identified:
    """Whom a certificate names, and when that counts; nobody if it only serves as transport."""

    caller: Caller | None
    validity: Validity


class CertificateVerifier:
    """Who is believed to name callers by certificates; the empty one believes nobody."""

    def __init__(
        self, issuers: Sequence[CertificateIssuer] = (), texts: Mapping[str, str] | None = None
    ) -> None:
        """Take over what a book holds.

        Args:
            issuers: The book's ``certificates``.
            texts: The text of each of their files, by its path as written, found without fault.
        """
        found = [(i, authorities_of((texts or {}).get(i.file, ""))) for i in issuers]
        self._issuers = [(i, verification.Store(trusted)) for i, trusted in found if trusted]
        #: Whether clients shall be asked for a certificate at all.
        self.asks = bool(issuers)

    def identify(self, presented: Presented, *, now: float) -> Identified:
        """Whom *presented* names.

        Args:
            presented: Any bytes.
            now: Unix time in seconds.

        Raises:
            IdentityError: Nothing else, whatever *presented* is: ``identity-certificate``. Its
                detail holds nothing of the certificate.
        """
        try:
            return self._identify(presented, now)
        except IdentityError:
            raise
        except Exception:  # noqa: BLE001, S110 - whatever foreign bytes do to a library is their fault
            pass
        # Outside the handler: the library's messages name the certificate's subject.
        raise _refused("a certificate cannot be read")

    def _identify(self, presented: Presented, now: float) -> Identified:
        ders = (presented.leaf, *presented.others)
        if len(ders) > MAX_CHAIN or sum(map(len, ders)) > MAX_BYTES:
            raise _refused(f"more than {MAX_CHAIN} certificates or {MAX_BYTES} bytes were sent")
        leaf, *others = map(x509.load_der_x509_certificate, ders)
        if not all(map(_has_fair_key, (leaf, *others))):
            raise _refused("a key is not RSA of 2048 to 8192 bits, or EC P-256, P-384 or P-521")
        _validity([leaf]).check(now)
        _check_use(leaf)
        why = "no authority that is trusted here signed it, or an intermediate is missing or over"
        for issuer, store in self._issuers:
            chain = _chain(leaf, others, store, now)
            if chain is None:
                continue
            try:
                return Identified(_caller(leaf, chain, issuer), _validity(chain))
            except IdentityError as e:
                why = e.detail
        raise _refused(why)


def _refused(why: str) -> IdentityError:
    return IdentityError("identity-certificate", why)


def _validity(chain: Sequence[x509.Certificate]) -> Validity:
    return Validity(
        max(c.not_valid_before_utc.timestamp() for c in chain),
        min(c.not_valid_after_utc.timestamp() for c in chain),
    )


def _has_fair_key(certificate: x509.Certificate) -> bool:
    key = certificate.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        return key.key_size in RSA_BITS
    return isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, CURVES)


def _check_use(leaf: x509.Certificate) -> None:
    """What the leaf is for: X509-SVID, 4 and 5.2, and RFC 5280, 4.2.1.3, 4.2.1.9 and 4.2.1.12."""
    found = leaf.extensions
    basic = _extension(found, x509.BasicConstraints)
    if basic is not None and basic.ca:
        raise _refused("it is an authority's certificate, not a client's")
    usage = _extension(found, x509.KeyUsage)
    if usage is None or not usage.digital_signature:
        raise _refused("its key usage lacks digitalSignature")
    if usage.key_cert_sign or usage.crl_sign:
        raise _refused("its key may sign certificates: it is an authority's, not a client's")
    extended = _extension(found, x509.ExtendedKeyUsage)
    if extended is None or ExtendedKeyUsageOID.CLIENT_AUTH not in extended:
        raise _refused("its extended key usage lacks clientAuth")


def _extension[E: x509.ExtensionType](found: x509.Extensions, kind: type[E]) -> E | None:
    try:
        return found.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _chain(
    leaf: x509.Certificate, others: list[x509.Certificate], store: verification.Store, now: float
) -> list[x509.Certificate] | None:
    """From *leaf* to a certificate of *store*; ``None`` if there is no valid chain at *now*."""
    # The leaf's extensions are ``_check_use``'s; an SVID has no subject, another no alternative name.
    leaves = verification.ExtensionPolicy.permit_all()
    agnostic = verification.Criticality.AGNOSTIC
    # Private authorities often lack key identifiers, which only help to find the chain.
    authorities = (
        verification.ExtensionPolicy.webpki_defaults_ca()
        .may_be_present(x509.SubjectKeyIdentifier, agnostic, None)
        .may_be_present(x509.AuthorityKeyIdentifier, agnostic, None)
    )
    verifier = (
        verification.PolicyBuilder()
        .store(store)
        .time(datetime.datetime.fromtimestamp(now, datetime.UTC))
        .max_chain_depth(MAX_DEPTH)
        .extension_policies(ca_policy=authorities, ee_policy=leaves)
        .build_client_verifier()
    )
    try:
        return verifier.verify(leaf, others).chain
    except verification.VerificationError:
        return None


def _caller(
    leaf: x509.Certificate, chain: Sequence[x509.Certificate], issuer: CertificateIssuer
) -> Caller | None:
    if issuer.transport:
        return None
    subject = _spiffe_id(leaf, issuer.trust_domain) if issuer.trust_domain else _subject(leaf)
    if not issuer.subject.fullmatch(subject):
        raise _refused("its subject is not one that is accepted of this authority")
    groups = {g for pattern, names in issuer.groups if pattern.fullmatch(subject) for g in names}
    return Caller(
        issuer=issuer.name,
        subject=subject,
        groups=tuple(sorted(groups)),
        expires=_validity(chain).expires,
    )


def _spiffe_id(leaf: x509.Certificate, wanted: str) -> str:
    """The one URI of an X.509-SVID (X509-SVID, 2 and 5.2)."""
    names = _extension(leaf.extensions, x509.SubjectAlternativeName)
    found = names.get_values_for_type(x509.UniformResourceIdentifier) if names else []
    if len(found) != 1:
        raise _refused("it has not exactly one URI, as an X.509-SVID has")
    domain = trust_domain(found[0])
    if domain is None or not is_name(found[0]):
        raise _refused(f"its URI is not a workload's SPIFFE ID of at most {MAX_NAME} characters")
    if domain != wanted:
        raise _refused("it is of another trust domain")
    return found[0]


def _subject(leaf: x509.Certificate) -> str:
    """The subject in the one spelling that rules can name: RFC 4514, nothing escaped.

    A value with a comma in it could pass for two attributes where a pattern has a ``*``.
    """
    text = leaf.subject.rfc4514_string()
    plain = all(len(rdn) == 1 for rdn in leaf.subject.rdns) and not {"\\", "#"} & set(text)
    if not plain or not is_name(text):
        raise _refused(
            f"its subject is empty, longer than {MAX_NAME} characters, or has characters that need an escape"
        )
    return text
