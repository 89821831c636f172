"""The held calls of a gateway as flows in a console's list.

A flow here is a card: made from what the gateway tells, never sent anywhere. It has names and counts, no values, for
there are none to be had. A card waits (⌛), is ruled on (✅ ❌) or ends otherwise, and leaves a few seconds after. A
closed card never opens again, so an answer that is older than the ruling changes nothing.
"""

import datetime
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from mitmproxy import connection, http
from mitmproxy.addons.view import View

from residency.core.hold import State
from residency.proxy.deskclient import HeldCall, printable

#: How long a card stays after the call was decided, in seconds.
LEAVE_SECONDS = 5.0

#: Names in ``mitmproxy.utils.emoji``: the console shows the first glyph.
MARKS = {
    State.WAITING: ":hourglass:",
    State.APPROVED: ":white_check_mark:",
    State.USED: ":white_check_mark:",
    State.DENIED: ":x:",
    State.EXPIRED: ":alarm_clock:",
}
#: Shown where a request's body stands; there is no other body here.
HINT = b"Y (yes) approves and R (refuse) denies this one call; each asks for a reason.\n"
GONE = ":grey_question:"
DOUBT = ":warning:"


def places_text(hold: HeldCall) -> str:
    return hold.places if isinstance(hold.places, str) else ", ".join(hold.places)


def function_text(hold: HeldCall) -> str:
    return hold.function or "unknown function"


def summary(hold: HeldCall) -> str:
    """One line: what is called, where, where it may be processed, and for whom."""
    call = f"{function_text(hold)} at {hold.host} → {places_text(hold)}, for {hold.caller.subject}"
    return printable(call, 120)


def _counts(counts: Mapping[str, Mapping[str, int]]) -> str:
    """Mask set, its total, and each path: ``personal-data 3 ($.a 1, $.b 2)``."""
    return "; ".join(
        f"{name} {sum(paths.values())} ({', '.join(f'{p} {n}' for p, n in paths.items() if n)})"
        for name, paths in counts.items()
        if sum(paths.values())
    )


def _utc(seconds: float) -> str:
    at = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return at.strftime("%Y-%m-%d %H:%M:%SZ")


def facts(hold: HeldCall) -> list[tuple[str, str]]:
    """What an approver has to know, as header names and values."""
    carrying = _counts(hold.carrying.counts) or "no regulated field found"
    if hold.carrying.state != "read":
        # Unread is never clean.
        why = f", {hold.carrying.reason}" if hold.carrying.reason else ""
        carrying = f"NOT KNOWN, the body was not read ({hold.carrying.state}{why})"
    caller = f"{hold.caller.subject} of {hold.caller.issuer}"
    lines = [
        ("Host", hold.host),
        ("Function", function_text(hold)),
        ("Method", hold.method),
        ("Places", f"{places_text(hold)} ({hold.status})" if hold.status else places_text(hold)),
        ("Rule", hold.rule or "none"),
        ("Why", hold.why),
        ("Caller", caller),
        ("Groups", ", ".join(hold.caller.groups)),
        ("Bytes", str(hold.bytes)),
        ("Fields", carrying),
        ("Masked", _counts(hold.masked) or "nothing"),
        ("Approvers", f"{len(hold.rulings)} of {hold.quorum}, of {', '.join(hold.approvers)}"),
        ("Opened", _utc(hold.opened)),
        ("Expires", _utc(hold.expires)),
        ("Hold-Id", hold.id),
    ]
    return [(name, printable(value, 1000)) for name, value in lines if value]


