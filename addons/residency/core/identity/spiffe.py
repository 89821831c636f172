"""SPIFFE IDs as subjects, and JWT-SVIDs, which may do without ``iss``.

Sources:
    SPIFFE, "JWT-SVID", 3: ``sub`` (a SPIFFE ID), ``aud`` and ``exp`` are asked for, and no other
    claim. Who signs follows from the trust domain in ``sub`` ("SPIFFE Trust Domain and Bundle", 5).
    SPIFFE, "SPIFFE ID", 2: the characters of trust domain and path.
"""

import re
from collections.abc import Mapping

_DOMAIN = re.compile(r"[a-z0-9._-]{1,255}")
_SEGMENT = r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]+"
_ID = re.compile(rf"spiffe://(?P<domain>[a-z0-9._-]{{1,255}})(?:/{_SEGMENT})+")


def is_trust_domain(text: str) -> bool:
    """True if *text* is a trust domain's name, such as ``example.org``."""
    return bool(_DOMAIN.fullmatch(text))


def trust_domain(subject: object) -> str | None:
    """The trust domain of the workload that *subject* names; ``None`` if it is no SPIFFE ID of one."""
    found = _ID.fullmatch(subject) if isinstance(subject, str) else None
    return found["domain"] if found else None


def issuer_of[I](claims: Mapping[str, object], issuers: Mapping[str, I]) -> I | None:
    """Of *issuers* by trust domain the one that a token without ``iss`` is judged by, if any."""
    return issuers.get(trust_domain(claims.get("sub")) or "")
