"""Write the ledger: a record is confirmed once it is on the disk, and not before.

A call may be let go when ``append`` returns. What the file holds is then never behind what callers
were told. It may be ahead: a record that was written, and whose process died before it could
say so, stays, for a call that was never let go.

Records are drafted on the event loop and sealed by one thread, in the order in which they are
written, so that a batch that fails leaves no gap and no second branch: the chain moves on only
after the disk has confirmed. All that waits is written together, with one ``fsync`` for all
(group commit). A batch that fails is cut off again and each of its callers gets a ``LedgerError``;
the next batch starts afresh, and succeeds if the disk has room by then.

The file is ours alone: a regular file, not a link, owned by our user, writable by no one else
(others may read: it holds no payload), locked with ``flock`` against a second writer. Before each
batch it must still be at its path and as long as we left it; a ledger that was moved, removed or
written by another hand takes no more records.
"""

import asyncio
import errno
import fcntl
import itertools
import os
import queue
import stat
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from residency.core.ledger import (
    GENESIS,
    MAX_LINE,
    Anchor,
    Chain,
    Draft,
    draft,
    parse_line,
    verify,
)
from residency.core.plain import Plain
from residency.errors import LedgerError, VerifyError

#: Bytes of the file's end that are verified at start: one whole line and a torn one at least.
TAIL = 2 * MAX_LINE
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
        self._file = _File(path, clock)
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


class _File:
    """The file, its lock and its chain. Not for two threads at a time."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path.absolute()
        self._fd = _open(path)
        self._broken = ""
        self._size = 0
        try:
            torn = self._resume()
            if torn:
                # Cut first, since O_APPEND writes nowhere but at the end.
                os.ftruncate(self._fd, self._size)
                self.commit([draft("recovery", {"bytes": torn}, time=clock())])
        except (OSError, ValueError) as e:
            self.close()
            raise LedgerError(f"{path}: {_cause(e)}") from e
        except BaseException:
            self.close()
            raise

    @property
    def anchor(self) -> Anchor:
        # One read of one attribute: the chain is replaced, never changed.
        chain = self._chain
        return chain.seq, chain.head

    def commit(self, drafts: Sequence[Draft]) -> None:
        """Put all of *drafts* on the disk, or none.

        Raises:
            LedgerError: None is there.
        """
        chain = Chain(*self.anchor)
        data = b"".join(map(chain.link, drafts))
        self.check_place()
        if os.fstat(self._fd).st_size != self._size:
            raise LedgerError("the ledger was changed by another hand")
        try:
            _write(self._fd, data)
            os.fsync(self._fd)
        except OSError as e:
            self._cut()
            raise LedgerError(f"the disk refused: {_cause(e)}") from e
        self._chain = chain
        self._size += len(data)

    def close(self) -> None:
        if self._fd >= 0:
            # Unlocked by name, since a forked child may still hold the file.
            fcntl.flock(self._fd, fcntl.LOCK_UN)
            os.close(self._fd)
            self._fd = -1

    def check_place(self) -> None:
        """Refuse to write to a file that is no longer the ledger. For any thread, while the file is open.

        Raises:
            LedgerError: It is another file, or one that cannot be written to any more.
        """
        if self._broken:
            raise LedgerError(self._broken)
        try:
            ours, there = os.fstat(self._fd), os.lstat(self._path)
        except OSError as e:
            raise LedgerError(f"the ledger is not at its path: {_cause(e)}") from e
        if not os.path.samestat(ours, there):
            raise LedgerError("the ledger is not at its path: another file is")

    def _cut(self) -> None:
        try:
            os.ftruncate(self._fd, self._size)
            os.fsync(self._fd)
        except OSError as e:
            self._broken = f"a failed write could not be undone: {_cause(e)}"

    def _resume(self) -> int:
        """Find where the chain ends. Returns the number of bytes of a torn last line."""
        size = os.fstat(self._fd).st_size
        start = max(0, size - TAIL)
        lines = list(BytesIO(os.pread(self._fd, TAIL, start)))
        torn = lines.pop() if lines and not lines[-1].endswith(b"\n") else b""
        lines = lines[1:] if start else lines
        # Nothing is cut from a file that was never a ledger, but was named by mistake.
        if not lines and (start or not _begins(torn)):
            raise LedgerError(f"{self._path}: is not a ledger")
        after = (0, GENESIS)
        try:
            if start:
                first = parse_line(lines[0])
                after = (first.seq - 1, first.prev)
            end = verify(lines, after=after)
        except VerifyError as e:
            message = f"{self._path}: its end is not what was written; verify it and put it aside"
            raise LedgerError(message) from e
        self._chain = Chain(after[0] + end.count, end.head)
        self._size = size - len(torn)
        return len(torn)


def _open(path: Path) -> int:
    """The file, open and locked, once it is known to be ours alone."""
    flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        fd = os.open(path, flags, 0o600)
    except OSError as e:
        cause = "is a symbolic link" if e.errno == errno.ELOOP else _cause(e)
        raise LedgerError(f"{path}: {cause}") from e
    try:
        _claim(fd)
        _sync_folder(path)
    except LedgerError as e:
        os.close(fd)
        raise LedgerError(f"{path}: {e.detail}") from e
    except OSError as e:
        os.close(fd)
        raise LedgerError(f"{path}: {_cause(e)}") from e
    return fd


def _claim(fd: int) -> None:
    found = os.fstat(fd)
    if not stat.S_ISREG(found.st_mode):
        raise LedgerError("is not a regular file")
    if found.st_uid != os.geteuid():
        raise LedgerError("belongs to another user")
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise LedgerError("may be written by group or others (chmod go-w)")
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as e:
        raise LedgerError("has another writer already") from e


def _sync_folder(path: Path) -> None:
    """Put the file's name on the disk; ``fsync`` of the file does not."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(fd: int, data: bytes) -> None:
    """All of *data*. A short write is followed by another, which names its cause."""
    rest = memoryview(data)
    while rest:
        written = os.write(fd, rest)
        if not written:
            raise OSError(errno.EIO, "nothing was written")
        rest = rest[written:]


def _begins(torn: bytes) -> bool:
    """True if *torn* may be what there is of a ledger's first line."""
    line = b'{"v":1,"seq":1,"time":"'
    return torn[: len(line)] == line[: len(torn)]


def _cause(error: Exception) -> str:
    """The error without the path, which an operator knows and a caller need not."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
