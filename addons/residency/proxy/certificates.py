"""The certificates that clients show to the proxy itself, when its URL begins with https://.

Three facts of mitmproxy 12.2.3 shape this.

A second handshake, inside CONNECT, empties ``Client.certificate_list`` and fills it anew. So the
certificate is asked for, and taken, at the outer handshake alone: the option
``request_client_cert`` stays off, and no service is asked for a certificate in the name of its target.

``certificate_list`` leaves out what cannot be parsed. A client that holds the key of a broken
certificate and sends somebody else's good one as its intermediate would then be somebody else. So
the leaf comes from OpenSSL, as the bytes whose key the handshake has proved.

OpenSSL ends a handshake that would resume a session where certificates are asked for and no session
context is set, and a resumed session brings no intermediates. So the outer connection gives out no
tickets.

mitmproxy means to speak HTTP/1 as a secure web proxy, and its test for that does not hold: HTTP/2
would be agreed on, where one connection may CONNECT many times. A caller is bound to a connection
here, so HTTP/1 is all that is offered.
"""

import weakref
from dataclasses import dataclass, field

from mitmproxy import connection, tls
from mitmproxy.proxy.layers import ClientTLSLayer, modes
from OpenSSL import SSL, crypto

from residency.core.identity import Caller, CertificateVerifier, Holder, Presented
from residency.core.identity.certificate import Identified
from residency.errors import IdentityError


@dataclass(slots=True)
class _Shown:
    """A client's certificate, whom it named lately, and by whose word."""

    presented: Presented
    thumbprint: str
    by: CertificateVerifier | None = None
    found: Identified | None = field(default=None, repr=False)


class ClientCertificates:
    """What each connected client has shown; forgotten with its connection."""

    def __init__(self) -> None:
        self._shown: weakref.WeakKeyDictionary[connection.Client, _Shown] = (
            weakref.WeakKeyDictionary()
        )

    def ask(self, data: tls.TlsData, verifier: CertificateVerifier) -> None:
        """Ready the handshake with the proxy itself: HTTP/1, and ask for a certificate if any counts."""
        if data.ssl_conn is None or not _is_outer(data):
            return
        data.ssl_conn.get_app_data()["client_alpn"] = b"http/1.1"
        if verifier.asks:
            # Any certificate is taken here, and none too: who it names is asked at the first call.
            data.ssl_conn.set_verify(SSL.VERIFY_PEER, lambda *_: True)
            data.ssl_conn.set_options(SSL.OP_NO_TICKET)

    def remember(self, data: tls.TlsData) -> None:
        """Take the certificate of a finished handshake with the proxy itself."""
        if data.ssl_conn is None or not _is_outer(data):
            return
        leaf = data.ssl_conn.get_peer_certificate()
        if leaf is None:
            return
        others = data.ssl_conn.get_peer_cert_chain() or []
        presented = Presented(_der(leaf), tuple(map(_der, others)))
        self._shown[_client(data)] = _Shown(presented, presented.thumbprint)

    def has(self, client: connection.Client) -> bool:
        """True if *client* has shown a certificate, good or not."""
        return client in self._shown

    def caller(
        self, client: connection.Client, verifier: CertificateVerifier, *, now: float
    ) -> Caller:
        """Whom the certificate of *client* names, at *now* (Unix time in seconds).

        Raises:
            IdentityError: ``identity-missing``: there is none, or it names nobody;
                ``identity-certificate``: it is not accepted.
        """
        shown = self._shown.get(client)
        caller = self._identified(shown, verifier, now).caller if shown else None
        if caller is None:
            raise IdentityError("identity-missing")
        return caller

    def holder(
        self, client: connection.Client, verifier: CertificateVerifier, *, now: float
    ) -> Holder | None:
        """What a token of *client* is held against; ``None`` if there is no certificate.

        A token may be bound to a certificate that no authority signed (RFC 8705, 2.2); beside a
        token that is bound to none, it has to be one that is known as transport.
        """
        shown = self._shown.get(client)
        if shown is None:
            return None
        try:
            transport = self._identified(shown, verifier, now).caller is None
        except IdentityError:
            transport = False
        return Holder(shown.thumbprint, transport)

    def forget(self, client: connection.Client) -> None:
        self._shown.pop(client, None)

    @staticmethod
    def _identified(shown: _Shown, verifier: CertificateVerifier, now: float) -> Identified:
        """Verified once a connection, and once more after each change of the rules."""
        if shown.found is None or shown.by is not verifier:
            shown.found = None
            shown.found, shown.by = verifier.identify(shown.presented, now=now), verifier
        shown.found.validity.check(now)
        return shown.found


@dataclass(frozen=True, slots=True)
class Peer:
    """The connection that a proof came by, and what its client has shown there."""

    client: connection.Client
    certificates: ClientCertificates


def _is_outer(data: tls.TlsData) -> bool:
    """True for the handshake with the proxy itself: TLS right below the mode, and none above."""
    mode, *layers = data.context.layers
    found = [isinstance(layer, ClientTLSLayer) for layer in layers]
    return isinstance(mode, modes.HttpProxy) and found[:1] == [True] and found.count(True) == 1


def _client(data: tls.TlsData) -> connection.Client:
    return data.context.client


def _der(certificate: crypto.X509) -> bytes:
    return crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
