"""WebSockets that a decision has opened, and the stages' word for each of their messages.

The front drops every message; the audit stage passes one on only if identity and mask have both vouched for that very
message as it then is. A message that stays dropped ends its connection. So does a silence in which token, rules or
ledger came to their end (``socketlayer``).
"""

import weakref
from dataclasses import dataclass, field

from mitmproxy import http
from mitmproxy.websocket import WebSocketData, WebSocketMessage

from residency.core.configuration import Configuration
from residency.core.framing import asks_for_websocket
from residency.core.mask.session import Session
from residency.core.mask.weave import Originals
from residency.core.plain import Plain
from residency.core.policy.decide import Counts, Decision
from residency.errors import CallError, StageError, Unread

#: Whose word a message needs, and whose the connection while there is none.
VOUCHERS = frozenset({"identity", "mask"})
STANDING = frozenset({"identity"})
#: The most different values that tokens of one connection stand for; what they are is kept until it ends.
MAX_ORIGINALS = 10_000
#: And how many letters these values may have together.
MAX_KEPT = 16 * 1024 * 1024


@dataclass(slots=True, eq=False)
class Channel:
    """One open WebSocket: what its handshake was judged by, and what became of its messages. Never shown."""

    configuration: Configuration = field(repr=False)
    decision: Decision
    #: From the client, and from the server: the one's tokens are restored, the other's never.
    sent: Session = field(repr=False)
    received: Session = field(repr=False)
    code: str = ""
    reason: str = ""
    #: The digest of the feeds that its address was judged by.
    feeds: str = ""
    #: What the tokens that were given out stand for.
    originals: Originals = field(default_factory=lambda: Originals({}), repr=False)
    #: The answer to the last question whether the connection may stand.
    stands: bool = False
    passed: dict[str, int] = field(default_factory=lambda: {"sent": 0, "received": 0})
    masked: dict[str, dict[str, dict[str, int]]] = field(
        default_factory=lambda: {"sent": {}, "received": {}}
    )
    _message: WebSocketMessage | None = field(default=None, repr=False)
    _content: bytes = field(default=b"", repr=False)
    _vouched: set[str] = field(default_factory=set)
    _kept: tuple[int, int] = (0, 0)

    def begin(self, message: WebSocketMessage | None) -> None:
        """A message has come, or it is asked whether the connection may stand; and nobody has vouched for it."""
        self._message, self._content = message, message.content if message else b""
        self.stands, self._vouched = False, set()

    def vouch(self, stage: str, message: WebSocketMessage | None) -> None:
        """*stage* takes *message*, as it is, to be what may pass; or without one the connection to be one that may stand.

        Raises:
            CallError: ``stale``: it is another one, or not as the last stage left it.
        """
        self._check(message)
        self._vouched.add(stage)

    def put(self, message: WebSocketMessage, content: bytes) -> None:
        """Make *message* what it may be.

        Raises:
            CallError: As ``vouch``.
        """
        self._check(message)
        message.content = self._content = content

    def settle(self, message: WebSocketMessage | None) -> None:
        """Take the word for *message*, or for the connection, once.

        Raises:
            CallError: As ``vouch``.
            StageError: A stage has not given it.
        """
        self._check(message)
        vouched, self._vouched = self._vouched, set()
        self._message, self._content = None, b""
        if vouched != (VOUCHERS if message else STANDING):
            raise StageError("a stage has not given its word")
        if message:
            self.passed[_way(message)] += 1
        else:
            self.stands = True

    def _check(self, message: WebSocketMessage | None) -> None:
        if self._message is not message or (message and message.content != self._content):
            raise CallError("stale", "the message was changed by others")

    def keep(self, session: Session) -> None:
        """Go on with *session*, which is this one with the tokens of one more message; another process may have made it.

        Raises:
            Unread: ``too-large``: it has too many, or stands for too much.
        """
        self.sent = session
        kept = len(session.originals), len(session.taken)
        if kept == self._kept:
            return
        self._kept = kept
        if sum(kept) > MAX_ORIGINALS or sum(map(len, session.originals.values())) > MAX_KEPT:
            raise Unread("too-large", "too many tokens on one connection")
        self.originals = Originals(session.originals)

    def count(self, message: WebSocketMessage, counts: Counts) -> None:
        for name, paths in counts.items():
            total = self.masked[_way(message)].setdefault(name, {})
            for path, many in paths.items():
                if many:
                    total[path] = total.get(path, 0) + many

    def fail(self, code: str, reason: str = "") -> None:
        """Write down why the connection ends; a later reason does not replace the first."""
        if not self.code:
            self.code, self.reason = code, reason

    def outcome(self, ended: WebSocketData) -> dict[str, Plain]:
        """For the ledger: who closed it, why, and counts; never what was said."""
        by = {True: "client", False: "server", None: "gateway"}[ended.closed_by_client]
        closed: dict[str, Plain] = {"by": by, "code": ended.close_code}
        fields: dict[str, Plain] = {"closed": closed, "messages": dict(self.passed)}
        masked: dict[str, Plain] = {}
        for way, counts in self.masked.items():
            if found := {name: dict(paths) for name, paths in counts.items() if paths}:
                masked[way] = dict(found)
        if masked:
            fields["messages_masked"] = masked
        if self.code:
            fields |= {"code": self.code, "reason": self.reason}
        return fields


class Sockets:
    """The WebSockets of one proxy. In memory, gone with the flow, not inherited by a copy of it."""

    def __init__(self) -> None:
        self._channels: weakref.WeakKeyDictionary[http.HTTPFlow, Channel] = (
            weakref.WeakKeyDictionary()
        )

    def open(self, flow: http.HTTPFlow, channel: Channel) -> None:
        self._channels[flow] = channel

    def find(self, flow: http.HTTPFlow) -> Channel | None:
        return self._channels.get(flow)

    def close(self, flow: http.HTTPFlow) -> Channel | None:
        return self._channels.pop(flow, None)

    def end(self) -> list[tuple[http.HTTPFlow, Channel]]:
        """Close all; those whose messages have begun."""
        found = [(flow, channel) for flow, channel in self._channels.items() if flow.websocket]
        self._channels.clear()
        return found

    def message(self, flow: http.HTTPFlow) -> tuple[Channel, WebSocketMessage]:
        """The channel of *flow*, and the message that has just come.

        Raises:
            StageError: No decision has opened it, or there is no message.
        """
        channel = self._channels.get(flow)
        if channel is None or flow.websocket is None or not flow.websocket.messages:
            raise StageError("a message on a connection that no decision has opened")
        return channel, flow.websocket.messages[-1]


def asks(flow: http.HTTPFlow) -> bool:
    """True if the call is an opening handshake, whose form has been checked."""
    return asks_for_websocket(flow.request.headers.fields)


def _way(message: WebSocketMessage) -> str:
    return "sent" if message.from_client else "received"
