"""All that verifies who calls, made from one load of the rules and replaced as one by the next.

No call sees the keys of one load and the issuers of another. What was learned from issuers that are asked in the same way
now is taken over: a reload makes nobody wait for keys that are known.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from residency.core.configuration import Configuration
from residency.core.faults import Faults
from residency.core.identity import CertificateVerifier, Verifier
from residency.errors import IdentityError
from residency.proxy.callers import Callers
from residency.proxy.exchange import Exchange
from residency.proxy.keys import KeyStore

if TYPE_CHECKING:
    from residency.proxy.saml import Saml


class Verifiers:
    """What the issuers of one configuration are asked and believed with.

    Args:
        configuration: Rules, and the files that identity.yaml names.
        folder: What the paths of the gateway's own secrets begin at.
        secret: Of this process, for digests.
        former: Those of the rules before, which end with this.

    Raises:
        ConfigurationError: A file that identity.yaml names cannot be used; *former* goes on.
    """

    def __init__(
        self,
        configuration: Configuration,
        *,
        folder: Path,
        secret: bytes,
        former: "Verifiers | None" = None,
    ) -> None:
        book, texts = configuration.identity, configuration.jwks
        self.keys = KeyStore(book, files=texts)
        self.tokens = Verifier(book)
        self.certificates = CertificateVerifier(book.certificates, texts)
        self.saml: Saml | None = _saml(configuration, secret, former.saml if former else None)
        self.callers = Callers(self.tokens, self.keys, self.certificates, self.saml)
        self.exchange = Exchange(book, folder=folder, key=secret, verify=self.callers.verified)
        self.callers.exchange = self.exchange
        self.keys.on_change = self.tokens.set_keys
        if self.saml:
            self.saml.on_keys = self.tokens.set_keys
        if former:
            self._adopt(former)

    @property
    def assertions(self) -> "Saml":
        """Who verifies SAML assertions.

        Raises:
            IdentityError: ``identity-malformed``: nobody does.
        """
        if self.saml is None:
            raise IdentityError("identity-malformed", "this gateway takes no SAML assertions")
        return self.saml

    def start(self) -> None:
        """Hand out the keys that are known, and begin to fetch the others, on the running loop."""
        self.keys.start()
        if self.saml:
            self.saml.start()

    def stop(self) -> None:
        """End every request and thread. Whoever waits for one is refused, or asked about anew by later rules."""
        self.keys.stop()
        self.exchange.stop()
        if self.saml:
            self.saml.stop()

    def _adopt(self, former: "Verifiers") -> None:
        self.exchange.adopt(former.exchange)
        former.exchange.stop()
        self.keys.adopt(former.keys)
        former.keys.stop()
        if former.saml and not self.saml:
            former.saml.stop()


def _saml(configuration: Configuration, secret: bytes, former: "Saml | None") -> "Saml | None":
    book, faults = configuration.identity, Faults()
    trust = book.trust(configuration.jwks, faults)
    faults.check()
    if book.saml is None or trust is None:
        return None
    # Only here: the XML libraries are for gateways that take assertions.
    from residency.proxy.saml import Saml

    return Saml(book.saml, trust, secret=secret, former=former)
