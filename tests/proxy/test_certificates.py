"""What a client showed belongs to its connection, and is asked about anew when time or rules have moved on."""

import gc
import time
from typing import Any
from unittest import mock

import pytest
from mitmproxy import connection
from mitmproxy.proxy.layers import ClientTLSLayer, HttpLayer, modes
from mitmproxy.test import tflow
from OpenSSL import SSL, crypto

from residency.core.document import read
from residency.core.faults import Faults
from residency.core.identity import CertificateVerifier, parse
from residency.errors import IdentityError
from residency.proxy.certificates import ClientCertificates
from tests.certificates import Certified
from tests.tokens import ISSUER

NOW = time.time()
ROOT = Certified.root(NOW)
OTHER = Certified.root(NOW, "Other")
TEXT = f"""\
version: 1
issuers: [{{issuer: "{ISSUER}", audience: gateway, keys: {{file: jwks.json}}}}]
certificates: [{{name: mesh, authorities: {{file: root.pem}}, spiffe: {{trust_domain: example.org}}}}]
"""


def verifier(root: Certified = ROOT) -> CertificateVerifier:
    faults = Faults()
    book = parse(read(TEXT, "identity.yaml", faults), faults)
    assert book
    return CertificateVerifier(book.certificates, {"root.pem": root.pem})


def layer(kind: type) -> Any:
    return mock.Mock(spec=kind)


def handshake(shown: Certified | None, *kinds: type) -> Any:
    """What mitmproxy hands to hooks, with these layers below."""
    data = mock.Mock()
    data.context.layers = [
        layer(k) for k in (kinds or (modes.HttpProxy, ClientTLSLayer, HttpLayer))
    ]
    data.context.client = tflow.tclient_conn()
    data.ssl_conn.get_app_data.return_value = {"client_alpn": None}
    leaf = shown and crypto.X509.from_cryptography(shown.certificate)
    data.ssl_conn.get_peer_certificate.return_value = leaf
    data.ssl_conn.get_peer_cert_chain.return_value = None
    return data


def shown(by: Certified = ROOT, **changes: Any) -> tuple[ClientCertificates, connection.Client]:
    found = ClientCertificates()
    data = handshake(by.sign(now=NOW, **changes))
    found.remember(data)
    return found, data.context.client


INNER = [
    (modes.HttpProxy, HttpLayer, ClientTLSLayer),
    (modes.HttpProxy, ClientTLSLayer, HttpLayer, ClientTLSLayer),
    (modes.HttpUpstreamProxy, ClientTLSLayer),
    (modes.ReverseProxy, ClientTLSLayer),
]


@pytest.mark.parametrize("kinds", INNER)
def test_only_the_handshake_with_the_proxy_itself_counts(kinds: tuple[type, ...]) -> None:
    data = handshake(ROOT.sign(now=NOW), *kinds)
    found = ClientCertificates()
    found.ask(data, verifier())
    found.remember(data)

    data.ssl_conn.set_verify.assert_not_called()
    assert not found.has(data.context.client)


def test_a_certificate_is_asked_for_where_one_counts() -> None:
    data = handshake(None)
    ClientCertificates().ask(data, verifier())

    assert data.ssl_conn.set_verify.call_args[0][0] == SSL.VERIFY_PEER
    assert data.ssl_conn.set_verify.call_args[0][1]("any", "thing")
    assert data.ssl_conn.get_app_data()["client_alpn"] == b"http/1.1"


def test_no_certificate_is_asked_for_where_none_counts() -> None:
    data = handshake(None)
    ClientCertificates().ask(data, CertificateVerifier())

    data.ssl_conn.set_verify.assert_not_called()
    assert data.ssl_conn.get_app_data()["client_alpn"] == b"http/1.1"


def test_who_has_shown_nothing_is_nobody() -> None:
    found = ClientCertificates()
    data = handshake(None)
    found.remember(data)

    assert found.holder(data.context.client, verifier(), now=NOW) is None
    with pytest.raises(IdentityError, match="identity-missing"):
        found.caller(data.context.client, verifier(), now=NOW)


def test_what_a_token_is_held_against_is_the_certificate_and_whether_it_names_somebody() -> None:
    found, client = shown()
    thumbprint = found._shown[client].thumbprint
    stranger, other = shown(OTHER)
    holder, strange = (
        f.holder(c, verifier(), now=NOW) for f, c in ((found, client), (stranger, other))
    )

    assert holder is not None
    assert (holder.thumbprint, holder.transport) == (thumbprint, False)
    assert strange is not None
    assert not strange.transport


def test_a_connection_that_has_ended_is_forgotten() -> None:
    found, client = shown()
    found.forget(client)

    assert not found.has(client)
    found.forget(client)


def test_a_connection_that_nobody_ended_is_forgotten_with_its_client() -> None:
    found, client = shown()
    assert found.has(client)
    del client
    gc.collect()

    assert not found._shown


def test_a_chain_is_verified_once_and_its_time_is_asked_at_every_call() -> None:
    found, client = shown(lasts=60.0)
    rules = verifier()
    with mock.patch.object(rules, "identify", wraps=rules.identify) as identify:
        for _ in range(3):
            found.caller(client, rules, now=NOW)
    assert identify.call_count == 1

    with pytest.raises(IdentityError, match="expired"):
        found.caller(client, rules, now=NOW + 61)


def test_new_rules_are_asked_anew_and_a_refusal_leaves_nothing_behind() -> None:
    found, client = shown()
    before, after = verifier(), verifier(OTHER)

    assert found.caller(client, before, now=NOW).issuer == "mesh"
    for _ in range(2):
        with pytest.raises(IdentityError, match="identity-certificate"):
            found.caller(client, after, now=NOW)
    assert found.caller(client, before, now=NOW).issuer == "mesh"


def test_nothing_of_a_certificate_is_in_its_text() -> None:
    found, client = shown()
    found.caller(client, verifier(), now=NOW)

    assert "billing" not in repr(found._shown[client])
