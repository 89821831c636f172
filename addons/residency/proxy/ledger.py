"""Write the ledger: a record is confirmed once it is on the disk, and not before.

A call may be let go when ``append`` returns. What the file holds is then never behind what callers
were told. It may be ahead: a record that was written, and whose process died before it could
say so, stays, for a call that was never let go.

Records are drafted on the event loop and sealed by one thread, in the order in which they are
written, so that a batch that fails leaves no gap and no second branch: the chain moves on only
after the disk has confirmed. All that waits is written together, with one ``fsync`` for all
(group commit). A batch that fails is cut off again and each of its callers gets a ``LedgerError``;
the next batch starts afresh, and succeeds if the disk has room by then.
"""

import asyncio
import itertools
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

from residency.core.ledger import Anchor, Draft, draft
from residency.core.plain import Plain
from residency.errors import LedgerError
from residency.proxy.ledgerfile import LedgerFile

#: Records that may wait for the disk.
LIMIT = 10_000


class LedgerWriter:
    """The one writer of the ledger at *path*, which is made if it is not there.

    What stands there is resumed: its end is verified (``TAIL`` bytes, not the whole file). A last
    line without its line end was never confirmed to anyone; it is cut off, and a record of kind
    ``recovery`` says how many ``bytes`` it had.

    Args:
        path: The ledger. Its folder must be there.
        clock: Unix time in seconds.
        limit: How many records may wait for the disk.

    Raises:
        LedgerError: The file cannot be opened, is not ours alone, has a second writer, or does
            not end as a ledger ends.
    """

    def __init__(
        self, path: Path, *, clock: Callable[[], float] = time.time, limit: int = LIMIT
    ) -> None:
        self._clock = clock
        self._file = LedgerFile(path, clock)
        self._queue: queue.Queue[_Entry | None] = queue.Queue(limit)
        self._lock = threading.Lock()
        self._refusal = ""
        self._closing = False
        # A daemon, so that a process that never calls close() can end.
        self._thread = threading.Thread(target=self._run, name="residency-ledger", daemon=True)
        self._thread.start()

    @property
    def anchor(self) -> Anchor:
        """``seq`` and ``hash`` of the last record on the disk: what ``verify`` may ``expect``."""
        return self._file.anchor

    async def append(self, kind: str, fields: Mapping[str, Plain]) -> None:
        """Return once the record is on the disk.

        Cancelling stops the waiting, not the record: what was queued is written.

        Raises:
            LedgerError: The record is not confirmed: it cannot be spelled, too many wait, the
                disk refused, or the writer is closed or broken.
        """
        await asyncio.wrap_future(self._enter(kind, fields))

    def append_now(self, kind: str, fields: Mapping[str, Plain]) -> None:
        """``append`` for where nothing can be awaited, such as ``done``. Blocks the caller.

        Raises:
            LedgerError: As ``append``.
        """
        self._enter(kind, fields).result()

    def check(self) -> None:
        """Whether a record could be written, as far as can be told without one.

        Raises:
            LedgerError: It could not.
        """
        with self._lock:
            if self._refusal:
                raise LedgerError(self._refusal)
            self._file.check_place()

    def close(self) -> None:
        """Write what waits, unlock and close. Blocks the caller; a second time does nothing."""
        with self._lock:
            first, self._closing = not self._closing, True
            self._refusal = self._refusal or "the ledger is closed"
        if first:
            self._queue.put(None)
        self._thread.join()
        self._file.close()

    def _enter(self, kind: str, fields: Mapping[str, Plain]) -> Future[None]:
        try:
            entry = _Entry(draft(kind, fields, time=self._clock()))
        except ValueError as e:
            raise LedgerError(str(e)) from e
        # Under the lock, so that nothing is queued behind the end.
        with self._lock:
            if self._refusal:
                raise LedgerError(self._refusal)
            try:
                self._queue.put_nowait(entry)
            except queue.Full:
                raise LedgerError(f"{self._queue.maxsize} records wait for the disk") from None
        return entry.future

    def _run(self) -> None:
        try:
            for entry in iter(self._queue.get, None):
                more = itertools.islice(self._waiting(), self._queue.maxsize)
                self._commit([entry, *more])
        finally:
            # However this thread ends, nobody may be left waiting for it.
            with self._lock:
                self._refusal = self._refusal or "the ledger's writer has stopped"
            for entry in self._waiting():
                _settle([entry], self._refusal)

    def _waiting(self) -> "Iterator[_Entry]":
        while True:
            try:
                entry = self._queue.get_nowait()
            except queue.Empty:
                return
            if entry is None:
                self._queue.put(None)  # the end is for _run to see
                return
            yield entry

    def _commit(self, batch: "Sequence[_Entry]") -> None:
        refusal = "the ledger's writer has stopped"
        try:
            self._file.commit([entry.draft for entry in batch])
            refusal = ""
        except LedgerError as e:
            refusal = e.detail
        finally:
            _settle(batch, refusal)


@dataclass(slots=True, eq=False)
class _Entry:
    draft: Draft
    future: Future[None] = field(default_factory=Future)


def _settle(batch: Sequence[_Entry], refusal: str) -> None:
    for entry in batch:
        if not entry.future.set_running_or_notify_cancel():
            continue
        if refusal:
            entry.future.set_exception(LedgerError(refusal))
        else:
            entry.future.set_result(None)
