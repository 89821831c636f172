"""An identity provider for the tests: its metadata, and assertions that ``xmlsec1`` signs, right and wrong.

The gateway verifies with signxml; what it verifies is signed with another library (Debian: ``xmlsec1``).
"""

import base64
import datetime
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from tests.tokens import NOW, Private, ec_key, rsa_key

needs_xmlsec1 = pytest.mark.skipif(
    shutil.which("xmlsec1") is None, reason="xmlsec1 signs the assertions; apt-get install xmlsec1"
)

IDP = "https://idp.test/saml"
GATEWAY = "https://gateway.test"
AUDIENCE = "urn:residency:gateway"
RECIPIENT = "https://gateway.test/saml"
BLOCK: dict[str, Any] = {
    "idp": IDP,
    "metadata": {"file": "idp.xml"},
    "gateway": GATEWAY,
    "audience": AUDIENCE,
    "recipient": RECIPIENT,
    "groups": "groups",
}

DSIG = "http://www.w3.org/2000/09/xmldsig#"
MORE = "http://www.w3.org/2001/04/xmldsig-more#"
RSA_SHA256, RSA_SHA1, ECDSA_SHA256 = f"{MORE}rsa-sha256", f"{DSIG}rsa-sha1", f"{MORE}ecdsa-sha256"
HMAC_SHA256 = f"{MORE}hmac-sha256"
SHA256, SHA1 = "http://www.w3.org/2001/04/xmlenc#sha256", f"{DSIG}sha1"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DSIG}enveloped-signature"
NS = 'xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"'


@functools.cache
def certificate(name: str = "rsa", *, begins: int = -1, days: int = 3650 * 8) -> x509.Certificate:
    """Self-signed, with the key of that name; ``ec`` is an EC key, all others are RSA keys."""
    key = key_of(name)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"idp {name}")])
    start = datetime.datetime(2025, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(days=begins)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1000)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=days))
        .sign(key, hashes.SHA256())
    )


def key_of(name: str) -> Private:
    return ec_key(f"saml-{name}") if name.startswith("ec") else rsa_key(f"saml-{name}")


def pem_of(certificate_: x509.Certificate) -> str:
    text = certificate_.public_bytes(serialization.Encoding.PEM).decode()
    return "".join(text.splitlines()[1:-1])


def metadata(*certificates: x509.Certificate, idp: str = IDP, more: str = "") -> str:
    keys = "".join(
        f'<md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="{DSIG}"><ds:X509Data><ds:X509Certificate>'
        f"{pem_of(c)}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
        for c in certificates or (certificate(),)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?><!-- as the provider publishes it -->'
        f'<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{idp}"{more}>'
        '<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">'
        f"{keys}</md:IDPSSODescriptor></md:EntityDescriptor>"
    )


def stamp(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def template(
    *, uri: str, method: str = RSA_SHA256, digest: str = SHA256,
    transforms: tuple[str, ...] = (ENVELOPED, EXCLUSIVE), c14n: str = EXCLUSIVE, info: str = "",
    references: str | None = None,
) -> str:  # fmt: skip
    """A Signature that is not signed yet."""
    steps = "".join(
        t if t.startswith("<") else f'<ds:Transform Algorithm="{t}"/>' for t in transforms
    )
    one = (
        f'<ds:Reference URI="{uri}"><ds:Transforms>{steps}</ds:Transforms>'
        f'<ds:DigestMethod Algorithm="{digest}"/><ds:DigestValue/></ds:Reference>'
    )
    return (
        f'<ds:Signature xmlns:ds="{DSIG}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{c14n}"/>'
        f'<ds:SignatureMethod Algorithm="{method}"/>{references or one}</ds:SignedInfo>'
        f"<ds:SignatureValue/>{info}</ds:Signature>"
    )


def attribute(name: str, *values: str) -> str:
    inner = "".join(f"<saml:AttributeValue>{v}</saml:AttributeValue>" for v in values)
    return f'<saml:Attribute Name="{name}">{inner}</saml:Attribute>'


def unsigned(
    *, now: float = NOW, id_: str = "_a1", issuer: str = IDP, subject: str = "billing",
    name_id: str = "", audience: str = AUDIENCE, recipient: str = RECIPIENT, lifetime: float = 300,
    begins: float = -60, delivered: float = 300, conditions: str = "", groups: tuple[str, ...] = ("eu-services",),
    attributes: str = "", signature: str | None = None, version: str = "2.0", extra: str = "", data: str = "",
    confirmation: str | None = None, authn: str | None = None, **signing: Any,
) -> str:  # fmt: skip
    """An assertion with a signature template in its place; every part can be another than the usual."""
    signature = template(uri=f"#{id_}", **signing) if signature is None else signature
    confirmation = confirmation or (
        '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData '
        f'Recipient="{recipient}" NotOnOrAfter="{stamp(now + delivered)}"{data}/></saml:SubjectConfirmation>'
    )
    authn = f'<saml:AuthnStatement AuthnInstant="{stamp(now - 60)}"/>' if authn is None else authn
    return (
        f'<saml:Assertion {NS} ID="{id_}" Version="{version}" IssueInstant="{stamp(now + begins)}">'
        f"<saml:Issuer>{issuer}</saml:Issuer>{signature}"
        f"<saml:Subject><saml:NameID{name_id}>{subject}</saml:NameID>{confirmation}</saml:Subject>"
        f'<saml:Conditions NotBefore="{stamp(now + begins)}" NotOnOrAfter="{stamp(now + lifetime)}">'
        f"<saml:AudienceRestriction><saml:Audience>{audience}</saml:Audience></saml:AudienceRestriction>"
        f"{conditions}</saml:Conditions>{extra}{authn}"
        f"<saml:AttributeStatement>{attribute('groups', *groups) if groups else ''}{attributes}</saml:AttributeStatement>"
        "</saml:Assertion>"
    )


def sign(xml: str, *, key: str = "rsa", element: str = "urn:oasis:names:tc:SAML:2.0:assertion:Assertion") -> str:  # fmt: skip
    """*xml* with its (first) template signed by xmlsec1."""
    with tempfile.TemporaryDirectory() as folder:
        source, secret = Path(folder, "in.xml"), Path(folder, "key")
        source.write_text(xml, encoding="utf-8")
        if key == "hmac":
            secret.write_bytes(pem_of(certificate()).encode())
        else:
            secret.write_bytes(_private(key_of(key)))
        kind = "--hmackey" if key == "hmac" else "--privkey-pem"
        done = subprocess.run(
            ["xmlsec1", "--sign", kind, str(secret), "--id-attr:ID", element, str(source)],
            capture_output=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode().removeprefix('<?xml version="1.0"?>\n').rstrip("\n")


def _private(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def assertion(*, key: str = "rsa", **parts: Any) -> str:
    """A signed assertion."""
    if key.startswith("ec"):
        parts = {"method": ECDSA_SHA256} | parts
    return sign(unsigned(**parts), key=key)


def encoded(xml: str) -> str:
    return base64.urlsafe_b64encode(xml.encode()).rstrip(b"=").decode()
