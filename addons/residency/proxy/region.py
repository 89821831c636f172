"""Where a call may be processed: one target, named the same everywhere, and the catalogue's answer for it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self

from mitmproxy import http

from residency.core.body import read_json
from residency.core.framing import check_target
from residency.core.host import canonical
from residency.core.judge import check_door, open_ports
from residency.core.plain import Plain
from residency.core.region.destination import Destination
from residency.core.region.locate import NO_BODY, PENDING, UNREADABLE, locate
from residency.errors import RegionError, Unread
from residency.proxy import flowstate, seal
from residency.proxy.context import codings_of, head_of, target_of, weight_of
from residency.proxy.guard import fail_closed
from residency.proxy.stage import Stage

if TYPE_CHECKING:
    from residency.proxy.identity import IdentityAddon

logger = logging.getLogger("residency.region")


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """The destination of one call, and the canonical host it was found for."""

    stage: ClassVar[str] = "destination"

    host: str
    destination: Destination

    def to_plain(self) -> dict[str, Plain]:
        return {"host": self.host, "destination": self.destination.to_plain()}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        host, destination = plain["host"], plain["destination"]
        if not isinstance(host, str) or not isinstance(destination, Mapping):
            raise TypeError("destination: wrong types")
        return cls(host=host, destination=Destination.from_plain(destination))


class RegionAddon(Stage):
    """Second stage."""

    name = "residency-region"
    order = 1

    def _tunnel(self, flow: http.HTTPFlow) -> tuple[str, int] | None:
        from mitmproxy import ctx

        identity: IdentityAddon = ctx.master.addons.get("residency-identity")
        tunnel = identity.tunnels.get(flow.client_conn.id)
        return (tunnel.host, tunnel.port) if tunnel else None

    # Handlers

    @fail_closed
    def http_connect(self, flow: http.HTTPFlow) -> None:
        host = canonical(flow.request.host)
        if flow.request.port not in open_ports(
            self.runtime.configuration.atlas, host, self.runtime.today()
        ):
            raise RegionError("port-refused")

    @fail_closed
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        host = check_target(target_of(flow, self._tunnel(flow)))
        head, atlas, today = (
            head_of(flow, host),
            self.runtime.configuration.atlas,
            self.runtime.today(),
        )
        check_door(atlas, head, today)
        destination = locate(atlas, head, PENDING, today=today)
        flowstate.write(flow, Located(host=host, destination=destination))

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        """Again, with the body: another addon may have changed the call meanwhile, and the rules may be others."""
        if flow.request.trailers is not None:
            raise RegionError("trailers-refused")
        host = check_target(target_of(flow, self._tunnel(flow)))
        if host != flowstate.read(flow, Located).host:
            raise RegionError("host-mismatch", "the target changed while the body was read")
        configuration, today = self.runtime.configuration, self.runtime.today()
        # What is read from here on, and by which rules, is what may leave later.
        seal.put(flow, self.runtime.secret, configuration.policy.digest)
        head = head_of(flow, host)
        check_door(configuration.atlas, head, today)
        destination = locate(configuration.atlas, head, PENDING, today=today)
        if destination.provisional or configuration.policy.reads_operations:
            destination = locate(configuration.atlas, head, await self._body(flow), today=today)
        flowstate.write(flow, Located(host=host, destination=destination))

    async def _body(self, flow: http.HTTPFlow) -> object:
        raw = flow.request.raw_content
        if not raw:
            # None: it was not kept, which is not to have none.
            return NO_BODY if raw is not None else UNREADABLE
        limit = self.runtime.read_limit
        try:
            return await self.runtime.read(
                weight_of(flow), read_json, raw, codings_of(flow), limit=limit
            )
        except Unread:
            return UNREADABLE

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        """No answer may lead the client past the gateway, to another transport (RFC 7838)."""
        if flow.response is None:
            return
        for name in ("alt-svc", "alternate-protocol"):
            if name in flow.response.headers:
                del flow.response.headers[name]
