"""The calls that wait for an approver, in memory only, with caps on their number and bytes.

A hold outlives the connection that opened it for as long as its exception may be used, so that the retry of a client
which gave up waiting finds its approval. It never holds a body: only names, counts and keyed digests. A restart
ends every hold.
"""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from residency.core.hold import Hold, Ruling, State
from residency.core.identity import Caller
from residency.errors import CallError, HoldError

#: One caller may have this part, one fourth, of the holds and of the bytes that are held.
PER_CALLER_SHARE = 4
#: How long a closed hold stays visible to approvers, in seconds.
LINGER = 30.0


@dataclass(slots=True)
class _Entry:
    hold: Hold
    changed: asyncio.Event
    lock: asyncio.Lock
    claimed: bool = False
    size: int = 0
    told: bool = False
    closed_at: float | None = None

    @property
    def owner(self) -> tuple[str, str]:
        return self.hold.issuer, self.hold.subject


class Holds:
    """The table. Only ever touched on the loop; a ruling is applied under its hold's lock."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self._entries: dict[str, _Entry] = {}
        self._count = 0
        self._size = 0
        self._max_count = 100
        self._max_size = 64 * 1024 * 1024
        self._open = True
        #: Which hold a flow waits in, by flow id: for ``@focus`` in a console.
        self.of_flow: dict[str, str] = {}

    def limit(self, *, count: int, size: int) -> None:
        self._max_count, self._max_size = count, size

    def claim(self, key: str) -> Hold | None:
        """A hold of this exact call that nobody waits in, approved ones first; it is the asker's from here on.

        A denial that came after the caller had given up waiting is told to the next attempt, once.
        """
        self._sweep()
        fit = [e for e in self._entries.values() if e.hold.key == key and not e.claimed]
        for state in (State.APPROVED, State.DENIED, State.WAITING):
            for entry in fit:
                if entry.hold.state is state and not entry.told:
                    entry.claimed, entry.told = True, state is State.DENIED
                    return entry.hold
        return None

    def add(self, hold: Hold) -> None:
        """Take a new hold in; it is the asker's from here on.

        Where the table, or this caller's share of it, is full, the oldest hold that nobody waits in any more makes room.

        Raises:
            CallError: ``hold-full``: there is none.
        """
        self._sweep()
        own = [e for e in self._live() if e.owner == (hold.issuer, hold.subject)]
        if len(own) >= self._share(self._max_count):
            self._make_room(own)
        elif len(self._live()) >= self._max_count:
            self._make_room(self._live())
        if not self._open or self._max_count < 1:
            raise CallError("hold-full")
        self._entries[hold.id] = _Entry(hold, asyncio.Event(), asyncio.Lock(), claimed=True)

    def _live(self) -> list[_Entry]:
        return [e for e in self._entries.values() if e.closed_at is None]

    def _share(self, whole: int) -> int:
        return max(1, whole // PER_CALLER_SHARE)

    def _make_room(self, entries: list[_Entry]) -> None:
        for entry in sorted(entries, key=lambda e: e.hold.opened):
            if not entry.claimed and entry.hold.state is State.WAITING:
                self.drop(entry.hold.id)
                return
        raise CallError("hold-full")

    async def wait(self, id_: str, *, size: int, seconds: float, gone: Callable[[], bool]) -> Hold:
        """Wait until the hold is ruled on, *seconds* are over, or *gone* answers true; then the hold as it is.

        *size* bytes of body are in memory meanwhile. A cancellation passes through.

        Raises:
            CallError: ``hold-full``: too many calls or bytes are waiting, of all callers or of this one.
        """
        entry = self._entries[id_]
        own = sum(e.size for e in self._live() if e.owner == entry.owner)
        if (
            self._count >= self._max_count
            or self._size + size > self._max_size
            or own + size > self._share(self._max_size)
        ):
            self.drop(id_)
            raise CallError("hold-full")
        self._count, self._size, entry.size = self._count + 1, self._size + size, size
        deadline = self.clock() + seconds
        try:
            while entry.hold.at(self.clock()).state is State.WAITING and not gone() and self._open:
                left = min(deadline - self.clock(), 0.25)
                if left <= 0:
                    break
                try:
                    await asyncio.wait_for(entry.changed.wait(), left)
                except TimeoutError:
                    continue
        finally:
            self._count, self._size = self._count - 1, self._size - size
            entry.claimed, entry.size = False, 0
        return entry.hold.at(self.clock())

    async def rule(
        self,
        id_: str,
        approver: Caller,
        *,
        approve: bool,
        reason: str,
        record: Callable[[Hold, Ruling], "asyncio.Future[None] | object"],
    ) -> Hold:
        """Apply *approver*'s ruling once *record* has put it into the ledger.

        Raises:
            HoldError: ``unknown``, or as ``Hold.ruled``.
            LedgerError: It could not be recorded; the hold stands as it was.
        """
        self._sweep()
        entry = self._entries.get(id_)
        if entry is None:
            raise HoldError("unknown", "there is no such hold", status=404)
        async with entry.lock:
            after = entry.hold.ruled(approver, approve=approve, reason=reason, now=self.clock())
            result = record(after, after.rulings[-1])
            if asyncio.iscoroutine(result) or isinstance(result, asyncio.Future):
                await result
            # The record took time; what expired meanwhile stays expired.
            if after.at(self.clock()).state is State.EXPIRED:
                raise HoldError("expired", "the hold has expired", status=410)
            self._put(entry, after)
        return after

    def use(self, id_: str) -> Hold:
        """Spend the exception. One statement on the loop, so two calls can never both have it.

        Raises:
            HoldError: It is not approved, or used already.
        """
        entry = self._entries[id_]
        after = entry.hold.used(self.clock())
        self._put(entry, after)
        return after

    def unclaim(self, id_: str) -> None:
        """The call that claimed the hold has ended: what is left of it is the next attempt's."""
        if entry := self._entries.get(id_):
            entry.claimed = False

    def drop(self, id_: str) -> None:
        """Forget a hold that cannot come to anything, such as one whose caller has gone."""
        self._entries.pop(id_, None)

    def visible(self, groups: Collection[str]) -> list[Hold]:
        """The holds that a member of *groups* may rule on, oldest first, closed ones for a short while."""
        self._sweep()
        now = self.clock()
        return [e.hold.at(now) for e in self._entries.values() if e.hold.may_rule(groups)]

    def get(self, id_: str) -> Hold | None:
        entry = self._entries.get(id_)
        return entry.hold.at(self.clock()) if entry else None

    def close(self) -> list[Hold]:
        """End every hold; answers those that were still open."""
        self._open = False
        now = self.clock()
        states = (State.WAITING, State.APPROVED)
        left = [e.hold for e in self._entries.values() if e.hold.at(now).state in states]
        self._entries.clear()
        return left

    def _put(self, entry: _Entry, hold: Hold) -> None:
        entry.hold = hold
        if hold.state is not State.WAITING:
            entry.changed.set()
        if hold.state in (State.DENIED, State.USED):
            entry.closed_at = self.clock()
            entry.told = entry.claimed

    def _sweep(self) -> None:
        now = self.clock()
        for id_, entry in list(self._entries.items()):
            hold = entry.hold.at(now)
            if hold.state is State.EXPIRED and entry.closed_at is None:
                entry.hold, entry.closed_at = dataclasses.replace(hold), now
                entry.changed.set()
            if entry.closed_at is None or entry.claimed:
                continue
            untold = entry.hold.state is State.DENIED and not entry.told
            if now > (entry.hold.expires if untold else entry.closed_at + LINGER):
                del self._entries[id_]
