"""The ledger's file: ours alone, whole lines alone, and no more than the disk has confirmed.

The file is ours alone: a regular file, not a link, owned by our user, writable by no one else
(others may read: it holds no payload), locked with ``flock`` against a second writer. Before each
batch it must still be at its path and as long as we left it; a ledger that was moved, removed or
written by another hand takes no more records.
"""

import errno
import fcntl
import os
import stat
from collections.abc import Callable, Sequence
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
from residency.errors import LedgerError, VerifyError

#: Bytes of the file's end that are verified at start: one whole line and a torn one at least.
TAIL = 2 * MAX_LINE


class LedgerFile:
    """The file at *path*, its lock and its chain. Not for two threads at a time.

    Raises:
        LedgerError: It cannot be opened, is not ours alone, has a second writer, or does not end as a ledger ends.
    """

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
