"""Who calls: a verified issuer, subject and groups, or a reason why not.

credentials   the values of Proxy-Authorization  → a token, an opaque one, or a client's id and secret
book          identity.yaml                      → the issuers that are believed, and how strictly
discovery     a discovery document               → where the keys are
keys          a JWK set                          → the public keys that may verify
groups        claims and subject                 → the caller's groups, each with where it comes from
require       claims                             → whether they are those of our own tenant
spiffe        a subject                          → its trust domain, and whose JWT-SVID it is
token         token, book, keys, now             → Caller, or IdentityError
verifier      the same with a bounded memory, for many calls with one token
certificate   a client certificate, authorities, now → Caller, or IdentityError
binding       a token and a certificate          → may they stand together?
endpoint      where an issuer is asked about a proof that is no token for the gateway yet
route         a proof of identity                → the issuer that is asked about it
grant         a proof, and the issuer's answer   → a token that is then verified as any other
introspection the issuer's word on an opaque one → Caller, or IdentityError

Two decisions bind it all. A token is read by our own strict parser *before* PyJWT sees it (PyJWT
2.15 accepts equal names twice, padding, and times that are no integers), and times are judged here
and not in PyJWT, because it only knows the machine's clock and the core has none.
"""

from residency.core.identity.binding import Holder, check_binding
from residency.core.identity.book import Issuer, IssuerBook, KeySource, Purpose, parse
from residency.core.identity.caller import Caller
from residency.core.identity.certificate import CertificateVerifier, Presented
from residency.core.identity.credentials import (
    MAX_SIZE,
    Assertion,
    Certificate,
    ClientCredentials,
    Credentials,
    Opaque,
    Token,
    credentials,
)
from residency.core.identity.discovery import keys_url
from residency.core.identity.keys import KeySet
from residency.core.identity.token import UnknownKey, verify
from residency.core.identity.verifier import Verifier

__all__ = [
    "MAX_SIZE",
    "Assertion",
    "Caller",
    "Certificate",
    "CertificateVerifier",
    "ClientCredentials",
    "Credentials",
    "Holder",
    "Issuer",
    "IssuerBook",
    "KeySet",
    "KeySource",
    "Opaque",
    "Presented",
    "Purpose",
    "Token",
    "UnknownKey",
    "Verifier",
    "check_binding",
    "credentials",
    "keys_url",
    "parse",
    "verify",
]
