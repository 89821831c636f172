"""A running gateway's admin API, over urllib: no proxy, no redirect, and no token in clear over a network."""

import http.client
import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field

from residency.core.plain import Plain
from residency.errors import GatewayError

TIMEOUT = 10.0
MAX_ANSWER = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP status, and the JSON object that came with it."""

    status: int
    value: Mapping[str, Plain]

    @property
    def refused(self) -> bool:
        return self.status != http.client.OK


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """urllib would take the Authorization header along to wherever it is sent."""

    def redirect_request(self, *_args: object, **_kwargs: object) -> None:
        return None


@dataclass(frozen=True, slots=True)
class Gateway:
    """The API at ``url``, asked in the name of ``token``.

    Raises:
        GatewayError: ``url`` is none that a token may be sent to.
    """

    url: str
    token: str = field(repr=False)

    def __post_init__(self) -> None:
        from residency.core.identity.url import fault_of

        if fault := fault_of(self.url, query=False):
            raise GatewayError(f"the gateway's URL cannot be used: {fault} (--gateway URL)")

    def get(self, path: str) -> Answer:
        """What the API answers.

        Raises:
            GatewayError: It cannot be reached, or is no such API.
        """
        return self._ask(path, None)

    def post(self, path: str, body: Mapping[str, Plain]) -> Answer:
        """As ``get``."""
        return self._ask(path, json.dumps(body).encode("ascii"))

    def _ask(self, path: str, body: bytes | None) -> Answer:
        # fault_of has seen to the scheme.
        request = urllib.request.Request(  # noqa: S310
            self.url.rstrip("/") + path,
            data=body,
            headers={"Authorization": f"Bearer {self.token}", "Accept": "application/json",
                     **({"Content-Type": "application/json"} if body is not None else {})},
        )  # fmt: skip
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
        try:
            try:
                with opener.open(request, timeout=TIMEOUT) as response:
                    return self._answer(response.status, response.read(MAX_ANSWER))
            except urllib.error.HTTPError as e:
                with e:
                    return self._answer(e.code, e.read(MAX_ANSWER))
        except (OSError, http.client.HTTPException) as e:
            why = getattr(e, "reason", e)
            raise GatewayError(
                f"no gateway answers at {self.url}: {why} (is it running? --gateway URL)"
            ) from None

    def _answer(self, status: int, raw: bytes) -> Answer:
        try:
            value = json.loads(raw)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise GatewayError(
                f"{self.url} is no gateway's admin API: status {status}, and no JSON object"
            )
        return Answer(status, value)
