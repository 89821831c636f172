"""A URL taken apart the way clients do (WHATWG URL), where they all agree; where they do not, it is no URL here."""

import re
from dataclasses import dataclass

from residency.core.host import canonical
from residency.errors import RegionError

#: A backslash is a slash to browsers and a character to others, so none stands in an authority.
#: Browsers drop tab, CR and LF anywhere and blanks at the ends; other clients send, refuse or cut there.
_URL = re.compile(
    r"(https?)://([^/?#\\\x00-\x20\x7f]*)(/[^?#\x00-\x20\x7f]*)?(?:\?([^#\x00-\x20\x7f]*))?(?:#[^\x00-\x20\x7f]*)?",
    re.IGNORECASE,
)
_PORTS = {"https": 443, "http": 80}
_PORT = re.compile(r"[0-9]{0,5}")
_MAX_PORT = 65535


@dataclass(frozen=True, slots=True)
class Url:
    """``host`` is canonical, ``path`` begins with a slash; a fragment is never sent, so it is dropped.

    ``userinfo`` says that there was a user or password, which is no part of the target.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str
    userinfo: bool


def parse(url: str) -> Url:
    """Where a client goes that is given *url*.

    Raises:
        RegionError: ``request-malformed``: not http or https, a blank or control character, a backslash in the authority,
            more than one ``@`` there, or no port of 0 to 65535; ``host-invalid`` as ``canonical`` says.
    """
    found = _URL.fullmatch(url)
    if found is None:
        hint = "; write wss:// as https://" if url[:5].lower() == "wss:/" else ""
        raise RegionError(
            "request-malformed", f"it must begin with https:// or http:// and have no blanks{hint}"
        )
    scheme, authority, path, query = found.groups()
    userinfo = "@" in authority
    if userinfo:
        authority = authority.partition("@")[2]
        if "@" in authority:
            raise RegionError("request-malformed", "more than one @ before the path")
    host, colon, port = authority.rpartition(":")
    if not colon or "]" in port:
        host, port = authority, ""
    if not _PORT.fullmatch(port) or (port and int(port) > _MAX_PORT):
        raise RegionError("request-malformed", "the port is no number of 0 to 65535")
    scheme = scheme.lower()
    return Url(
        scheme,
        canonical(host),
        int(port) if port else _PORTS[scheme],
        path or "/",
        query or "",
        userinfo,
    )
