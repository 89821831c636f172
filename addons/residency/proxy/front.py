"""First in mitmproxy's chain: deny every call before anything else sees it, and end what is not HTTP.

Each hook is statements that cannot fail in any way that would let a call through: the denial comes first.
"""

import asyncio
import logging
from typing import TYPE_CHECKING

from mitmproxy import ctx, dns, http, tcp, tls, udp
from mitmproxy.addons.proxyserver import Proxyserver
from mitmproxy.proxy import server_hooks

from residency.proxy import flowstate, socketlayer
from residency.proxy.answer import placeholder
from residency.proxy.returns import SWITCHING, withheld
from residency.proxy.sockets import asks

if TYPE_CHECKING:
    from residency.proxy.runtime import Runtime

logger = logging.getLogger("residency.front")


class Front:
    """Denies. Only the audit stage lifts a denial."""

    name = "residency-front"

    def __init__(self, runtime: "Runtime") -> None:
        self.runtime = runtime

    def http_connect(self, flow: http.HTTPFlow) -> None:
        flow.response = placeholder()
        flowstate.clear(flow)

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        flow.response = placeholder()
        flowstate.clear(flow)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """No byte of an answer passes that the audit stage has not released, and no upgrade that no rule opens."""
        if flow.response:
            flow.response.stream = withheld
            if flow.response.status_code == SWITCHING:
                self._judge_switch(flow, flow.response)

    def _judge_switch(self, flow: http.HTTPFlow, response: http.Response) -> None:
        """End the call, unless this 101 opens a WebSocket that a decision has opened, and mitmproxy will take it for one."""
        headers, opens = response.headers, False
        try:
            opens = (
                asks(flow)
                and self.runtime.sockets.find(flow) is not None
                and socketlayer.is_installed()
                and [v.lower() for v in headers.get_all("upgrade")] == ["websocket"]
                and "sec-websocket-extensions" not in headers
            )
        finally:
            if not opens and flow.killable:
                flow.kill()

    def response(self, flow: http.HTTPFlow) -> None:
        """Nor one that has to be masked or restored as a whole, before that has been done."""
        self.runtime.returns.hold(flow)

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """No connection but to a target that a decision has released, for this client."""
        refusal = "residency: no decision permits this connection"
        data.server.error = refusal
        if data.server.address and self.runtime.resolver.may_connect(
            data.client.id, data.server.address
        ):
            data.server.error = None

    def server_connected(self, data: server_hooks.ServerConnectionHookData) -> None:
        """A connection that has reached anything but a judged address ends before a byte is sent."""
        reached = False
        try:
            reached = self.runtime.resolver.connected(
                data.server.id, data.server.address, data.server.peername
            )
        finally:
            if not reached:
                logger.error("ended a connection to an address that was not judged")
                _abort(data)

    def server_disconnected(self, data: server_hooks.ServerConnectionHookData) -> None:
        self.runtime.resolver.disconnected(data.server.id)

    def server_connect_error(self, data: server_hooks.ServerConnectionHookData) -> None:
        if data.server.address:
            self.runtime.resolver.unreachable(data.client.id, data.server.address)

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        data.ignore_connection = False

    def tcp_start(self, flow: tcp.TCPFlow) -> None:
        flow.kill()
        logger.warning("killed a raw TCP flow")

    def udp_start(self, flow: udp.UDPFlow) -> None:
        flow.kill()
        logger.warning("killed a raw UDP flow")

    def dns_request(self, flow: dns.DNSFlow) -> None:
        flow.kill()
        logger.warning("killed a DNS flow")

    def websocket_start(self, flow: http.HTTPFlow) -> None:
        if self.runtime.sockets.find(flow) is None:
            flow.kill()

    def websocket_message(self, flow: http.HTTPFlow) -> None:
        """No message passes that the audit stage has not released; one that does not ends its connection."""
        if flow.websocket and flow.websocket.messages:
            message = flow.websocket.messages[-1]
            message.drop()
            channel = self.runtime.sockets.find(flow)
            if channel is not None:
                channel.begin(message)


def _abort(data: server_hooks.ServerConnectionHookData) -> None:
    """Close the transport at once: mitmproxy 12.2.3 heeds ``server.error`` in ``server_connect`` alone."""
    proxy: Proxyserver = ctx.master.addons.get("proxyserver")
    for handler in proxy.connections.values():
        opened = handler.transports.get(data.server)
        if opened is not None and isinstance(opened.writer, asyncio.StreamWriter):
            opened.writer.transport.abort()
