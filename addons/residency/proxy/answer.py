"""What a caller is told: ``application/problem+json`` (RFC 9457). Never a value from the payload or a token."""

import json
from collections.abc import Mapping

from mitmproxy import http

from residency.core.plain import Plain
from residency.errors import CODES

CHALLENGE = 'Bearer realm="residency", Basic realm="residency"'


def problem(
    code: str,
    *,
    decision: str | None = None,
    detail: str | None = None,
    retry_after: int | None = None,
    members: Mapping[str, Plain] | None = None,
) -> http.Response:
    """The answer for *code*, with extension members such as ``rule``, ``places`` and ``approval``."""
    meaning = CODES[code]
    body: dict[str, Plain] = {
        "type": f"urn:problem:residency:{code}",
        "title": meaning.title,
        "status": meaning.status,
        "detail": f"{detail}. {meaning.mend}" if detail else meaning.mend,
        "code": code,
        "decision": decision,
        **(members or {}),
    }
    headers = {"Content-Type": "application/problem+json", "Cache-Control": "no-store"}
    if decision:
        headers["Residency-Decision"] = decision
    if meaning.status == 407:  # noqa: PLR2004
        headers["Proxy-Authenticate"] = CHALLENGE
    if retry_after is not None:
        headers["Retry-After"] = str(retry_after)
    return http.Response.make(meaning.status, json.dumps(body, ensure_ascii=True) + "\n", headers)


#: Made before any call, so that denying one is a statement that cannot raise.
_PLACEHOLDER = problem("not-ready").get_state()


def placeholder() -> http.Response:
    """The denial that stands on every flow until a decision replaces or lifts it."""
    response: http.Response = http.Response.from_state(_PLACEHOLDER)
    return response
