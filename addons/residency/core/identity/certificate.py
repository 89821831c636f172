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
from cryptography.x509 import verification

from residency.core.identity.authorities import CertificateIssuer, authorities_of
from residency.core.identity.caller import Caller
from residency.core.identity.leaf import check_use, has_fair_key, refused, spiffe_id, subject_of
from residency.errors import IdentityError

#: Most certificates that are looked at, the leaf among them, and the most bytes of all of them.
MAX_CHAIN = 8
MAX_BYTES = 64 * 1024
MAX_DEPTH = 4


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
            raise refused("the certificate has expired")
        if not now >= self.begins:
            raise refused("the certificate is not valid yet")


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
        raise refused("a certificate cannot be read")

    def _identify(self, presented: Presented, now: float) -> Identified:
        ders = (presented.leaf, *presented.others)
        if len(ders) > MAX_CHAIN or sum(map(len, ders)) > MAX_BYTES:
            raise refused(f"more than {MAX_CHAIN} certificates or {MAX_BYTES} bytes were sent")
        leaf, *others = map(x509.load_der_x509_certificate, ders)
        if not all(map(has_fair_key, (leaf, *others))):
            raise refused("a key is not RSA of 2048 to 8192 bits, or EC P-256, P-384 or P-521")
        _validity([leaf]).check(now)
        check_use(leaf)
        why = "no authority that is trusted here signed it, or an intermediate is missing or over"
        for issuer, store in self._issuers:
            chain = _chain(leaf, others, store, now)
            if chain is None:
                continue
            try:
                return Identified(_caller(leaf, chain, issuer), _validity(chain))
            except IdentityError as e:
                why = e.detail
        raise refused(why)


def _validity(chain: Sequence[x509.Certificate]) -> Validity:
    return Validity(
        max(c.not_valid_before_utc.timestamp() for c in chain),
        min(c.not_valid_after_utc.timestamp() for c in chain),
    )


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
    subject = spiffe_id(leaf, issuer.trust_domain) if issuer.trust_domain else subject_of(leaf)
    if not issuer.subject.fullmatch(subject):
        raise refused("its subject is not one that is accepted of this authority")
    grants = tuple(sorted(set(issuer.groups.grants(subject, "certificates, groups"))))
    return Caller(
        issuer=issuer.name,
        subject=subject,
        groups=tuple(sorted({group for group, _ in grants})),
        expires=_validity(chain).expires,
        sources=grants,
    )
