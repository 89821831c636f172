"""Who calls: a verified issuer, subject and groups, or a reason why not.

credentials   the values of Proxy-Authorization  → the text of one token
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

Two decisions bind it all. A token is read by our own strict parser *before* PyJWT sees it (PyJWT
2.15 accepts equal names twice, padding, and times that are no integers), and times are judged here
and not in PyJWT, because it only knows the machine's clock and the core has none.
"""

from residency.core.identity.binding import Holder, check_binding
from residency.core.identity.book import Issuer, IssuerBook, KeySource, Purpose, parse
from residency.core.identity.caller import Caller
from residency.core.identity.certificate import CertificateVerifier, Presented
from residency.core.identity.credentials import MAX_SIZE, credentials
from residency.core.identity.discovery import keys_url
from residency.core.identity.keys import KeySet
from residency.core.identity.token import UnknownKey, verify
from residency.core.identity.verifier import Verifier

__all__ = [
    "MAX_SIZE",
    "Caller",
    "CertificateVerifier",
    "Holder",
    "Issuer",
    "IssuerBook",
    "KeySet",
    "KeySource",
    "Presented",
    "Purpose",
    "UnknownKey",
    "Verifier",
    "check_binding",
    "credentials",
    "keys_url",
    "parse",
    "verify",
]
