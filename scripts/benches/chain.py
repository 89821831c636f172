"""What a client certificate costs: its chain verified, once a connection, and asked about, once a call."""

from collections.abc import Callable
from functools import partial

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import CertificateVerifier, parse
from tests.certificates import Certified, dn

_RULES = """\
version: 1
issuers: [{issuer: "https://login.example.com", audience: gateway, keys: {discovery: true}}]
certificates:
  - name: spiffe://example.org
    authorities: {file: root.pem}
    spiffe: {trust_domain: example.org}
    groups: {"spiffe://example.org/ns/prod/*": [eu-services]}
"""


def certificate_work(now: float) -> dict[str, Callable[[], object]]:
    """The two lines; *now* is Unix time in seconds."""
    root = Certified.root(now)
    leaf = root.sign(now=now, name=dn(cn="Between"), ca=True).sign(now=now).presented
    faults = Faults()
    book = parse(read(_RULES, "identity.yaml", faults), faults)
    faults.check()
    assert book
    verifier = CertificateVerifier(book.certificates, {"root.pem": root.pem})
    known = verifier.identify(leaf, now=now)
    return {
        "verify a new certificate (P-256, one between)": partial(verifier.identify, leaf, now=now),
        "ask about a certificate seen before": partial(known.validity.check, now),
    }
