"""What comes back to a masked call: its tokens restored, and fields of sets for responses masked, or it does not pass.

An answer that streams goes through ``core.mask.stream``, which mitmproxy calls for each chunk; any other is kept until
it is whole, and worked on in the ``response`` hook. Until that has been done the front holds it: whatever skips, ends
or breaks that hook, the caller gets the problem that stands in its place.

mitmproxy 12.2.3 takes an exception from a stream's function for a crash of its own, and the call hangs. So ours never
raises: what cannot go on is cut, which for HTTP/1 is a body without its end, and for HTTP/2 a reset stream.
"""

import logging
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Self, cast, get_args

from mitmproxy import ctx, http

from residency.core import answer
from residency.core.answer import Returning
from residency.core.body import Masked
from residency.core.mask.stream import Stream
from residency.core.plain import Plain
from residency.core.policy.decide import Counts, counts_from_plain
from residency.errors import CODES, StageError, Unread
from residency.proxy import flowstate
from residency.proxy.answer import placeholder, problem
from residency.proxy.context import answer_headers_of
from residency.proxy.flowstate import Ticket
from residency.proxy.guard import where
from residency.proxy.headers import changed

logger = logging.getLogger("residency.returns")

SWITCHING = 101

type Way = Literal["pass", "stream", "whole", "done", "refused", "cut"]
type _Feed = Callable[[bytes], list[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Returned:
    """What became of an answer, or is to: ``code`` and ``reason`` say why it did not pass, ``counts`` what was masked."""

    stage: ClassVar[str] = "returned"

    way: Way
    code: str = ""
    reason: str = ""
    counts: Counts = field(default_factory=dict)

    def to_plain(self) -> dict[str, Plain]:
        counts = {name: dict(found) for name, found in self.counts.items()}
        return {"way": self.way, "code": self.code, "reason": self.reason, "counts": counts}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Plain]) -> Self:
        way, code, reason, counts = (plain[k] for k in ("way", "code", "reason", "counts"))
        if (
            way not in get_args(Way.__value__)
            or not isinstance(code, str)
            or not isinstance(reason, str)
            or not isinstance(counts, Mapping)
        ):
            raise TypeError("returned: wrong types")
        return cls(
            way=cast("Way", way), code=code, reason=reason, counts=counts_from_plain(counts)
        )

    def outcome(self) -> dict[str, Plain]:
        """For the ledger; nothing where nothing was done."""
        found = {
            n: {label: many for label, many in c.items() if many} for n, c in self.counts.items()
        }
        fields: dict[str, Plain] = {"answer": self.way}
        if any(found.values()):
            fields["answer_masked"] = {n: c for n, c in found.items() if c}
        if self.code:
            fields |= {"code": self.code, "reason": self.reason}
        return {} if self.way == "pass" else fields


def withheld(_chunk: bytes) -> list[bytes]:
    """The stream of an answer that no stage has released: nothing."""
    return []


