"""Ask a running gateway what it holds, and hand it an approver's ruling: the desk's side of the admin API.

The token goes to loopback, or through TLS, and nowhere else: no proxy from the environment is used (tornado's own client
knows none) and no redirect is followed. The file is read anew for each request, since tokens are short-lived. A ruling is
sent once and never again by itself: whether an unanswered one counted is what the list then shows.
"""

import ipaddress
import json
from urllib.parse import urlsplit

from mitmproxy import exceptions
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from tornado import httpclient, httputil, simple_httpclient

from residency.core.hold import State
from residency.errors import GatewayError
from residency.proxy.approve import read_token

CONNECT_SECONDS = 3.0
#: The gateway may have to fetch an issuer's keys and write to its ledger first.
ANSWER_SECONDS = 15.0
MAX_ANSWER = 8 * 1024 * 1024
MAX_TEXT = 300
_OK = 200


class _Model(BaseModel):
    # Not "forbid": a newer gateway may say more than this desk shows.
    model_config = ConfigDict(extra="ignore", frozen=True)


class HeldCaller(_Model):
    issuer: str
    subject: str
    groups: tuple[str, ...] = ()


class HeldFields(_Model):
    """``counts`` is mask set → path → how often."""

    state: str
    counts: dict[str, dict[str, int]] = {}
    reason: str | None = None


class HeldCall(_Model):
    """A hold as ``admin.hold_view`` tells it: names and counts, no values. Times are Unix seconds."""

    id: str = Field(pattern=r"^[0-9a-f]{32}$")
    state: State
    opened: float = Field(ge=0, le=1e11, allow_inf_nan=False)
    expires: float = Field(ge=0, le=1e11, allow_inf_nan=False)
    approvers: tuple[str, ...] = ()
    quorum: int = 1
    rulings: tuple[dict[str, object], ...] = ()
    caller: HeldCaller
    method: str
    host: str
    function: str | None = None
    places: tuple[str, ...] | str
    status: str = ""
    rule: str | None = None
    why: str = ""
    bytes: int = 0
    carrying: HeldFields
    masked: dict[str, dict[str, int]] = {}


class _Holds(_Model):
    holds: tuple[HeldCall, ...]


def printable(text: str, limit: int = MAX_TEXT) -> str:
    """*text* fit for a terminal: a caller chooses model and tool names, so no escapes, no reversed writing, no novel."""
    shown = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text[: limit + 1])
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def url_fault(url: str) -> str:
    """Why a token must not be sent to *url*; empty where it may be."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not host or not url.isprintable():
        return "is not a URL, such as http://127.0.0.1:8090"
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        return "must be scheme, host and port only"
    if parts.scheme == "http" and not _loopback(host):
        return "plain http only to loopback: the token would be readable on the way; use https"
    return ""


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Gateway:
    """One gateway's admin API, as the approver whose token stands in *token_file*."""

    def __init__(
        self, http: simple_httpclient.SimpleAsyncHTTPClient, *, url: str, token_file: str
    ) -> None:
        self._http = http
        self._url = url.rstrip("/")
        self._token_file = token_file

    async def holds(self) -> tuple[HeldCall, ...]:
        """What is held for this approver, oldest first.

        Raises:
            GatewayError: No token, no gateway, a refused token, or an answer that is none of a gateway's.
        """
        answer = await self._ask("GET", "/holds")
        try:
            return _Holds.model_validate_json(answer).holds
        except ValidationError:
            raise _foreign() from None

    async def rule(self, id_: str, *, approve: bool, reason: str) -> HeldCall:
        """Send a ruling once; the hold after it.

        Raises:
            GatewayError: as ``holds``; or there is no reason; or the gateway refuses the ruling, with its words.
        """
        if not reason.strip():
            raise GatewayError("a ruling needs a reason")
        ruling = {"ruling": "approve" if approve else "deny", "reason": reason}
        answer = await self._ask("POST", f"/holds/{id_}/ruling", json.dumps(ruling))
        try:
            return HeldCall.model_validate_json(answer)
        except ValidationError:
            raise _foreign() from None

    async def _ask(self, method: str, path: str, body: str | None = None) -> bytes:
        headers = httputil.HTTPHeaders({"Authorization": f"Bearer {self._token()}"})
        if body is not None:
            headers["Content-Type"] = "application/json"
        request = httpclient.HTTPRequest(
            self._url + path,
            method=method,
            headers=headers,
            body=body,
            follow_redirects=False,
            connect_timeout=CONNECT_SECONDS,
            request_timeout=ANSWER_SECONDS,
        )
        try:
            response = await self._http.fetch(request, raise_error=False)
        except (OSError, ValueError, httpclient.HTTPClientError) as e:
            raise GatewayError(f"no answer from {self._url} ({type(e).__name__})") from None
        if response.code != _OK:
            raise GatewayError(_refusal(response))
        return response.body

    def _token(self) -> str:
        try:
            token = read_token(self._token_file)
        except exceptions.CommandError as e:
            raise GatewayError(str(e)) from None
        if not token.isprintable() or " " in token:
            raise GatewayError("residency_token_file: the file holds more than one token")
        return token


def _foreign() -> GatewayError:
    return GatewayError(
        "the answer is not a gateway's; does residency_gateway name its admin API?"
    )


def _refusal(response: httpclient.HTTPResponse) -> str:
    """The gateway's own words for an answer that is not 200."""
    try:
        said = json.loads(response.body)
        words = f"{said['detail']} ({said['code']})"
    except (ValueError, TypeError, KeyError):
        words = f"HTTP {response.code}"
    return printable(f"the gateway refuses: {words}")
