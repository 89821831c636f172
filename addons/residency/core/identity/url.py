"""Which URLs the gateway may fetch keys from."""

import ipaddress
from urllib.parse import SplitResult, urlsplit


def fault_of(url: str, *, query: bool = True) -> str | None:
    """What is wrong with *url* as a place of keys; ``None`` if nothing is.

    Whoever can change the keys on their way can be any caller: https, except to this very machine.

    Args:
        url: As written.
        query: Whether it may have a query. An issuer may not (OpenID Connect Discovery 1.0, 3).
    """
    parts = _split(url)
    if parts is None or not parts.hostname or any(c <= " " or c > "~" for c in url):
        return "it is not a URL"
    if "@" in parts.netloc or "#" in url:
        return "user, password and fragment have no place in it"
    if "?" in url and not query:
        return "it may have no query"
    if parts.scheme != "https" and not is_loopback(url):
        return "it must begin with https:// (http:// only to 127.0.0.1, ::1 or localhost)"
    return None


def is_loopback(url: str) -> bool:
    """True if *url* is plain http to this very machine."""
    parts = _split(url)
    if parts is None or parts.scheme != "http" or not parts.hostname:
        return False
    if parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname).is_loopback
    except ValueError:
        return False


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        usable = parts.port != 0
    except ValueError:
        return None
    return parts if usable else None