class Returns:
    """The answers of one proxy that are under way. In memory, gone with the flow, not inherited by a copy of it."""

    def __init__(self) -> None:
        self._returning: weakref.WeakKeyDictionary[http.HTTPFlow, Returning] = (
            weakref.WeakKeyDictionary()
        )
        self._streams: weakref.WeakKeyDictionary[http.HTTPFlow, Stream] = (
            weakref.WeakKeyDictionary()
        )
        self._held: weakref.WeakKeyDictionary[http.HTTPFlow, http.Response] = (
            weakref.WeakKeyDictionary()
        )

    def expect(self, flow: http.HTTPFlow, returning: Returning) -> None:
        """The call leaves masked; by *returning* its answer is judged, whatever rules are in force by then."""
        self._returning[flow] = returning

    def of(self, flow: http.HTTPFlow) -> Returning:
        """What is done with the answer.

        Raises:
            StageError: Nobody has said.
        """
        if flow not in self._returning:
            raise StageError("an answer is held back that nobody expects")
        return self._returning[flow]

    def forget(self, flow: http.HTTPFlow) -> None:
        for table in (self._returning, self._streams, self._held):
            table.pop(flow, None)

    # The head

    def begin(self, flow: http.HTTPFlow, *, limit: int) -> None:
        """Look at the head of the answer to a masked call and say in which way its body comes.

        Raises:
            StageError: Nobody has said what is done with it.
            Unread: It cannot be masked.
        """
        returning, response = self.of(flow), flow.response
        if response is None:
            return
        if returning.is_idle():
            flowstate.write(flow, Returned(way="pass"))
            return
        headers = answer_headers_of(response)
        if response.status_code == SWITCHING:
            # Messages follow, which are masked and restored one by one.
            masked = answer.head(headers, returning)
            response.headers.fields = changed(response.headers.fields, masked.headers)
            flowstate.write(flow, Returned(way="pass"))
            return
        try:
            stream = answer.begin(response.status_code, headers, returning, limit=limit)
        except Unread:
            if returning.masks:
                raise
            # Nothing has to be hidden, and a token says nothing.
            flowstate.write(flow, Returned(way="pass"))
            return
        if stream is None:
            flowstate.write(flow, Returned(way="whole"))
            return
        if returning.masks:
            masked = answer.head(headers, returning)
            response.headers.fields = changed(response.headers.fields, masked.headers)
        _fresh(response)
        if not flow.request.is_http2:
            # Chunks change their lengths, and an end that is missing has to be seen.
            response.headers["transfer-encoding"] = "chunked"
        self._streams[flow] = stream
        flowstate.write(flow, Returned(way="stream"))

    def stream(self, flow: http.HTTPFlow) -> bool | Callable[[bytes], list[bytes]]:
        """What mitmproxy is to do with the body, by what ``begin`` has said.

        Raises:
            StageError: It has not, though it had to.
        """
        returned = flowstate.read(flow, Returned)
        if returned.way == "pass":
            return True
        if returned.way == "whole":
            return False
        if returned.way == "stream":
            return self._feeding(flow, self._streams[flow])
        return withheld

    def _feeding(self, flow: http.HTTPFlow, stream: Stream) -> _Feed:
        over = False

        def feed(chunk: bytes) -> list[bytes]:
            nonlocal over
            if over:
                return []
            try:
                # An empty chunk is the end.
                data = stream.feed(chunk) if chunk else stream.close()
                over = not chunk
            except BaseException as e:  # noqa: BLE001 - whatever it was, nothing more passes
                over = True
                self._cut(flow, e)
                return []
            else:
                # mitmproxy would send an empty chunk, which ends a chunked body.
                return [data] if data else []

        return feed

    def _cut(self, flow: http.HTTPFlow, error: BaseException) -> None:
        """Nothing more passes; the far side's connection is closed, which ends the call."""
        reason = error.reason if isinstance(error, Unread) else ""
        code = "answer-unmaskable" if isinstance(error, Unread) else "internal"
        logger.error("cut the answer to %s: %s", flow.id, reason or where(error))
        flowstate.write(flow, Returned(way="cut", code=code, reason=reason))
        if flow.killable:
            flow.kill()
        _hang_up(flow)

    # The body

    def hold(self, flow: http.HTTPFlow) -> None:
        """Take an answer that has to be worked on out of the flow. Cannot raise."""
        plain = flow.metadata.get(flowstate.PREFIX + Returned.stage)
        waits = isinstance(plain, dict) and plain.get("way") not in ("pass", "stream", "done", "refused", "cut")  # fmt: skip
        if flow.response is not None and waits:
            self._held.setdefault(flow, flow.response)
            flow.response = placeholder()

    def held(self, flow: http.HTTPFlow) -> http.Response | None:
        return self._held.get(flow)

    def give(self, flow: http.HTTPFlow, response: http.Response, masked: Masked) -> None:
        """Put the answer that was held back into the flow, as it may be. The denial is lifted by the last statement."""
        flowstate.write(flow, Returned(way="done", counts=masked.counts))
        response.headers.fields = changed(response.headers.fields, masked.headers)
        if masked.raw != response.raw_content:
            _fresh(response)
            response.headers.pop("transfer-encoding", None)
            response.raw_content = masked.raw
            response.headers["content-length"] = str(len(masked.raw))
            response.trailers = None
        self._held.pop(flow, None)
        flow.response = response

    def end(self, flow: http.HTTPFlow) -> None:
        """The answer has streamed: say what was masked in it, and let nothing pass behind it that nobody has looked at."""
        stream = self._streams.get(flow)
        if stream is None or flow.response is None:
            return
        flow.response.trailers = None
        returned = flowstate.find(flow, Returned)
        if returned is not None and returned.way == "stream":
            flowstate.write(flow, Returned(way="stream", counts=stream.counts))


def refuse(flow: http.HTTPFlow, code: str, reason: str = "") -> None:
    """Put a problem in the place of an answer of which nothing has passed; what still comes of it is thrown away."""
    ticket = flow.metadata.get(flowstate.PREFIX + Ticket.stage)
    decision = ticket.get("id") if isinstance(ticket, dict) else None
    members: dict[str, Plain] = {"reason": reason} if reason else {}
    flowstate.write(flow, Returned(way="refused", code=code, reason=reason))
    response = problem(code, decision=decision, members=members)
    body = [response.raw_content or b""]

    def once(_chunk: bytes) -> list[bytes]:
        sent = body.copy()
        body.clear()
        # Over HTTP/2 the caller would be told of a reset, and nothing else.
        if sent and not flow.request.is_http2:
            _hang_up(flow)
        return sent

    response.stream = once
    flow.response = response


def code_of(error: BaseException) -> tuple[str, str]:
    """The code, and the reason, of what went wrong with an answer."""
    if isinstance(error, Unread):
        return "answer-unmaskable", error.reason
    code = str(getattr(error, "code", ""))
    return (code if code in CODES else "internal"), ""


def _fresh(response: http.Response) -> None:
    """Take off what speaks of the body that was."""
    for name in [n for n in response.headers if answer.is_stale(n.lower())]:
        del response.headers[name]


def _hang_up(flow: http.HTTPFlow) -> None:
    """Close the connection to the far side. Its other calls, on HTTP/2, end too."""
    server = ctx.master.addons.get("proxyserver")
    for handler in list(server.connections.values()) if server else []:
        transport = handler.transports.get(flow.server_conn)
        if transport is not None and transport.handler is not None:
            transport.handler.cancel("residency: the answer was cut")
