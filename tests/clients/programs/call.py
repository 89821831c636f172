"""One call by an ordinary library. Arguments: library, method, URL. Standard input: the body, none if empty.

Prints one JSON object: the answer as the library shows it, or its complaint. All that it knows of proxies and CAs
is in its environment.
"""

import base64
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

SECONDS = 60


def by_urllib(method: str, url: str, body: bytes) -> dict[str, Any]:
    request = urllib.request.Request(url, body or None, _headers(body), method=method)
    try:
        answer = urllib.request.urlopen(request, timeout=SECONDS)
    except urllib.error.HTTPError as e:
        answer = e
    with answer:
        return _seen(answer.status, "1.1", dict(answer.headers.items()), answer.read())


def by_requests(method: str, url: str, body: bytes) -> dict[str, Any]:
    import requests

    answer = requests.request(
        method, url, data=body or None, headers=_headers(body), timeout=SECONDS
    )
    return _seen(answer.status_code, "1.1", dict(answer.headers), answer.content)


def by_requests_retrying(method: str, url: str, body: bytes) -> dict[str, Any]:
    import requests
    from requests.adapters import HTTPAdapter
    from urllib3.util import Retry

    retry = Retry(total=5, status_forcelist=[503], allowed_methods=None, raise_on_status=False)
    with requests.Session() as session:
        session.mount("https://", HTTPAdapter(max_retries=retry))
        answer = session.request(method, url, data=body, headers=_headers(body), timeout=SECONDS)
        return _seen(answer.status_code, "1.1", dict(answer.headers), answer.content)


def by_httpx(method: str, url: str, body: bytes, *, http2: bool = False) -> dict[str, Any]:
    import httpx

    with httpx.Client(http2=http2, timeout=SECONDS) as client:
        answer = client.request(method, url, content=body or None, headers=_headers(body))
        version = answer.http_version.removeprefix("HTTP/")
        return _seen(answer.status_code, version, dict(answer.headers), answer.content)


def by_httpx_h2(method: str, url: str, body: bytes) -> dict[str, Any]:
    return by_httpx(method, url, body, http2=True)


def by_aiohttp(method: str, url: str, body: bytes) -> dict[str, Any]:
    import asyncio

    import aiohttp

    async def ask() -> dict[str, Any]:
        # Without trust_env it looks at no variable at all.
        async with (
            aiohttp.ClientSession(trust_env=True) as session,
            session.request(method, url, data=body or None, headers=_headers(body)) as answer,
        ):
            return _seen(answer.status, "1.1", dict(answer.headers), await answer.read())

    return asyncio.run(ask())


def _headers(body: bytes) -> dict[str, str]:
    return {"Content-Type": "application/json"} if body else {}


def _seen(status: int, version: str, headers: dict[str, str], body: bytes) -> dict[str, Any]:
    return {
        "status": status,
        "version": version.removesuffix(".0"),
        "headers": {name.lower(): value for name, value in headers.items()},
        "body": base64.b64encode(body).decode("ascii"),
    }


LIBRARIES: dict[str, Callable[[str, str, bytes], dict[str, Any]]] = {
    "urllib": by_urllib,
    "requests": by_requests,
    "requests-retrying": by_requests_retrying,
    "aiohttp": by_aiohttp,
    "httpx-h1": by_httpx,
    "httpx-h2": by_httpx_h2,
}

if __name__ == "__main__":
    library, method, url = sys.argv[1:]
    try:
        found = LIBRARIES[library](method, url, sys.stdin.buffer.read())
    except Exception as e:  # noqa: BLE001 - whatever the library says is what is asked for
        found = {"complaint": f"{type(e).__name__}: {e}"}
    json.dump(found, sys.stdout)
