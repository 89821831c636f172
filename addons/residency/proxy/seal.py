"""What was judged is what leaves: a keyed digest of the call, taken when it is judged and compared when it is let go.

Between the two lie awaits (a ruling, a disk), and whoever sits at a console can edit a flow meanwhile.
"""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from mitmproxy import http

from residency.core.exact import whole
from residency.core.plain import Plain
from residency.errors import CallError
from residency.proxy import flowstate
from residency.proxy.context import parts_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """The digest, which without the process's key says nothing about the call, and the rules it was judged by."""

    stage: ClassVar[str] = "seal"

    digest: str
    policy: str

    def to_plain(self) -> dict[str, Plain]:
        return {"digest": self.digest, "policy": self.policy}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        digest, policy = plain["digest"], plain["policy"]
        if not isinstance(digest, str) or not isinstance(policy, str):
            raise TypeError("seal: wrong type")
        return cls(digest=digest, policy=policy)


def _digest(flow: http.HTTPFlow, secret: bytes) -> str:
    body = flow.request.raw_content or b""
    return whole(secret, parts_of(flow), flow.request.headers.fields, body)


def put(flow: http.HTTPFlow, secret: bytes, policy: str) -> None:
    """Seal the call as it is, judged by the rules whose digest is *policy*."""
    flowstate.write(flow, Seal(digest=_digest(flow, secret), policy=policy))


def check(flow: http.HTTPFlow, secret: bytes, policy: str) -> None:
    """Nothing has changed since ``put``: not the call, and not the rules, whose digest is now *policy*.

    Raises:
        CallError: ``stale``.
        StageError: The call was never sealed.
    """
    seal = flowstate.read(flow, Seal)
    if seal.policy != policy:
        raise CallError("stale", "the rules changed after the call was judged")
    if not hmac.compare_digest(seal.digest, _digest(flow, secret)):
        raise CallError("stale", "the call was changed after it was judged")
