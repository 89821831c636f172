"""A call as somebody describes it, judged by the rules of a folder."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from residency.core.plain import Plain
from residency.errors import RegionError

if TYPE_CHECKING:
    from residency.core.configuration import Configuration
    from residency.core.judge import Judgement

ISSUER = "https://issuer.test"
SUBJECT = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """``method`` and ``issuer`` as given, or ``None``: POST if there is a body, else GET; the only issuer there is.

    ``websocket``: an opening handshake, as it is too if ``headers`` are those of one.
    """

    url: str
    groups: Sequence[str] = ()
    subject: str = SUBJECT
    issuer: str | None = None
    method: str | None = None
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    websocket: bool = False


def ask(configuration: "Configuration", call: Call) -> "Judgement":
    """What the rules do with *call* today.

    Raises:
        RegionError: It is no request that a gateway would read.
    """
    from residency.cli.options import today
    from residency.core.framing import asks_for_websocket, check_form
    from residency.core.identity import Caller
    from residency.core.judge import head_from_url, judge

    issuers = list(configuration.identity.issuers)
    caller = Caller(
        issuer=call.issuer or (issuers[0] if len(issuers) == 1 else ISSUER),
        subject=call.subject,
        groups=tuple(sorted(set(call.groups))),
        expires=float("inf"),
    )
    if call.websocket and (call.body or call.method not in (None, "GET")):
        raise RegionError("request-malformed", "an opening handshake is a GET without a body")
    method = call.method or ("POST" if call.body else "GET")
    headers = tuple((name.lower(), value) for name, value in call.headers)
    head = head_from_url(method, call.url, headers)
    raw = [(n.encode("utf-8"), v.encode("utf-8")) for n, v in call.headers]
    check_form(method=method, path=head.path, version="HTTP/1.1", alpn=None, headers=raw)
    return judge(
        configuration.policy,
        configuration.atlas,
        configuration.sets,
        caller,
        head,
        call.body,
        today=today(),
        websocket=call.websocket or asks_for_websocket(raw),
    )


def to_plain(judgement: "Judgement", digest: str) -> Mapping[str, Plain]:
    """The answer for machines."""
    decision, to = judgement.decision.to_plain(), judgement.destination.to_plain()
    return {
        **{key: decision[key] for key in ("action", "rule", "code", "reason")},
        **{
            key: to[key]
            for key in ("provider", "function", "regions", "places", "status", "evidence")
        },
        **({"operations": to["operations"]} if to["operations"] else {}),
        "carrying": judgement.carrying.to_plain(),
        "masks": decision["masks"],
        **({"resign": decision["resign"]} if "resign" in decision else {}),
        "policy": digest,
    }
