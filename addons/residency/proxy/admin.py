"""The admin API, on loopback: what is held, and rulings on it.

==========================  =================================================================
``GET /health``             ``{"ready": true, "drift": 0}``, to anyone; drift: calls that ran where nobody had assumed
``GET /holds``              the holds that the approver may rule on
``GET /holds/ID``           one of them
``POST /holds/ID/ruling``   ``{"ruling": "approve" | "deny", "reason": "…"}`` → the hold after it
``POST /saml``              a SAML assertion → a gateway token, to anyone who has one (``samlexchange``)
==========================  =================================================================

An approver proves who they are with ``Authorization: Bearer TOKEN``, of the same issuers as callers. No cookies; JSON only;
a request that comes from a web page (``Origin``) or under another host name (DNS rebinding) is refused.
"""

import ipaddress
import json
import logging
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from tornado import httpserver, web

from residency.core.hold import Hold
from residency.core.identity import Caller
from residency.core.plain import Plain
from residency.errors import CallError, HoldError, IdentityError, ResidencyError

if TYPE_CHECKING:
    from residency.proxy.approve import ApproveAddon

logger = logging.getLogger("residency.admin")

MAX_BODY = 8 * 1024


def hold_view(hold: Hold) -> dict[str, Plain]:
    """A hold as approvers see it: names and counts, never values."""
    return {
        "id": hold.id,
        "state": hold.state.value,
        "decision": hold.decision,
        "opened": round(hold.opened, 3),
        "expires": round(hold.expires, 3),
        "approvers": list(hold.approval.groups),
        "quorum": hold.approval.quorum,
        "rulings": [r.to_plain() for r in hold.rulings],
        **hold.view,
    }


def endpoint(address: str) -> tuple[str, int]:
    """Host and port of *address*.

    Raises:
        ResidencyError: It is not HOST:PORT, or the host is not this one alone.
    """
    name, _, port = address.rpartition(":")
    host = name.strip("[]") or "127.0.0.1"
    try:
        loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
        number = int(port)
    except ValueError:
        raise ResidencyError(f"option residency_admin: {address!r} is not HOST:PORT") from None
    if not loopback:
        raise ResidencyError(
            "option residency_admin: only loopback; put a TLS proxy with its own log-in in front"
        )
    return host, number


class Admin:
    """The API's server."""

    def __init__(self, approve: "ApproveAddon", address: str) -> None:
        from residency.proxy.samlexchange import SamlExchange

        self.host, self.port = endpoint(address)
        handlers = [
            (r"/health", _Health, {"approve": approve}),
            (r"/holds", _Holds, {"approve": approve}),
            (r"/holds/([0-9a-f]{32})", _Holds, {"approve": approve}),
            (r"/holds/([0-9a-f]{32})/ruling", _Ruling, {"approve": approve}),
            (r"/saml", SamlExchange, {"approve": approve}),
        ]
        names = {f"{h}:{self.port}" for h in ("127.0.0.1", "localhost", "[::1]", self.host)}
        app = web.Application(
            handlers, default_handler_class=_NotFound, log_function=lambda _h: None
        )
        app.settings["residency_names"] = names
        self._server = httpserver.HTTPServer(
            app, max_body_size=MAX_BODY, max_header_size=32 * 1024
        )

    def start(self) -> None:
        """Listen.

        Raises:
            ResidencyError: The port is taken.
        """
        try:
            self._server.listen(self.port, self.host)
        except OSError as e:
            raise ResidencyError(
                f"option residency_admin: cannot listen on {self.host}:{self.port}: {e.strerror}"
            ) from e
        logger.info("admin API on http://%s:%d", self.host, self.port)

    def stop(self) -> None:
        self._server.stop()


class _Base(web.RequestHandler):
    approve: "ApproveAddon"

    def initialize(self, approve: "ApproveAddon | None" = None) -> None:
        if approve is not None:
            self.approve = approve

    def set_default_headers(self) -> None:
        self.set_header("Cache-Control", "no-store")
        self.set_header("X-Content-Type-Options", "nosniff")
        self.clear_header("Server")

    def prepare(self) -> Awaitable[None] | None:
        if (
            self.request.headers.get("Host", "")
            not in self.application.settings["residency_names"]
        ):
            raise web.HTTPError(403, reason="wrong host")
        if "Origin" in self.request.headers:
            raise web.HTTPError(403, reason="not for web pages")
        return None

    async def approver(self) -> Caller:
        values = self.request.headers.get_list("Authorization")
        if len(values) != 1 or not values[0].startswith("Bearer "):
            raise IdentityError("identity-missing", "send Authorization: Bearer TOKEN")
        return await self.approve.approver(values[0].removeprefix("Bearer ").strip())

    def say(self, value: Plain, status: int = 200) -> None:
        self.set_status(status)
        self.set_header("Content-Type", "application/json")
        self.finish(json.dumps(value) + "\n")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        code, text = "request", self._reason
        if isinstance(error, IdentityError):
            status_code, code, text = 401, error.code, error.detail
            self.set_header("WWW-Authenticate", 'Bearer realm="residency"')
        elif isinstance(error, HoldError):
            status_code, code, text = error.status, error.reason, str(error)
        elif isinstance(error, CallError):
            status_code, code, text = 503, error.code, error.detail
        self.say({"code": code, "detail": text}, status_code)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:  # noqa: ARG002 - tornado's
        if not isinstance(value, web.HTTPError | ResidencyError):
            logger.error("admin API: %s", getattr(typ, "__name__", "error"))


class _NotFound(_Base):
    def prepare(self) -> Awaitable[None] | None:
        raise web.HTTPError(404)


class _Health(_Base):
    def get(self) -> None:
        runtime = self.approve.runtime
        self.say({"ready": runtime.ready, "drift": runtime.drift})


class _Holds(_Base):
    async def get(self, id_: str | None = None) -> None:
        holds = self.approve.visible(await self.approver())
        if id_ is None:
            self.say({"holds": [hold_view(h) for h in holds]})
            return
        for hold in holds:
            if hold.id == id_:
                self.say(hold_view(hold))
                return
        raise HoldError("unknown", "there is no such hold", status=404)


class _Ruling(_Base):
    async def post(self, id_: str) -> None:
        if (
            self.request.headers.get("Content-Type", "").partition(";")[0].strip()
            != "application/json"
        ):
            raise web.HTTPError(415, reason="send application/json")
        approver = await self.approver()
        ruling, reason = self._body()
        hold = await self.approve.rule(id_, approver, approve=ruling == "approve", reason=reason)
        self.say(hold_view(hold))

    def _body(self) -> tuple[str, str]:
        try:
            body = json.loads(self.request.body)
        except ValueError:
            raise web.HTTPError(400, reason="not JSON") from None
        if not isinstance(body, dict) or set(body) != {"ruling", "reason"}:
            raise web.HTTPError(400, reason="send ruling and reason")
        ruling, reason = body["ruling"], body["reason"]
        if ruling not in ("approve", "deny") or not isinstance(reason, str):
            raise web.HTTPError(400, reason="ruling is approve or deny, reason is text")
        return str(ruling), reason
