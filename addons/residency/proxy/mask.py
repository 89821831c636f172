"""Change the regulated fields, and nothing else, before the call leaves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from mitmproxy import http

from residency.core.body import mask_body
from residency.core.plain import Plain
from residency.core.policy.decide import Counts, Decision, counts_from_plain
from residency.errors import Unread
from residency.proxy import flowstate, seal
from residency.proxy.context import content_of, weight_of
from residency.proxy.guard import deny, fail_closed
from residency.proxy.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """Which fields were masked: set → path → how many."""

    stage: ClassVar[str] = "masked"

    counts: Counts

    def to_plain(self) -> dict[str, Plain]:
        return {"counts": {name: dict(paths) for name, paths in self.counts.items()}}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        counts = plain["counts"]
        if not isinstance(counts, Mapping):
            raise TypeError("masked: counts must be a mapping")
        return cls(counts=counts_from_plain(counts))


class MaskAddon(Stage):
    """Fourth stage. The new body is made and checked apart, then assigned in one statement."""

    name = "residency-mask"
    order = 3

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        decision = flowstate.read(flow, Decision)
        if not decision.masks:
            return
        configuration = self.runtime.configuration
        seal.check(flow, self.runtime.secret, configuration.policy.digest)
        raw = flow.request.raw_content or b""
        try:
            masked = await self.runtime.read(
                weight_of(flow),
                mask_body,
                content_of(flow, raw),
                configuration.sets,
                decision.masks,
                limit=self.runtime.read_limit,
            )
        except Unread as e:
            deny(flow, "unmaskable", e.reason)
            return
        seal.check(flow, self.runtime.secret, configuration.policy.digest)
        flowstate.write(flow, Masked(counts=masked.counts))
        if masked.target is not None:
            flow.request.path = masked.target
        if masked.headers:
            flow.request.headers.fields = changed(flow.request.headers.fields, masked.headers)
        if masked.raw is not raw:
            flow.request.raw_content = masked.raw
            # RFC 9112 section 6.3: one framing. The masked body is whole, so its length is known.
            flow.request.headers.pop("transfer-encoding", None)
            flow.request.headers["content-length"] = str(len(masked.raw))
        if masked.raw is not raw or masked.headers or masked.target is not None:
            seal.put(flow, self.runtime.secret, configuration.policy.digest)


def changed(
    fields: Sequence[tuple[bytes, bytes]], new: Mapping[int, str | None]
) -> tuple[tuple[bytes, bytes], ...]:
    """Header *fields* with *new* values by their numbers; ``None``: that one goes."""
    values = (
        (name, new.get(n, value.decode("latin-1"))) for n, (name, value) in enumerate(fields)
    )
    return tuple((name, value.encode("latin-1")) for name, value in values if value is not None)
