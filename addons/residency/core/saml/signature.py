"""The one thing in a document that the identity provider signed.

First the shape, on our own tree, then the signature by ``signxml`` with a pinned certificate. What
is answered is rebuilt from the very bytes whose digest was signed; the document's own elements are
not read again, so that there is nothing to wrap (Somorovsky et al., "On Breaking SAML: Be Whoever
You Want to Be", 2012, XSW 1-8).
"""

import datetime
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from residency.core.saml.markup import DS, SAML, elements, local, named, parser
from residency.core.saml.settings import Trust
from residency.errors import IdentityError

EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = "http://www.w3.org/2000/09/xmldsig#enveloped-signature"

#: SignatureMethod → whether it is of RSA keys. SHA-1, HMAC and DSA are not among them.
METHODS = {
    SignatureMethod.RSA_SHA256: True,
    SignatureMethod.RSA_SHA384: True,
    SignatureMethod.RSA_SHA512: True,
    SignatureMethod.SHA256_RSA_MGF1: True,
    SignatureMethod.SHA384_RSA_MGF1: True,
    SignatureMethod.SHA512_RSA_MGF1: True,
    SignatureMethod.ECDSA_SHA256: False,
    SignatureMethod.ECDSA_SHA384: False,
    SignatureMethod.ECDSA_SHA512: False,
}
DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})
_METHODS = {method.value: rsa_ for method, rsa_ in METHODS.items()}
_DIGESTS = frozenset(d.value for d in DIGESTS)


def warm() -> None:
    """Read the schema of signatures now, which is a file of the library's, and not with the first assertion."""
    XMLVerifier.schemas()  # type: ignore[no-untyped-call]


def signed(root: etree._Element, trust: Trust, *, now: float) -> etree._Element:
    """The Assertion that *root* is, as it was signed.

    Args:
        root: The document, from ``markup.tree``. It is changed: KeyInfo is taken out, since a
            signature does not choose its own key.
        trust: Whose signature counts.
        now: Unix time in seconds.

    Raises:
        IdentityError: ``identity-malformed``, ``identity-encrypted`` or ``identity-assertion``: it
            is not one Assertion with one enveloped Signature; ``identity-algorithm``;
            ``identity-key``: no certificate counts at this time; ``identity-signature``.
    """
    name = _shape(root)
    is_rsa = _method(root)
    for info in root.findall(f"{DS}Signature/{DS}KeyInfo"):
        info.getparent().remove(info)  # type: ignore[union-attr]  # it was found below another
    for certificate in _usable(trust, is_rsa=is_rsa, now=now):
        found = _verified(root, certificate, now)
        if found is not None and found.tag == f"{SAML}Assertion" and found.get("ID") == name:
            return found
    raise IdentityError("identity-signature", "the assertion's signature is not the provider's")


def _shape(root: etree._Element) -> str:
    """The assertion's ID.

    Raises:
        IdentityError: There could be doubt about what is signed.
    """
    if any(local(node).startswith("Encrypted") for node in elements(root)):
        raise IdentityError("identity-encrypted")
    if root.tag != f"{SAML}Assertion":
        raise _refused("the document is not an Assertion; send it without the Response around it")
    if len(named(root, "Assertion")) != 1:
        raise _refused("there is more than one Assertion")
    signatures = named(root, "Signature")
    if len(signatures) != 1 or signatures[0].getparent() is not root:
        raise _refused("there is not exactly one Signature, directly in the Assertion")
    if signatures[0].tag != f"{DS}Signature":
        raise _refused("the Signature is no XML signature")
    name = root.get("ID")
    ids = [v for n in elements(root) for k, v in n.attrib.items() if _is_id(str(k)) and v == name]
    if not name or len(ids) != 1:
        raise _refused("the Assertion has no ID, or its ID stands twice")
    return str(name)


def _method(root: etree._Element) -> bool:
    """True if the signature is one of an RSA key. Looks at each algorithm that SignedInfo names.

    Raises:
        IdentityError: One is not permitted, or there is not exactly one reference, to *root*.
    """
    one = _only(_only(root, "Signature"), "SignedInfo")
    reference = _only(one, "Reference")
    if reference.get("URI") != f"#{root.get('ID')}":
        raise _refused("the signature is not about this Assertion")
    transforms = [t.get("Algorithm") for t in _only(reference, "Transforms")]
    if sorted(map(str, transforms)) != sorted([EXCLUSIVE, ENVELOPED]):
        raise _unfit("its transforms are not enveloped-signature and exclusive canonicalization")
    if _only(one, "CanonicalizationMethod").get("Algorithm") != EXCLUSIVE:
        raise _unfit("its canonicalization is not the exclusive one")
    if _only(reference, "DigestMethod").get("Algorithm") not in _DIGESTS:
        raise _unfit("its digest is not SHA-256 or longer")
    is_rsa = _METHODS.get(str(_only(one, "SignatureMethod").get("Algorithm")))
    if is_rsa is None:
        raise _unfit("its signature method is not RSA or ECDSA with SHA-256 or longer")
    allowed = {f"{{{EXCLUSIVE}}}InclusiveNamespaces"}
    for holder in (*_only(reference, "Transforms"), *one.iter(f"{DS}CanonicalizationMethod")):
        if any(child.tag not in allowed for child in holder):
            raise _unfit("a transform has parameters")
    return is_rsa


def _only(node: etree._Element, name: str) -> etree._Element:
    found = node.findall(f"{DS}{name}")
    if len(found) != 1:
        raise _refused(f"the signature has not exactly one {name}")
    return found[0]


def _usable(trust: Trust, *, is_rsa: bool, now: float) -> Sequence[x509.Certificate]:
    moment = datetime.datetime.fromtimestamp(now, datetime.UTC)
    if trust.until is not None and not now < trust.until:
        raise IdentityError("identity-key", "the provider's metadata is out of date")
    valid = [
        c for c in trust.certificates if c.not_valid_before_utc <= moment <= c.not_valid_after_utc
    ]
    if not valid:
        raise IdentityError("identity-key", "no certificate of the provider is valid now")
    return [c for c in valid if isinstance(c.public_key(), rsa.RSAPublicKey) == is_rsa]


def _verified(
    root: etree._Element, certificate: x509.Certificate, now: float
) -> etree._Element | None:
    configuration = SignatureConfiguration(
        location="./",
        expect_references=1,
        signature_methods=frozenset(METHODS),
        digest_algorithms=DIGESTS,
        verification_time=datetime.datetime.fromtimestamp(now, datetime.UTC),
    )
    try:
        result = XMLVerifier().verify(
            root,
            x509_cert=certificate,
            parser=parser(),
            id_attribute="ID",
            expect_config=configuration,
        )
    except Exception:  # noqa: BLE001 - whatever a foreign text does to a library is its fault
        return None  # and its message, which quotes the text, is not passed on
    return result.signed_xml if isinstance(result, VerifyResult) else None


def _is_id(name: str) -> bool:
    return name.rpartition("}")[2].lower() == "id"


def _refused(detail: str) -> IdentityError:
    return IdentityError("identity-assertion", detail)


def _unfit(detail: str) -> IdentityError:
    return IdentityError("identity-algorithm", f"the assertion's signature: {detail}")
