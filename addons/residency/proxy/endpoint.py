"""Ask one issuer: find its endpoint, and post a form to it. Bounded in time and size, and no redirect is followed."""

import logging

from tornado.httpclient import HTTPRequest
from tornado.netutil import DefaultExecutorResolver
from tornado.simple_httpclient import SimpleAsyncHTTPClient

from residency.core.identity.discovery import endpoint_url
from residency.core.identity.endpoint import Endpoint
from residency.core.identity.grant import Form, unavailable
from residency.proxy.flights import Answer, Flights

logger = logging.getLogger("residency.endpoint")

#: Seconds for one request, waiting for a free connection included.
TIMEOUT = 5.0
#: Largest answer that is read: bytes.
MAX_BODY = 256 * 1024
#: Requests to one issuer at once.
MAX_REQUESTS = 32
#: What an issuer says about itself is asked for again after this many seconds, and counts for so many.
RENEW, LASTS = 15 * 60.0, 24 * 3600.0


class Asker:
    """Asks one issuer. Each has its own HTTP client, so that one that hangs delays no other."""

    def __init__(self, issuer: str, *, timeout: float = TIMEOUT) -> None:
        self._issuer = issuer
        self._timeout = timeout
        self._places: Flights[str] = Flights()
        self._client: SimpleAsyncHTTPClient | None = None

    async def post(self, endpoint: Endpoint, form: Form) -> tuple[int, str]:
        """Status and text of the answer.

        Raises:
            IdentityError: ``identity-unavailable``: there is none, or it is too long or no UTF-8.
        """
        url = endpoint.location
        if endpoint.discovered:
            key = f"{endpoint.member} {endpoint.location}".encode()
            url = await self._places.get(key, lambda: self._discover(endpoint))
        return await self._fetch(url, "POST", form.headers, form.body)

    def stop(self) -> None:
        """End every request."""
        self._places.stop()
        if self._client:
            self._client.close()
        self._client = None

    async def _discover(self, endpoint: Endpoint) -> Answer[str]:
        status, text = await self._fetch(endpoint.location, "GET", {"Accept": "application/json"})
        if status != 200:  # noqa: PLR2004
            raise unavailable(f"discovery answers status {status}")
        try:
            return Answer(endpoint_url(text, self._issuer, endpoint), RENEW, LASTS)
        except ValueError:
            pass
        raise unavailable(f"discovery names no usable {endpoint.member}")

    async def _fetch(
        self, url: str, method: str, headers: dict[str, str], body: str | None = None
    ) -> tuple[int, str]:
        if self._client is None:
            # Its own resolver: the loop's may be one that only knows the targets of calls.
            self._client = SimpleAsyncHTTPClient(
                force_instance=True,
                max_clients=MAX_REQUESTS,
                max_body_size=MAX_BODY,
                resolver=DefaultExecutorResolver(),
            )
        request = HTTPRequest(
            url,
            method,
            headers,
            body,
            connect_timeout=self._timeout,
            request_timeout=self._timeout,
            follow_redirects=False,
            # What is unpacked is not counted by max_body_size.
            decompress_response=False,
        )
        try:
            response = await self._client.fetch(request, raise_error=False)
            return response.code, response.body.decode("utf-8")
        except Exception as e:  # noqa: BLE001 - messages of TLS and parsers quote what was sent
            why = type(e).__name__
        logger.warning("%s: cannot be asked: %s", self._issuer, why)
        raise unavailable(why)
