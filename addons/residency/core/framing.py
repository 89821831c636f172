"""Is a request well formed, and is it one request to one target? Checked before anything else is asked.

mitmproxy forwards much that RFC 9110 and RFC 9112 forbid (bare CR, NUL and folding in header values, several Host
headers, absolute targets inside a tunnel, ``Upgrade: H2C``); each of these lets the far side read another request than
the one that was judged. So each ends the call here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from residency.core.host import canonical
from residency.errors import RegionError

type RawHeaders = Sequence[tuple[bytes, bytes]]

#: RFC 9110 section 5.6.2.
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: RFC 9110 section 5.5: no control character but HTAB in a field value.
_VALUE_FORBIDS = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
#: RFC 9112 section 3.2.1, origin-form; raw 8-bit characters, blanks and fragments have no place in it.
_PATH = re.compile(r"/[\x21\x22\x24-\x7e]*")
_SINGLETONS = frozenset(
    {b"host", b"authorization", b"proxy-authorization", b"content-type", b"content-length", b"content-encoding",
     b"transfer-encoding"}
)  # fmt: skip
#: Some frameworks take these for the method and the path; the rules judged the real ones.
_OVERRIDES = frozenset(
    {
        b"x-http-method-override",
        b"x-http-method",
        b"x-method-override",
        b"x-original-url",
        b"x-rewrite-url",
    }
)
_END_TO_END = _SINGLETONS - {b"proxy-authorization"}
#: RFC 6455 section 4.1: base64 of 16 bytes.
_SOCKET_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
#: RFC 9110 section 9.3 and RFC 5789; CONNECT is the proxy's own, TRACE mirrors headers back.
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Every name that a request gives its target; ``None`` where it gives none.

    ``host`` and ``port`` are where mitmproxy would connect, ``tunnel`` what CONNECT named, ``sni`` what the TLS
    handshake named, ``authority`` the request line's (absolute-form, or HTTP/2 ``:authority``).
    """

    scheme: str
    host: str
    port: int
    tunnel: tuple[str, int] | None = None
    sni: str | None = None
    authority: str | None = None
    host_headers: tuple[str, ...] = ()


def check_form(
    *, method: str, path: str, version: str, alpn: bytes | None, headers: RawHeaders
) -> None:
    """Refuse what is not one plain HTTP request.

    Raises:
        RegionError: ``request-malformed``, ``upgrade-refused`` or ``trailers-refused``; the detail names the part.
    """
    if method not in METHODS:
        raise RegionError(
            "request-malformed", "the method is not one of " + ", ".join(sorted(METHODS))
        )
    if not _PATH.fullmatch(path) and not (method == "OPTIONS" and path == "*"):
        raise RegionError("request-malformed", "the request target is not in origin form")
    multiplexed = alpn in (b"h2", b"h3")
    if version not in (("HTTP/2.0", "HTTP/3") if multiplexed else ("HTTP/1.0", "HTTP/1.1")):
        raise RegionError("request-malformed", "the HTTP version is not the connection's")
    opens = method == "GET" and version == "HTTP/1.1" and asks_for_websocket(headers)
    _check_headers(headers, opens=opens)


def asks_for_websocket(headers: RawHeaders) -> bool:
    """True for the headers of a whole opening handshake (RFC 6455 section 4.1), and of nothing else besides.

    Any other upgrade is none that is known: mitmproxy 12.2.3 makes raw TCP of it.
    """
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        found.setdefault(name.lower(), []).append(value.strip())
    keys = found.get(b"sec-websocket-key", [])
    return (
        [v.lower() for v in found.get(b"upgrade", [])] == [b"websocket"]
        and [_options(v) for v in found.get(b"connection", [])]
        in ([[b"upgrade"]], [[b"keep-alive", b"upgrade"]], [[b"upgrade", b"keep-alive"]])
        and found.get(b"sec-websocket-version") == [b"13"]
        and len(keys) == 1
        and bool(_SOCKET_KEY.fullmatch(keys[0]))
        and not found.keys() & {b"transfer-encoding", b"content-length", b"expect"}
    )


def _check_headers(headers: RawHeaders, *, opens: bool) -> None:
    seen: set[bytes] = set()
    for name, value in headers:
        lower = name.lower()
        if not _TOKEN.fullmatch(name) or _VALUE_FORBIDS.search(value):
            raise RegionError(
                "request-malformed", "a header name or value has forbidden characters"
            )
        if lower in _SINGLETONS and lower in seen:
            raise RegionError("request-malformed", f"more than one {lower.decode()} header")
        seen.add(lower)
        if lower == b"http2-settings" or (lower == b"upgrade" and not opens):
            raise RegionError("upgrade-refused")
        if lower in _OVERRIDES:
            raise RegionError("request-malformed", "a header that overrides method or path")
        if lower == b"trailer":
            raise RegionError("trailers-refused")
        if lower == b"transfer-encoding" and value.strip().lower() != b"chunked":
            raise RegionError("request-malformed", "a transfer coding other than chunked")
        if lower == b"connection" and _END_TO_END & set(_options(value)):
            raise RegionError(
                "request-malformed", "Connection names a header that is not hop by hop"
            )
        if lower == b"expect" and value.strip().lower() != b"100-continue":
            raise RegionError("request-malformed", "an expectation other than 100-continue")


def _options(value: bytes) -> list[bytes]:
    return [o.strip().lower() for o in value.split(b",")]


def hop_by_hop(headers: RawHeaders) -> list[bytes]:
    """The names, in lower case, of headers that end at this proxy: what ``Connection`` names (RFC 9110 section 7.6.1)."""
    named = [o for n, v in headers if n.lower() == b"connection" for o in _options(v)]
    return [n for n in named if n not in (b"close", b"keep-alive", b"")]


def check_target(target: Target) -> str:
    """The one canonical host that every name in *target* stands for.

    Raises:
        RegionError: ``host-invalid``, or ``host-mismatch`` where two names differ; the detail names the two.
    """
    host = canonical(target.host)
    if target.tunnel is not None:
        tunnel_host, tunnel_port = target.tunnel
        if (host, target.port) != (canonical(tunnel_host), tunnel_port):
            raise RegionError("host-mismatch", "the request and CONNECT name different targets")
    if target.sni is not None and canonical(target.sni) != host:
        raise RegionError("host-mismatch", "TLS SNI and CONNECT name different targets")
    default = 443 if target.scheme == "https" else 80
    if target.authority and split(target.authority, default) != (host, target.port):
        raise RegionError("host-mismatch", "the request's authority names a different target")
    if len(target.host_headers) > 1:
        raise RegionError("request-malformed", "more than one host header")
    if target.host_headers and split(target.host_headers[0], default) != (host, target.port):
        raise RegionError("host-mismatch", "the Host header names a different target")
    if not target.host_headers and not target.authority:
        raise RegionError("request-malformed", "no Host header")
    return host


def split(authority: str, default_port: int) -> tuple[str, int]:
    """``host[:port]`` as canonical host and port (RFC 3986 section 3.2, without userinfo).

    Raises:
        RegionError: ``host-invalid``.
    """
    found = re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^:@/?#\\\s]+)(?::([0-9]{1,5}))?", authority)
    if not found:
        raise RegionError("host-invalid")
    return canonical(found[1]), int(found[2]) if found[2] else default_port
