"""Change the regulated fields, and nothing else, before the call leaves."""

import asyncio
import hmac
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from mitmproxy import http
from mitmproxy.websocket import WebSocketMessage

from residency.core.answer import Returning, whole
from residency.core.body import Masked as MaskedBody
from residency.core.body import mask_call
from residency.core.mask.fields import Direction
from residency.core.mask.session import Session
from residency.core.mask.weave import Originals
from residency.core.message import mask_received, mask_sent
from residency.core.plain import Plain
from residency.core.policy.decide import Counts, Decision, counts_from_plain
from residency.core.signing.signature import is_fresh
from residency.errors import StageError, Unread
from residency.proxy import flowstate, seal
from residency.proxy.context import answer_headers_of, content_of, weight, weight_of
from residency.proxy.flowstate import Ticket, has_left
from residency.proxy.guard import deny, fail_closed, is_ending, where
from residency.proxy.headers import changed
from residency.proxy.messages import guarded
from residency.proxy.returns import code_of, refuse
from residency.proxy.sockets import Channel, asks
from residency.proxy.stage import Stage

logger = logging.getLogger("residency.mask")


@dataclass(frozen=True, slots=True, kw_only=True)
class Masked:
    """Which fields were masked: set → path → how many. ``to_sign``: the sender's signature holds no more."""

    stage: ClassVar[str] = "masked"

    counts: Counts
    to_sign: bool = False

    def to_plain(self) -> dict[str, Plain]:
        counts = {name: dict(paths) for name, paths in self.counts.items()}
        return {"counts": counts, "to_sign": self.to_sign}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        counts, to_sign = plain["counts"], plain["to_sign"]
        if not isinstance(counts, Mapping) or not isinstance(to_sign, bool):
            raise TypeError("masked: wrong types")
        return cls(counts=counts_from_plain(counts), to_sign=to_sign)


