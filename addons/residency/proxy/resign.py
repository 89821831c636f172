"""Sign a masked call anew, as the role that its rule names: the last thing that is done to it.

After the ruling of a hold, whose wait a signature might not outlast, and before the record, which says as whom. The
caller's signature goes, with what it was made with; all else stays as it was sealed.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from mitmproxy import http

from residency import aws
from residency.aws import Keys, ToSign
from residency.core.call import Headers
from residency.core.plain import Plain
from residency.core.policy.decide import Carrying, Decision
from residency.core.signing import Role
from residency.core.signing.anew import unsigned
from residency.errors import StageError
from residency.proxy import flowstate, seal
from residency.proxy.identity import Known
from residency.proxy.mask import Masked
from residency.proxy.runtime import OFF_LOOP, Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAs:
    """As whom the call is sent: the role of ``signing.yaml``, its profile, and whose keys these are. Nothing secret.

    ``key`` is the access key's id, which the provider's own log has; ``arn`` the role's, where the profile names one.
    """

    stage: ClassVar[str] = "signed_as"

    role: str
    profile: str
    key: str
    arn: str | None = None

    def to_plain(self) -> dict[str, Plain]:
        return {"role": self.role, "profile": self.profile, "key": self.key, "arn": self.arn}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        role, profile, key, arn = (plain[k] for k in ("role", "profile", "key", "arn"))
        if not isinstance(role, str) or not isinstance(profile, str) or not isinstance(key, str):
            raise TypeError("signed_as: wrong types")
        if not isinstance(arn, str | None):
            raise TypeError("signed_as: wrong types")
        return cls(role=role, profile=profile, key=key, arn=arn)


async def sign_anew(runtime: Runtime, flow: http.HTTPFlow, decision: Decision) -> None:
    """Sign the call as *decision* says, if masking has broken its signature.

    Raises:
        CallError: ``signing-unavailable``; ``stale``: it is not what was judged any more.
        StageError: The stages before have not made it what it has to be.
    """
    if decision.resign is None or not flowstate.read(flow, Masked).to_sign:
        return
    role = _role(runtime, flow, decision)
    keys = await runtime.signers.keys(role)
    # Whatever is read below is what was sealed, before and after the awaits.
    seal.check(flow, runtime.secret, runtime.policy_digest)
    call, kept = _to_sign(flow)
    if len(call.body) > OFF_LOOP:
        made = await asyncio.to_thread(aws.sign, call, keys)
    else:
        made = aws.sign(call, keys)
    seal.check(flow, runtime.secret, runtime.policy_digest)
    _check(made, call, keys)
    new = tuple((name.encode("ascii"), value.encode("ascii")) for name, value in made)
    flow.request.headers.fields = (*kept, *new)
    flowstate.write(
        flow, SignedAs(role=role.name, profile=role.profile, key=keys.key, arn=keys.arn)
    )
    seal.put(flow, runtime.secret, runtime.policy_digest)


def _role(runtime: Runtime, flow: http.HTTPFlow, decision: Decision) -> Role:
    """The role, asked once more whether it is for this call."""
    rule = runtime.configuration.policy.rule(decision.rule or "")
    role = rule.resign if rule else None
    carrying, caller = flowstate.read(flow, Carrying), flowstate.read(flow, Known).caller
    if role is None or role.name != decision.resign or role.refuses(caller, carrying.signature):
        raise StageError("a call to be signed anew that no role is for")
    return role


def _check(made: Headers, call: ToSign, keys: Keys) -> None:
    """See that *made* is a whole signature with *keys*, for no other service and region."""
    found = dict(made)
    day = found.get("X-Amz-Date", "")[:8]
    scope = f"{keys.key}/{day}/{call.region}/{call.service}/aws4_request"
    whole = (
        found.get("Authorization", "").startswith(f"AWS4-HMAC-SHA256 Credential={scope}, ")
        and found.get("X-Amz-Security-Token") == keys.token
        and ("X-Amz-Content-SHA256" in found or not call.hashed)
    )
    if not whole:
        raise StageError("a signature that is not whole")


def _to_sign(flow: http.HTTPFlow) -> tuple[ToSign, tuple[tuple[bytes, bytes], ...]]:
    request, signature = flow.request, flowstate.read(flow, Carrying).signature
    if signature is None or request.raw_content is None:
        raise StageError("a call to be signed anew without its signature")
    path, _, query = request.path.partition("?")
    host = request.authority or request.host
    bare = unsigned(
        request.headers.fields, host=host, path=path, query=query, service=signature.service
    )
    call = ToSign(
        method=request.method,
        url=f"{request.scheme}://{request.host}{bare.target}",
        headers=bare.to_sign,
        body=request.raw_content,
        service=signature.service,
        region=signature.region,
        hashed=bare.hashed,
    )
    return call, tuple(bare.kept)