def request_of(hold: HeldCall) -> http.Request:
    """``HOLD https://HOST/FUNCTION?places=…``: a line for the list. Whatever is not plain ASCII shows as escapes."""
    told = {"places": places_text(hold), "rule": hold.rule or "", "caller": hold.caller.subject}
    path = (
        f"/{quote(function_text(hold), safe=':/')}?{urlencode(told, safe=':/@', quote_via=quote)}"
    )
    return http.Request(
        host=printable(hold.host),
        port=443,
        method=b"HOLD",
        scheme=b"https",
        authority=b"",
        path=path.encode("ascii", "replace"),
        http_version=b"HTTP/1.1",
        headers=http.Headers([(n.encode(), v.encode()) for n, v in facts(hold)]),
        content=HINT,
        trailers=None,
        timestamp_start=hold.opened,
        timestamp_end=hold.opened,
    )


def flow_of(hold: HeldCall) -> http.HTTPFlow:
    client = connection.Client(
        peername=("", 0), sockname=("", 0), timestamp_start=hold.opened, state=_CLOSED
    )
    flow = http.HTTPFlow(client, connection.Server(address=(printable(hold.host), 443)))
    flow.request = request_of(hold)
    return flow


_CLOSED = connection.ConnectionState.CLOSED


@dataclass(slots=True)
class _Card:
    flow: http.HTTPFlow
    hold: HeldCall
    closed_at: float | None = None


class Board:
    """The cards in one view."""

    def __init__(self, view: View, clock: Callable[[], float] = time.monotonic) -> None:
        self._view = view
        self._clock = clock
        self._cards: dict[str, _Card] = {}

    def show(self, holds: Iterable[HeldCall]) -> list[HeldCall]:
        """Make the view show *holds*, all that the gateway has for this approver; answers the new ones."""
        told = {h.id: h for h in holds}
        new = [h for h in told.values() if h.id not in self._cards and h.state is State.WAITING]
        for hold in new:
            self._cards[hold.id] = _Card(flow_of(hold), hold)
        for id_, card in list(self._cards.items()):
            if id_ in told:
                self.update(told[id_])
            else:
                self._close(card, GONE, "no longer held: the caller or the gateway went away")
            self._sweep(id_, card)
        return new

    def update(self, hold: HeldCall) -> None:
        """Take in what became of one hold."""
        card = self._cards.get(hold.id)
        if card is None or card.closed_at is not None:
            return
        if card.hold != hold:
            card.hold, card.flow.request = hold, request_of(hold)
        if hold.state is State.WAITING:
            so_far = f"{len(hold.rulings)} of {hold.quorum}"
            self._mark(card, MARKS[hold.state], f"waiting for approval, {so_far} so far")
            if self._view.get_by_id(card.flow.id) is None:
                # Deleting a card in the console does not end the hold.
                self._view.add([card.flow])
        else:
            self._close(card, MARKS[hold.state], str(hold.state))

    def doubt(self, why: str) -> None:
        """Say on every waiting card that nobody knows how it stands."""
        for id_, card in list(self._cards.items()):
            if card.closed_at is None:
                self._mark(card, DOUBT, f"not known: {why}")
            self._sweep(id_, card)

    def hold(self, flow_id: str) -> HeldCall | None:
        """The hold whose card is the flow *flow_id*; a copy of a card is no card."""
        return next((c.hold for c in self._cards.values() if c.flow.id == flow_id), None)

    def get(self, id_: str) -> HeldCall | None:
        card = self._cards.get(id_)
        return card.hold if card else None

    def clear(self) -> None:
        for card in self._cards.values():
            self._view.remove([card.flow])
        self._cards.clear()

    def _close(self, card: _Card, mark: str, comment: str) -> None:
        if card.closed_at is None:
            card.closed_at = self._clock()
            self._mark(card, mark, comment)

    def _mark(self, card: _Card, mark: str, comment: str) -> None:
        if (card.flow.marked, card.flow.comment) != (mark, comment):
            card.flow.marked, card.flow.comment = mark, comment
            self._view.update([card.flow])

    def _sweep(self, id_: str, card: _Card) -> None:
        if card.closed_at is not None and self._clock() - card.closed_at >= LEAVE_SECONDS:
            self._view.remove([card.flow])
            del self._cards[id_]