class MaskAddon(Stage):
    """Fourth stage. A new body is made and checked apart, then assigned in one statement."""

    name = "residency-mask"
    order = 3

    @fail_closed
    async def request(self, flow: http.HTTPFlow) -> None:
        decision = flowstate.read(flow, Decision)
        if asks(flow):
            self._expect_messages(flow, decision)
        if not decision.masks:
            return
        configuration, runtime = self.runtime.configuration, self.runtime
        seal.check(flow, runtime.secret, configuration.policy.digest)
        raw = flow.request.raw_content or b""
        content = content_of(flow, raw)
        try:
            masked, session = await runtime.read(
                weight_of(flow),
                mask_call,
                content,
                configuration.sets,
                decision.masks,
                self._session(flow, "request"),
                limit=runtime.read_limit,
                resign=decision.resign is not None,
            )
        except Unread as e:
            deny(flow, "unmaskable", e.reason)
            return
        is_changed = masked.raw != raw or bool(masked.headers) or masked.target is not None
        to_sign = is_changed and decision.resign is not None
        if to_sign:
            if not is_fresh(content.headers, flowstate.read(flow, Ticket).at):
                deny(flow, "unmaskable", "signed-date")
                return
            await self._check_signer(decision)
        seal.check(flow, runtime.secret, configuration.policy.digest)
        flowstate.write(flow, Masked(counts=masked.counts, to_sign=to_sign))
        _put(flow, raw, masked)
        seal.put(flow, runtime.secret, configuration.policy.digest)
        runtime.returns.expect(
            flow,
            Returning(
                configuration.sets,
                decision.masks,
                self._session(flow, "response"),
                Originals(session.originals),
            ),
        )

    async def _check_signer(self, decision: Decision) -> None:
        """See that the gateway can sign, before anybody is asked for a ruling that would be used up in vain.

        Raises:
            CallError: ``signing-unavailable``.
        """
        rule = self.runtime.configuration.policy.rule(decision.rule or "")
        if rule is None or rule.resign is None:
            raise StageError("a call to be signed anew that no role is for")
        await self.runtime.signers.keys(rule.resign)

    def _expect_messages(self, flow: http.HTTPFlow, decision: Decision) -> None:
        channel = Channel(
            configuration=self.runtime.configuration,
            decision=decision,
            sent=self._session(flow, "request"),
            received=self._session(flow, "response"),
            feeds=self.runtime.feeds.digest,
        )
        self.runtime.sockets.open(flow, channel)

    @guarded
    async def websocket_message(
        self, _flow: http.HTTPFlow, channel: Channel, message: WebSocketMessage
    ) -> None:
        """A masked connection carries JSON in text, both ways as a call and its answer. An allowed one, anything."""
        if channel.decision.masks:
            if not message.is_text:
                raise Unread("format", "a binary message")
            work = self._sent if message.from_client else self._received
            masked = await work(channel, message.content)
            channel.put(message, masked.raw)
            channel.count(message, masked.counts)
        channel.vouch("mask", message)

    async def _sent(self, channel: Channel, raw: bytes) -> MaskedBody:
        masked, session = await self.runtime.read(
            len(raw), mask_sent, raw, channel.configuration.sets, channel.decision.masks,
            channel.sent, limit=self.runtime.read_limit,
        )  # fmt: skip
        channel.keep(session)
        return masked

    async def _received(self, channel: Channel, raw: bytes) -> MaskedBody:
        # A session for each message: the same keys give the same tokens, and none is kept.
        session = Session(channel.received.key, channel.received.nonce)
        returning = Returning(
            channel.configuration.sets, channel.decision.masks, session,
            channel.originals,
        )  # fmt: skip
        return await self.runtime.read(
            len(raw), mask_received, raw, returning, limit=self.runtime.read_limit
        )

    def _session(self, flow: http.HTTPFlow, direction: Direction) -> Session:
        """The call's own, one a direction; the same if the hook runs twice."""
        name = f"mask {direction} {flowstate.read(flow, Ticket).id}"
        nonce = hmac.digest(self.runtime.secret, name.encode(), "sha256")
        return Session(self.runtime.mask_key, nonce)

    def responseheaders(self, flow: http.HTTPFlow) -> None:
        if not has_left(flow) or not flowstate.has(flow, Masked):
            return
        try:
            self.runtime.returns.begin(flow, limit=self.runtime.read_limit)
        except KeyboardInterrupt:
            raise
        except BaseException as e:  # noqa: BLE001 - whatever it was, the answer does not pass
            _refuse(flow, e)

    async def response(self, flow: http.HTTPFlow) -> None:
        returns = self.runtime.returns
        response = returns.held(flow)
        returns.end(flow)
        if response is None:
            return
        try:
            returning = returns.of(flow)
            raw, headers = response.raw_content or b"", answer_headers_of(response)
            masked = await self.runtime.read(
                weight(raw, response.headers), whole, raw, headers, returning,
                limit=self.runtime.read_limit,
            )  # fmt: skip
            returns.give(flow, response, masked)
        except KeyboardInterrupt:
            raise
        except BaseException as e:
            _refuse(flow, e)
            if isinstance(e, asyncio.CancelledError) and is_ending():
                raise
        finally:
            returns.forget(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self.runtime.returns.forget(flow)


def _refuse(flow: http.HTTPFlow, error: BaseException) -> None:
    code, reason = code_of(error)
    if code == "internal":
        # The type alone: a message may quote what was being read.
        logger.error("refused the answer to %s: %s in our own code", flow.id, where(error))
    refuse(flow, code, reason)


def _put(flow: http.HTTPFlow, raw: bytes, masked: MaskedBody) -> None:
    """Make the call what it may be."""
    if masked.target is not None:
        flow.request.path = masked.target
    if masked.headers:
        flow.request.headers.fields = changed(flow.request.headers.fields, masked.headers)
    if masked.raw != raw:
        flow.request.raw_content = masked.raw
        # RFC 9112 section 6.3: one framing. The masked body is whole, so its length is known.
        flow.request.headers.pop("transfer-encoding", None)
        flow.request.headers["content-length"] = str(len(masked.raw))
