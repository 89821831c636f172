"""``POST /saml``: an assertion for a gateway token (RFC 7522, 2.1; answers as RFC 6749, 5.1 and 5.2).

No approver's token is asked for: the assertion is the credential. What is granted or refused is in
the ledger before it is answered.
"""

from collections.abc import Awaitable
from typing import Any
from urllib.parse import parse_qsl

from tornado import web

from residency.core.plain import Plain
from residency.core.saml.text import MAX_TEXT
from residency.errors import CallError, IdentityError
from residency.proxy.admin import _Base

GRANT_TYPE = "urn:ietf:params:oauth:grant-type:saml2-bearer"
_FORM = "application/x-www-form-urlencoded"
#: Bytes of a request: an assertion with every "+", "/" and "=" escaped, and the rest.
MAX_BODY = MAX_TEXT * 3 + 4096


@web.stream_request_body
class SamlExchange(_Base):
    """Streamed, so that this body alone may be larger than the admin API's others."""

    _body: bytearray

    def prepare(self) -> Awaitable[None] | None:
        self._body = bytearray()
        super().prepare()
        if self.request.connection is not None:
            self.request.connection.set_max_body_size(MAX_BODY)  # type: ignore[attr-defined]
        return None

    def data_received(self, chunk: bytes) -> None:
        self._body += chunk

    async def post(self) -> None:
        runtime = self.approve.runtime
        saml, text = runtime.verifiers.assertions, self._assertion()
        try:
            grant = await saml.exchange(text)
        except IdentityError as e:
            # What is over the rate is not written down: anybody could fill the disk.
            if e.code != "identity-busy":
                await runtime.ledger.append("saml", {"code": e.code})
            raise
        await runtime.ledger.append(
            "saml", {"code": None, "assertion": grant.assertion, "caller": grant.caller.to_plain()}
        )
        self.set_header("Pragma", "no-cache")
        self.say(
            {
                "access_token": grant.token,
                "token_type": "Bearer",
                "expires_in": grant.expires_in,
            }
        )

    def _assertion(self) -> str:
        form = self._form()
        if not form.get("grant_type"):
            raise web.HTTPError(400, reason="no grant_type")
        if form["grant_type"] != GRANT_TYPE:
            raise web.HTTPError(400, "unsupported_grant_type", reason="unsupported grant type")
        if not form.get("assertion"):
            raise web.HTTPError(400, reason="no assertion")
        return form["assertion"]

    def _form(self) -> dict[str, str]:
        kind = self.request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if kind != _FORM:
            raise web.HTTPError(415, reason=f"send {_FORM}")
        try:
            pairs = parse_qsl(
                self._body.decode("ascii"),
                keep_blank_values=True,
                strict_parsing=True,
                errors="strict",
                max_num_fields=16,
            )
        except ValueError:
            raise web.HTTPError(400, reason="not a form") from None
        if len(dict(pairs)) != len(pairs):
            # RFC 6749, 3.2: parameters MUST NOT be included more than once.
            raise web.HTTPError(400, reason="a parameter stands twice")
        return dict(pairs)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        word, code, text = "invalid_request", "request", self._reason
        if isinstance(error, CallError):
            busy = not isinstance(error, IdentityError) or error.code == "identity-busy"
            status_code, code, text = (503 if busy else 400), error.code, error.detail
            word = "temporarily_unavailable" if busy else "invalid_grant"
            if busy:
                self.set_header("Retry-After", "1")
        elif isinstance(error, web.HTTPError) and error.log_message:
            word = error.log_message
        told: dict[str, Plain] = {"error": word, "error_description": text, "code": code}
        self.say(told, status_code)
