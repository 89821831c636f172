"""SPIFFE IDs, read as strictly as their standard writes them (SPIFFE-ID 1.0, 2).

No percent signs, no empty, ``.`` or ``..`` segments, no trailing slash: one workload has one
spelling. Shorter than the standard's 2048 bytes, because a subject is.
"""

import re

MAX_DOMAIN = 255

_DOMAIN = re.compile(r"[a-z0-9._-]+")
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+")


def is_trust_domain(text: str) -> bool:
    """True for a trust domain's name (SPIFFE-ID 1.0, 2.1)."""
    return len(text) <= MAX_DOMAIN and _DOMAIN.fullmatch(text) is not None


def trust_domain(identifier: str) -> str | None:
    """The trust domain of a workload's SPIFFE ID; ``None`` if *identifier* is none.

    A trust domain's own ID, without a path, names an authority and no workload (X509-SVID, 2).
    """
    scheme, _, rest = identifier.partition("://")
    domain, *segments = rest.split("/")
    if scheme != "spiffe" or not is_trust_domain(domain) or not segments:
        return None
    if not all(_SEGMENT.fullmatch(s) and s not in (".", "..") for s in segments):
        return None
    return domain
