"""A flow as the core's values: nothing here decides anything."""

from mitmproxy import http

from residency.core.body import Content
from residency.core.call import Head, Headers
from residency.core.framing import Target

IDENTITY_HEADER = "proxy-authorization"


def headers_of(flow: http.HTTPFlow) -> Headers:
    """Lower-case names, latin-1 values, order as sent."""
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in flow.request.headers.fields
    )


def head_of(flow: http.HTTPFlow, host: str) -> Head:
    """The request's head; *host* is the canonical name that ``check_target`` answered."""
    path, _, query = flow.request.path.partition("?")
    return Head(
        method=flow.request.method,
        scheme=flow.request.scheme,
        host=host,
        port=flow.request.port,
        path=path,
        query=query,
        headers=headers_of(flow),
    )


def target_of(flow: http.HTTPFlow, tunnel: tuple[str, int] | None) -> Target:
    """Every name the request gives its target. Never ``pretty_host``: that is a header the caller chooses."""
    request = flow.request
    return Target(
        scheme=request.scheme,
        host=request.host,
        port=request.port,
        tunnel=tunnel,
        sni=flow.client_conn.sni if tunnel else None,
        authority=request.authority or None,
        host_headers=tuple(request.headers.get_all("host")),
    )


def codings_of(flow: http.HTTPFlow) -> list[str]:
    return list(flow.request.headers.get_all("content-encoding"))


def weight_of(flow: http.HTTPFlow) -> int:
    """About how many bytes reading the body is about."""
    return weight(flow.request.raw_content or b"", flow.request.headers)


def weight(raw: bytes, headers: http.Headers) -> int:
    """As ``weight_of``, for any message. A compressed body may be any size; it counts as large."""
    packed = any(
        c.strip().lower() not in ("", "identity") for c in headers.get_all("content-encoding")
    )
    return len(raw) if not raw or not packed else max(len(raw), 1 << 20)


def content_of(flow: http.HTTPFlow, raw: bytes) -> Content:
    """The request as what may have regulated fields in it."""
    path, _, query = flow.request.path.partition("?")
    return Content(raw, headers_of(flow), path, query, flow.request.host.lower())


def answer_headers_of(response: http.Response) -> Headers:
    """As ``headers_of``, of an answer."""
    return tuple(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in response.headers.fields
    )


def parts_of(flow: http.HTTPFlow) -> tuple[str, ...]:
    """What is sent besides headers and body, for digests."""
    r = flow.request
    return (r.method, r.scheme, r.host, str(r.port), r.path, r.http_version)
