"""Who calls: a verified proof, bound to the connection at CONNECT and checked again on every request."""

import dataclasses
import logging
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from mitmproxy import connection, http, tls
from mitmproxy.websocket import WebSocketMessage

from residency.core.framing import check_form, hop_by_hop
from residency.core.identity import Caller, Certificate, Credentials, credentials
from residency.core.plain import Plain
from residency.errors import IdentityError, RegionError
from residency.proxy import flowstate
from residency.proxy.certificates import ClientCertificates, Peer
from residency.proxy.context import IDENTITY_HEADER
from residency.proxy.guard import deny, fail_closed
from residency.proxy.messages import guarded, guarded_check
from residency.proxy.sockets import Channel, asks
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
    """What CONNECT established on a client connection. Token or secret live here, in memory, and nowhere else.

    ``caller`` is the issuer and subject that CONNECT proved; without them no other proof can be theirs.
    """

    host: str
    port: int
    proof: Credentials
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
        self._proofs: weakref.WeakKeyDictionary[http.HTTPFlow, Credentials] = (
            weakref.WeakKeyDictionary()
        )

    async def verified(
        self, values: list[str], client: connection.Client
    ) -> tuple[Credentials, Caller]:
        """The proof in the headers' *values*, or none but a client certificate, and whom it proves.

        Raises:
            IdentityError: as ``credentials`` and ``Callers.caller``.
        """
        shown = not values and self.certificates.has(client)
        proof = Certificate() if shown else credentials(values)
        return proof, await self.caller(proof, client)

    async def caller(self, proof: Credentials, client: connection.Client) -> Caller:
        """Whom *proof* proves on the connection of *client*, by the rules in force."""
        return await self.runtime.caller(proof, Peer(client, self.certificates))

    async def again(self, flow: http.HTTPFlow) -> Caller:
        """The caller of *flow*, verified anew: keys, rules and time may be others by now.

        Raises:
            IdentityError: It is not the caller that the call was judged for, or nobody.
        """
        proof = self._proofs.get(flow)
        if proof is None:
            raise IdentityError("identity-missing")
        caller = await self.caller(proof, flow.client_conn)
        former = flowstate.read(flow, Known).caller
        # The end may be another: what stands behind a client's secret is renewed while a call goes on.
        if caller.key != former.key or caller.groups != former.groups:
            raise IdentityError(
                "identity-conflict", "the call's proof names another caller by now"
            )
        flowstate.write(flow, Known(caller=caller))
        return caller

    async def renewed(
        self, client: connection.Client, tunnel: Tunnel, values: list[str]
    ) -> tuple[Credentials, Caller]:
        """Another proof than the tunnel's, which takes its place, and its caller: services renew their tokens.

        The subject stays who opened the tunnel, even if that one's token has run out meanwhile.

        Raises:
            IdentityError: ``identity-conflict``: it proves somebody else. Or it proves nobody.
        """
        proof, caller = await self.verified(values, client)
        if caller.key != tunnel.caller:
            raise IdentityError(
                "identity-conflict", "the tunnel and the request name different callers"
            )
        if self.tunnels.get(client.id) is tunnel:
            self.tunnels[client.id] = dataclasses.replace(tunnel, proof=proof)
        return proof, caller

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
        proof, caller = await self.verified(values, flow.client_conn)
        flowstate.write(flow, Known(caller=caller))
        self.tunnels[flow.client_conn.id] = Tunnel(
            flow.request.host, flow.request.port, proof, caller.key
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
            proof, caller = await self.verified(values, flow.client_conn)
        elif values and credentials(values) != tunnel.proof:
            proof, caller = await self.renewed(flow.client_conn, tunnel, values)
        else:
            proof, caller = tunnel.proof, await self.caller(tunnel.proof, flow.client_conn)
        self._proofs[flow] = proof
        flowstate.write(flow, Known(caller=caller))
        if announced(flow) > self.runtime.body_limit:
            deny(flow, "too-large")

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        """Again once the body is in: reading it took time."""
        await self.again(flow)

    @guarded
    async def websocket_message(
        self, flow: http.HTTPFlow, channel: Channel, message: WebSocketMessage
    ) -> None:
        """Once more for each message: a connection outlives no token."""
        await self.again(flow)
        channel.vouch("identity", message)

    @guarded_check
    async def websocket_check(self, flow: http.HTTPFlow, channel: Channel) -> None:
        """And while none comes."""
        await self.again(flow)
        channel.vouch("identity", None)

    def websocket_end(self, flow: http.HTTPFlow) -> None:
        self._proofs.pop(flow, None)

    def response(self, flow: http.HTTPFlow) -> None:
        """The call is over: whoever keeps its flow does not keep its proof."""
        if flow.websocket is None:
            self._proofs.pop(flow, None)

    def error(self, flow: http.HTTPFlow) -> None:
        self._proofs.pop(flow, None)

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
    if asks(flow):
        # The handshake goes on; compression does not: what has to be read would be any size.
        named = ["sec-websocket-extensions"]
    for name in (IDENTITY_HEADER, "proxy-connection", "proxy-authenticate", "keep-alive", *named):
        if name in flow.request.headers:
            del flow.request.headers[name]
