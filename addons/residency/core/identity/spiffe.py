"""SPIFFE IDs, read as strictly as their standard writes them (SPIFFE-ID 1.0, 2), and whose JWT-SVID it is.

No percent signs, no empty, ``.`` or ``..`` segments, no trailing slash: one workload has one
spelling. Shorter than the standard's 2048 bytes, because a subject is.

Sources:
    SPIFFE, "JWT-SVID", 3: ``sub`` (a SPIFFE ID), ``aud`` and ``exp`` are asked for, and no other
    claim. Who signs follows from the trust domain in ``sub`` ("SPIFFE Trust Domain and Bundle", 5).
"""

import re
from collections.abc import Mapping

MAX_DOMAIN = 255

_DOMAIN = re.compile(r"[a-z0-9._-]+")
_SEGMENT = re.compile(r"[A-Za-z0-9._-]+")


def is_trust_domain(text: str) -> bool:
    """True for a trust domain's name (SPIFFE-ID 1.0, 2.1)."""
    return len(text) <= MAX_DOMAIN and _DOMAIN.fullmatch(text) is not None


def trust_domain(identifier: object) -> str | None:
    """The trust domain of a workload's SPIFFE ID; ``None`` if *identifier* is none.

    A trust domain's own ID, without a path, names an authority and no workload (X509-SVID, 2).
    """
    if not isinstance(identifier, str):
        return None
    scheme, _, rest = identifier.partition("://")
    domain, *segments = rest.split("/")
    if scheme != "spiffe" or not is_trust_domain(domain) or not segments:
        return None
    if not all(_SEGMENT.fullmatch(s) and s not in (".", "..") for s in segments):
        return None
    return domain


def issuer_of[I](claims: Mapping[str, object], issuers: Mapping[str, I]) -> I | None:
    """Of *issuers* by trust domain the one that a token without ``iss`` is judged by, if any."""
    return issuers.get(trust_domain(claims.get("sub")) or "")
