"""Who calls: a verified token, bound to the connection at CONNECT and checked again on every request."""

import dataclasses
import logging
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from mitmproxy import connection, http, tls

from residency.core.framing import check_form, hop_by_hop
from residency.core.identity import Caller, UnknownKey, check_binding, credentials
from residency.core.plain import Plain
from residency.core.saml.text import is_assertion
from residency.errors import IdentityError, RegionError
from residency.proxy import flowstate
from residency.proxy.certificates import ClientCertificates
from residency.proxy.context import IDENTITY_HEADER
from residency.proxy.guard import deny, fail_closed
from residency.proxy.stage import Stage

logger = logging.getLogger("residency.identity")


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The caller of one call."""

    stage: ClassVar[str] = "caller"

    caller: Caller

    def to_plain(self) -> dict[str, Plain]:
        return self.caller.to_plain()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        return cls(caller=Caller.from_plain(plain))


@dataclass(frozen=True, slots=True)
class Tunnel:
    """What CONNECT established on a client connection. The token lives here, in memory, and nowhere else.

    ``token`` is empty where the client's certificate names the caller. ``caller`` is the issuer and subject that
    CONNECT proved; without them no other token can be theirs.
    """

    host: str
    port: int
    token: str
    caller: tuple[str, str] = ("", "")

    def __repr__(self) -> str:
        return f"Tunnel({self.host}:{self.port})"


class IdentityAddon(Stage):
    """First stage: issues the call's ticket and names its caller."""

    name = "residency-identity"
    order = 0

    def __init__(self) -> None:
        self.tunnels: dict[str, Tunnel] = {}
        self.certificates = ClientCertificates()
        # In memory, gone with the flow, and not inherited by a copy of it.
        self._tokens: weakref.WeakKeyDictionary[http.HTTPFlow, str] = weakref.WeakKeyDictionary()

    async def verified(self, values: list[str], client: connection.Client) -> tuple[str, Caller]:
        """The token in the headers' *values*, or none but a client certificate, and whom it proves.

        Raises:
            IdentityError: as ``credentials``, ``Verifier.verify`` and ``ClientCertificates.caller``.
        """
        token = "" if not values and self.certificates.has(client) else credentials(values)
        return token, await self.caller(token, client)

    async def caller(self, token: str, client: connection.Client) -> Caller:
        runtime = self.runtime
        if not token:
            return self.certificates.caller(client, runtime.certificates, now=time.time())
        if is_assertion(token):
            holder = self.certificates.holder(client, runtime.certificates, now=time.time())
            check_binding(None, holder)
            return await runtime.assertions.caller(token)
        try:
            holder = self.certificates.holder(client, runtime.certificates, now=time.time())
            return runtime.verifier.verify(token, now=time.time(), certificate=holder)
        except UnknownKey as e:
            # A rotated key: one fetch for all who ask, with a cool-down, and then one more try.
            await runtime.keys.refresh(e.issuer)
            holder = self.certificates.holder(client, runtime.certificates, now=time.time())
            return runtime.verifier.verify(token, now=time.time(), certificate=holder)

    async def again(self, flow: http.HTTPFlow) -> Caller:
        """The caller of *flow*, verified anew: keys, rules and time may be others by now.

        Raises:
            IdentityError: It is not the caller that the call was judged for, or nobody.
        """
        token = self._tokens.get(flow)
        if token is None:
            raise IdentityError("identity-missing")
        caller = await self.caller(token, flow.client_conn)
        if caller != flowstate.read(flow, Known).caller:
            raise IdentityError(
                "identity-conflict", "the call's proof names another caller by now"
            )
        return caller

    async def renewed(
        self, client: connection.Client, tunnel: Tunnel, values: list[str]
    ) -> tuple[str, Caller]:
        """Another token than the tunnel's, which takes its place, and its caller: services renew theirs.

        The subject stays who opened the tunnel, even if that one's token has run out meanwhile.

        Raises:
            IdentityError: ``identity-conflict``: it proves somebody else. Or it proves nobody.
        """
        token, caller = await self.verified(values, client)
        if caller.key != tunnel.caller:
            raise IdentityError(
                "identity-conflict", "the tunnel and the request name different callers"
            )
        if self.tunnels.get(client.id) is tunnel:
            self.tunnels[client.id] = dataclasses.replace(tunnel, token=token)
        return token, caller

    # Handlers

    def tls_start_client(self, data: tls.TlsData) -> None:
        self.certificates.ask(data, self.runtime.certificates)

    def tls_established_client(self, data: tls.TlsData) -> None:
        self.certificates.remember(data)

    @fail_closed
    async def http_connect(self, flow: http.HTTPFlow) -> None:
        flowstate.write(flow, self.runtime.ticket())
        self.tunnels.pop(flow.client_conn.id, None)
        if flow.request.is_http2 or flow.request.is_http3:
            # mitmproxy 12.2.3 agrees on HTTP/2 with whoever speaks TLS to the proxy: many tunnels on one connection.
            raise RegionError(
                "protocol-refused", "one tunnel a connection: use HTTP/1.1 to the proxy"
            )
        values = flow.request.headers.get_all(IDENTITY_HEADER)
        token, caller = await self.verified(values, flow.client_conn)
        flowstate.write(flow, Known(caller=caller))
        self.tunnels[flow.client_conn.id] = Tunnel(
            flow.request.host, flow.request.port, token, caller.key
        )

    @fail_closed
    async def requestheaders(self, flow: http.HTTPFlow) -> None:
        flowstate.write(flow, self.runtime.ticket())
        if flow.is_replay:
            deny(flow, "replayed")
            return
        values = flow.request.headers.get_all(IDENTITY_HEADER)
        check_form(
            method=flow.request.method,
            path=flow.request.path,
            version=flow.request.http_version,
            alpn=flow.client_conn.alpn,
            headers=flow.request.headers.fields,
        )
        strip(flow)
        tunnel = self.tunnels.get(flow.client_conn.id)
        if tunnel is None:
            token, caller = await self.verified(values, flow.client_conn)
        elif values and credentials(values) != tunnel.token:
            token, caller = await self.renewed(flow.client_conn, tunnel, values)
        else:
            token, caller = tunnel.token, await self.caller(tunnel.token, flow.client_conn)
        self._tokens[flow] = token
        flowstate.write(flow, Known(caller=caller))
        if announced(flow) > self.runtime.body_limit:
            deny(flow, "too-large")

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        """Again once the body is in: reading it took time."""
        await self.again(flow)

    def http_connect_error(self, flow: http.HTTPFlow) -> None:
        """No tunnel was made: what follows on this connection proves its own identity."""
        self.tunnels.pop(flow.client_conn.id, None)

    def client_disconnected(self, client: connection.Client) -> None:
        self.tunnels.pop(client.id, None)
        self.certificates.forget(client)
        self.runtime.resolver.forget(client.id)


def announced(flow: http.HTTPFlow) -> int:
    """The Content-Length, in bytes; 0 where there is none, or none that counts."""
    text = flow.request.headers.get("content-length", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0  # noqa: PLR2004


def strip(flow: http.HTTPFlow) -> None:
    """Take what is between client and proxy off the request, so that no token goes upstream (RFC 9110 section 7.6.1)."""
    named = [n.decode("latin-1") for n in hop_by_hop(flow.request.headers.fields)]
    for name in (IDENTITY_HEADER, "proxy-connection", "proxy-authenticate", "keep-alive", *named):
        if name in flow.request.headers:
            del flow.request.headers[name]
