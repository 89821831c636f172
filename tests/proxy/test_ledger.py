"""A record is confirmed once it is on the disk, and a ledger is never lost or forked."""

import asyncio
import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from residency.core.ledger import MAX_LINE, Chain, Record, Summary, parse_line, verify
from residency.errors import LedgerError
from residency.proxy.ledger import LedgerWriter
from residency.proxy.ledgerfile import TAIL

ADDONS = Path(__file__).parents[2] / "addons"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.jsonl"


@pytest.fixture
def writer(path: Path) -> Iterator[LedgerWriter]:
    with closing(LedgerWriter(path)) as writer:
        yield writer


def check(path: Path) -> Summary:
    with path.open("rb") as lines:
        return verify(lines)


def records(path: Path) -> list[Record]:
    return [parse_line(line) for line in path.read_bytes().splitlines(keepends=True)]


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def fill(path: Path, count: int, **fields: str) -> list[bytes]:
    chain = Chain()
    lines = [chain.seal("decision", {"n": n, **fields}, time=n) for n in range(count)]
    path.write_bytes(b"".join(lines))
    path.chmod(0o600)
    return lines


class Disk:
    """Stands between the writer and the disk: blocks, counts, or fails as it is told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        self.go.set()
        self.entered = threading.Event()
        self.synced = 0
        self.faults: list[int] = []
        self.truncate_fault = 0
        self.full_after: int | None = None
        self._real = (os.fsync, os.write, os.ftruncate)
        monkeypatch.setattr(os, "fsync", self.fsync)
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(os, "ftruncate", self.ftruncate)

    def fsync(self, fd: int) -> None:
        self.entered.set()
        assert self.go.wait(30)
        self.synced += 1
        if self.faults:
            raise _fault(self.faults.pop(0))
        self._real[0](fd)

    def write(self, fd: int, data: bytes) -> int:
        if self.full_after is None or threading.current_thread() is threading.main_thread():
            return self._real[1](fd, data)
        if not self.full_after:
            raise _fault(errno.ENOSPC)
        written = self._real[1](fd, data[: self.full_after])
        self.full_after -= written
        return written

    def ftruncate(self, fd: int, length: int) -> None:
        if self.truncate_fault:
            raise _fault(self.truncate_fault)
        self._real[2](fd, length)


def _fault(number: int) -> OSError:
    return OSError(number, os.strerror(number))


@pytest.fixture
def disk(writer: LedgerWriter, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    disk = Disk(monkeypatch)
    yield disk
    disk.go.set()


async def entered(disk: Disk) -> None:
    """Wait until the writer is held at the disk."""
    assert await asyncio.to_thread(disk.entered.wait, 30)


async def outcomes(*waiting: "asyncio.Task[None]") -> list[str]:
    results = await asyncio.gather(*waiting, return_exceptions=True)
    return ["written" if r is None else type(r).__name__ for r in results]


def tasks(writer: LedgerWriter, count: int) -> "list[asyncio.Task[None]]":
    return [asyncio.create_task(writer.append("decision", {"n": n})) for n in range(count)]


# --- confirmed means on the disk


async def test_no_append_returns_before_the_disk_has_confirmed(
    writer: LedgerWriter, disk: Disk
) -> None:
    disk.go.clear()
    (waiting,) = tasks(writer, 1)
    await entered(disk)
    await asyncio.sleep(0.05)
    assert not waiting.done()

    disk.go.set()
    await waiting

    assert disk.synced == 1


async def test_a_thousand_at_once_stand_in_order_and_verify(
    writer: LedgerWriter, path: Path
) -> None:
    await asyncio.gather(*tasks(writer, 1000))

    assert check(path).count == 1000
    assert [record.fields["n"] for record in records(path)] == list(range(1000))


async def test_what_waits_together_is_confirmed_together(writer: LedgerWriter, disk: Disk) -> None:
    disk.go.clear()
    first = tasks(writer, 1)
    await entered(disk)
    rest = tasks(writer, 500)
    await asyncio.sleep(0)
    disk.go.set()
    await asyncio.gather(*first, *rest)

    assert disk.synced == 2


async def test_the_loop_goes_on_while_the_disk_is_slow(writer: LedgerWriter, disk: Disk) -> None:
    disk.go.clear()
    waiting = tasks(writer, 3)
    await entered(disk)

    await asyncio.wait_for(asyncio.sleep(0.01), timeout=30)

    disk.go.set()
    await asyncio.gather(*waiting)


async def test_the_time_is_the_clocks(path: Path) -> None:
    with closing(LedgerWriter(path, clock=lambda: 1795345200.5)) as writer:
        await writer.append("decision", {})

    assert records(path)[0].time == "2026-11-22T11:00:00.500000Z"


async def test_the_anchor_is_the_last_record_on_the_disk(
    writer: LedgerWriter, path: Path, disk: Disk
) -> None:
    await writer.append("decision", {})
    confirmed = writer.anchor
    disk.entered.clear()
    disk.go.clear()
    waiting = tasks(writer, 1)
    await entered(disk)

    assert writer.anchor == confirmed == (1, records(path)[0].hash)

    disk.go.set()
    await asyncio.gather(*waiting)
    assert writer.anchor == (2, check(path).head)


# --- a disk that fails


@pytest.mark.parametrize(
    "number", [errno.EIO, errno.ENOSPC, errno.EDQUOT], ids=errno.errorcode.get
)
async def test_a_failed_sync_refuses_all_who_wait_and_leaves_nothing(
    writer: LedgerWriter, path: Path, disk: Disk, number: int
) -> None:
    await writer.append("decision", {"n": "kept"})
    kept = content(path)
    disk.faults = [number]

    with pytest.raises(LedgerError, match=os.strerror(number)):
        await writer.append("decision", {"n": "lost"})

    assert content(path) == kept


async def test_what_was_queued_behind_a_failed_batch_follows_what_was_kept(
    writer: LedgerWriter, path: Path, disk: Disk
) -> None:
    disk.go.clear()
    first = tasks(writer, 1)
    await entered(disk)
    batch = tasks(writer, 20)
    await asyncio.sleep(0)
    disk.faults = [errno.EIO]
    disk.go.set()

    assert await outcomes(*first) == ["LedgerError"]
    assert await outcomes(*batch) == ["written"] * 20
    assert check(path).count == 20


async def test_a_batch_of_many_fails_as_one(writer: LedgerWriter, path: Path, disk: Disk) -> None:
    disk.go.clear()
    first = tasks(writer, 1)
    await entered(disk)
    batch = tasks(writer, 20)
    await asyncio.sleep(0)
    disk.full_after = 1000
    disk.go.set()

    assert await outcomes(*first) == ["written"]
    assert await outcomes(*batch) == ["LedgerError"] * 20
    assert check(path).count == 1

    disk.full_after = None
    await writer.append("decision", {})
    assert check(path).count == 2


async def test_a_short_write_is_finished_or_cut(
    writer: LedgerWriter, path: Path, disk: Disk
) -> None:
    await writer.append("decision", {})
    disk.full_after = 10
    with pytest.raises(LedgerError, match="No space"):
        await writer.append("decision", {})
    assert check(path).count == 1


async def test_a_write_in_pieces_is_one_record(
    writer: LedgerWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))

    await writer.append("decision", {"n": 1})

    assert check(path).count == 1


async def test_a_write_of_nothing_is_a_failure(
    writer: LedgerWriter, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", lambda fd, data: 0)
        with pytest.raises(LedgerError, match="nothing was written"):
            await writer.append("decision", {})

    await writer.append("decision", {})
    assert check(path).count == 1


async def test_a_failure_that_cannot_be_undone_ends_the_writer_for_good(
    writer: LedgerWriter, path: Path, disk: Disk
) -> None:
    await writer.append("decision", {})
    disk.faults, disk.truncate_fault = [errno.EIO], errno.EIO
    with pytest.raises(LedgerError, match="disk refused"):
        await writer.append("decision", {})
    disk.truncate_fault = 0

    with pytest.raises(LedgerError, match="could not be undone"):
        await writer.append("decision", {})
    with pytest.raises(LedgerError, match="could not be undone"):
        writer.append_now("decision", {})


async def test_a_cut_that_is_not_confirmed_ends_the_writer_too(
    writer: LedgerWriter, disk: Disk
) -> None:
    disk.faults = [errno.EIO, errno.EIO]
    with pytest.raises(LedgerError):
        await writer.append("decision", {})

    with pytest.raises(LedgerError, match="could not be undone"):
        await writer.append("decision", {})


FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from residency.errors import LedgerError
from residency.proxy.ledger import LedgerWriter

async def main(path):
    writer = LedgerWriter(path)
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    written = refused = 0
    for limit in (5_000, 5_000, 5_001, 20_000):
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
        try:
            while True:
                await asyncio.gather(*(writer.append("decision", {"n": n}) for n in range(3)))
                written += 3
        except LedgerError as e:
            assert "File too large" in str(e), e
            refused += 1
            assert path.stat().st_size <= limit
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await writer.append("decision", {})
    writer.close()
    print(written, refused, writer.anchor[0])

asyncio.run(main(Path(sys.argv[1])))
"""


def test_a_full_disk_refuses_and_when_there_is_room_the_ledger_goes_on(path: Path) -> None:
    written, refused, last = map(int, run(FULL_DISK, path).split())

    assert refused == 4
    # gather stops at the first refusal; a triple may be written in more than one batch
    assert written + 1 <= last == check(path).count


# --- a process that dies


def run(script: str, *args: Path) -> str:
    command = [sys.executable, "-c", script, *map(str, args)]
    env = {**os.environ, "PYTHONPATH": str(ADDONS)}
    return subprocess.run(
        command, env=env, check=True, capture_output=True, text=True, timeout=60
    ).stdout


HAMMER = """
import asyncio, sys
from pathlib import Path
from residency.proxy.ledger import LedgerWriter

async def one(writer, n):
    while True:
        await writer.append("decision", {"n": n, "pad": "x" * 200})
        sys.stdout.write("%d %s\\n" % writer.anchor)
        sys.stdout.flush()

async def main(path):
    writer = LedgerWriter(path)
    await asyncio.gather(*(one(writer, n) for n in range(32)))

asyncio.run(main(Path(sys.argv[1])))
"""


def test_killed_while_writing_no_confirmed_record_is_lost(path: Path) -> None:
    for _ in range(5):
        confirmed = kill_while_writing(path)

        with closing(LedgerWriter(path)) as writer:
            writer.append_now("start", {})

        with path.open("rb") as lines:
            verify(lines, expect=confirmed)


def kill_while_writing(path: Path) -> tuple[int, str]:
    """The last record that the process knew to be on the disk when it was killed."""
    command = [sys.executable, "-c", HAMMER, str(path)]
    env = {**os.environ, "PYTHONPATH": str(ADDONS)}
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        said = [process.stdout.readline() for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        said += process.stdout.readlines()
    assert process.returncode == -signal.SIGKILL
    whole = [line for line in said if line.endswith("\n")]
    seq, head = whole[-1].split()
    return int(seq), head


@pytest.mark.parametrize("kept", [1, 2, 30, 100, -1])
def test_a_torn_last_line_is_cut_and_written_down(path: Path, kept: int) -> None:
    lines = fill(path, 3)
    torn = lines[-1][:kept]
    path.write_bytes(b"".join(lines[:-1]) + torn)

    LedgerWriter(path).close()

    assert path.read_bytes().startswith(b"".join(lines[:-1]))
    assert check(path).count == 3
    last = records(path)[-1]
    assert (last.kind, last.fields) == ("recovery", {"bytes": len(torn)})


@pytest.mark.parametrize("kept", [1, 10, 30, -1])
def test_a_torn_first_line_is_cut_and_written_down(path: Path, kept: int) -> None:
    (line,) = fill(path, 1)
    path.write_bytes(line[:kept])

    LedgerWriter(path).close()

    assert [r.kind for r in records(path)] == ["recovery"]
    assert check(path).count == 1


def test_a_whole_ledger_is_resumed_without_a_recovery(path: Path) -> None:
    lines = fill(path, 3)

    with closing(LedgerWriter(path)) as writer:
        writer.append_now("decision", {})

    assert path.read_bytes().startswith(b"".join(lines))
    assert check(path).kinds == {"decision": 4}


@pytest.mark.parametrize("torn", [b"", b'{"v":1,"seq":'], ids=["whole", "torn"])
def test_a_long_ledger_is_resumed_from_its_end(path: Path, torn: bytes) -> None:
    lines = fill(path, 3000, pad="x" * 800)
    assert path.stat().st_size > TAIL
    path.write_bytes(path.read_bytes() + torn)

    with closing(LedgerWriter(path)) as writer:
        writer.append_now("decision", {})

    assert check(path).count == len(lines) + 1 + bool(torn)


def test_the_longest_lines_are_resumed_behind_the_longest_torn_one(path: Path) -> None:
    chain = Chain()
    lines = [chain.seal("decision", {"x": "x" * (MAX_LINE - 520)}, time=1) for _ in range(3)]
    torn = b"{" * (MAX_LINE - 1)
    path.touch(0o600)
    path.write_bytes(b"".join(lines) + torn)

    LedgerWriter(path).close()

    assert check(path).count == 4
    assert records(path)[-1].fields == {"bytes": len(torn)}


@pytest.mark.parametrize("over", [-1, 0, 1])
def test_a_ledger_about_as_long_as_what_is_read_of_it_is_resumed(path: Path, over: int) -> None:
    chain = Chain()
    empty = len(Chain().seal("decision", {"x": ""}, time=1))
    sizes = [TAIL // 4] * 3 + [TAIL // 4 + over]
    lines = [chain.seal("decision", {"x": "x" * (n - empty)}, time=1) for n in sizes]
    path.touch(0o600)
    path.write_bytes(b"".join(lines))
    assert path.stat().st_size == TAIL + over

    LedgerWriter(path).close()

    assert check(path).count == 4


def test_an_altered_last_line_is_not_written_after(path: Path) -> None:
    fill(path, 3)
    altered = path.read_bytes().replace(b'"n":2', b'"n":7')
    path.write_bytes(altered)

    with pytest.raises(LedgerError, match="not what was written"):
        LedgerWriter(path)

    assert path.read_bytes() == altered


def test_a_line_removed_near_the_end_is_not_written_after(path: Path) -> None:
    lines = fill(path, 3000, pad="x" * 800)
    del lines[-2]
    path.write_bytes(b"".join(lines))

    with pytest.raises(LedgerError, match="not what was written"):
        LedgerWriter(path)


def test_a_ledger_without_its_beginning_is_not_written_after(path: Path) -> None:
    path.write_bytes(b"".join(fill(path, 3)[1:]))

    with pytest.raises(LedgerError, match="not what was written"):
        LedgerWriter(path)


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(b"hunter2", id="no line end"),
        pytest.param(b"hunter2\n", id="a line"),
        pytest.param(b"\n", id="an empty line"),
        pytest.param(b'{"v":2', id="another version"),
        pytest.param(b"\0" * 100, id="zeros"),
        pytest.param(b"\0" * (TAIL + 1), id="many zeros"),
        pytest.param(b"x" * TAIL + b"\n", id="one long line"),
        pytest.param(b"x" * TAIL + b"\nx", id="a long line and a torn one"),
        pytest.param(b"x" * TAIL + b"\nx\n", id="a long line and a short one"),
    ],
)
def test_a_file_that_is_no_ledger_is_left_as_it_is(path: Path, other: bytes) -> None:
    path.touch(0o600)
    path.write_bytes(other)

    with pytest.raises(LedgerError):
        LedgerWriter(path)

    assert path.read_bytes() == other


def test_a_writer_that_could_not_start_leaves_the_lock(path: Path) -> None:
    path.touch(0o600)
    path.write_bytes(b"hunter2\n")
    with pytest.raises(LedgerError):
        LedgerWriter(path)
    path.write_bytes(b"")

    LedgerWriter(path).close()


def test_a_recovery_that_cannot_be_written_does_not_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = fill(path, 2)
    path.write_bytes(b"".join(lines) + b"{")

    def full(fd: int, data: bytes) -> int:
        raise _fault(errno.ENOSPC)

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(LedgerError, match="No space"):
            LedgerWriter(path)

    LedgerWriter(path).close()
    assert check(path).count == 2


@pytest.mark.parametrize("call", ["ftruncate", "pread", "fsync"])
def test_a_disk_that_fails_at_the_start_does_not_start(
    path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    lines = fill(path, 2)
    path.write_bytes(b"".join(lines) + b"{")

    def fail(*args: object) -> None:
        raise _fault(errno.EIO)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, fail)
        with pytest.raises(LedgerError, match=r"ledger\.jsonl: Input/output error"):
            LedgerWriter(path)

    LedgerWriter(path).close()
    assert check(path).kinds == {"decision": 2, "recovery": 1}


# --- the file is ours alone


def test_a_second_writer_is_refused(writer: LedgerWriter, path: Path) -> None:
    with pytest.raises(LedgerError, match="another writer"):
        LedgerWriter(path)

    writer.append_now("decision", {})
    assert check(path).count == 1


def test_a_second_process_is_refused(writer: LedgerWriter, path: Path) -> None:
    script = """
import sys
from pathlib import Path
from residency.errors import LedgerError
from residency.proxy.ledger import LedgerWriter
try:
    LedgerWriter(Path(sys.argv[1]))
except LedgerError as e:
    print(e)
"""
    assert "another writer" in run(script, path)


def test_a_closed_writer_makes_room_for_the_next(path: Path) -> None:
    for _ in range(3):
        with closing(LedgerWriter(path)) as writer:
            writer.append_now("decision", {})

    assert check(path).count == 3


def test_a_new_ledger_is_ours_alone_whatever_the_umask(path: Path) -> None:
    umask = os.umask(0)
    try:
        LedgerWriter(path).close()
    finally:
        os.umask(umask)

    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_is_refused(path: Path, mode: int) -> None:
    fill(path, 1)
    path.chmod(mode)

    with pytest.raises(LedgerError, match="chmod go-w"):
        LedgerWriter(path)


def test_a_file_that_others_may_read_is_not_refused(path: Path) -> None:
    fill(path, 1)
    path.chmod(0o644)

    LedgerWriter(path).close()


def test_a_file_of_another_user_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(path, 1)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)

    with pytest.raises(LedgerError, match="another user"):
        LedgerWriter(path)


@pytest.mark.parametrize("there", [True, False], ids=["to a file", "to nothing"])
def test_a_link_is_refused(path: Path, tmp_path: Path, there: bool) -> None:  # noqa: FBT001
    target = tmp_path / "target"
    if there:
        fill(target, 1)
    path.symlink_to(target)

    with pytest.raises(LedgerError, match="symbolic link"):
        LedgerWriter(path)

    assert target.exists() == there


@pytest.mark.parametrize("device", ["/dev/full", "/dev/null"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_device_is_refused(device: str) -> None:
    with pytest.raises(LedgerError, match=r"not a regular file|Permission"):
        LedgerWriter(Path(device))


def test_a_pipe_is_refused(path: Path) -> None:
    os.mkfifo(path, 0o600)

    with pytest.raises(LedgerError, match="not a regular file"):
        LedgerWriter(path)


def test_a_folder_is_refused_and_so_is_a_missing_one(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="directory"):
        LedgerWriter(tmp_path)
    with pytest.raises(LedgerError, match="No such file"):
        LedgerWriter(tmp_path / "missing" / "ledger.jsonl")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to it")
def test_a_read_only_ledger_is_refused(path: Path) -> None:
    fill(path, 1)
    path.chmod(0o400)

    with pytest.raises(LedgerError, match="Permission"):
        LedgerWriter(path)


def _move(path: Path, to: Path) -> None:
    path.rename(to)


def _replace(path: Path) -> None:
    _move(path, path.with_suffix(".1"))
    path.touch()


def _grow(path: Path) -> None:
    with path.open("ab") as other:
        other.write(b"x\n")


HANDS: list[Callable[[Path], object]] = [
    Path.unlink,
    lambda path: _move(path, path.with_suffix(".1")),
    _replace,
    _grow,
    lambda path: os.truncate(path, 0),
    lambda path: os.truncate(path, path.stat().st_size - 1),
]


@pytest.mark.parametrize(
    "hand", HANDS, ids=["removed", "moved", "replaced", "written to", "emptied", "cut"]
)
async def test_a_ledger_that_another_hand_has_changed_takes_no_more(
    writer: LedgerWriter, path: Path, hand: Callable[[Path], object]
) -> None:
    await writer.append("decision", {})
    hand(path)
    before = content(path)

    with pytest.raises(LedgerError):
        await writer.append("decision", {})

    assert content(path) == before


async def test_a_ledger_that_is_put_back_goes_on(writer: LedgerWriter, path: Path) -> None:
    await writer.append("decision", {})
    _move(path, path.with_suffix(".1"))
    with pytest.raises(LedgerError):
        await writer.append("decision", {})
    _move(path.with_suffix(".1"), path)

    await writer.append("decision", {})

    assert check(path).count == 2


# --- one caller does not harm another


async def test_a_cancelled_append_breaks_no_other_and_is_written(
    writer: LedgerWriter, path: Path, disk: Disk
) -> None:
    disk.go.clear()
    waiting = tasks(writer, 1)
    await entered(disk)
    waiting += tasks(writer, 5)
    await asyncio.sleep(0)
    waiting[0].cancel()
    waiting[3].cancel()
    await asyncio.sleep(0)
    disk.go.set()

    assert await outcomes(*waiting) == [
        "CancelledError", "written", "written", "CancelledError", "written", "written",
    ]  # fmt: skip
    await writer.append("decision", {})
    assert check(path).count == 7


async def test_cancelled_while_the_disk_fails_breaks_no_other(
    writer: LedgerWriter, path: Path, disk: Disk
) -> None:
    disk.go.clear()
    (first,) = tasks(writer, 1)
    await entered(disk)
    disk.faults = [errno.EIO]
    first.cancel()
    await asyncio.sleep(0)
    disk.go.set()

    assert await outcomes(first) == ["CancelledError"]
    await writer.append("decision", {})
    assert check(path).count == 1


@pytest.mark.parametrize(
    ("kind", "fields"),
    [("decision", {"seq": 1}), ("", {}), ("decision", {"x": float("nan")})],
    ids=["reserved name", "no kind", "not plain"],
)
async def test_a_record_that_cannot_be_spelled_is_refused_alone(
    writer: LedgerWriter, path: Path, kind: str, fields: dict[str, float]
) -> None:
    good = tasks(writer, 3)
    with pytest.raises(LedgerError):
        await writer.append(kind, fields)

    assert await outcomes(*good) == ["written"] * 3
    assert check(path).count == 3


async def test_a_clock_that_tells_no_time_is_refused(path: Path) -> None:
    writer = LedgerWriter(path, clock=lambda: float("nan"))
    with closing(writer), pytest.raises(LedgerError, match="time"):
        await writer.append("decision", {})


async def test_too_many_waiting_are_refused_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        writer = stack.enter_context(closing(LedgerWriter(path, limit=3)))
        disk = Disk(monkeypatch)
        stack.callback(disk.go.set)
        disk.go.clear()
        waiting = tasks(writer, 1)
        await entered(disk)
        waiting += tasks(writer, 3)
        await asyncio.sleep(0)

        with pytest.raises(LedgerError, match="3 records wait"):
            await writer.append("decision", {})

        disk.go.set()
        assert await outcomes(*waiting) == ["written"] * 4
        await writer.append("decision", {})
    assert check(path).count == 5


async def test_what_a_caller_changes_later_is_not_what_is_written(
    writer: LedgerWriter, path: Path, disk: Disk
) -> None:
    disk.go.clear()
    first = tasks(writer, 1)
    await entered(disk)
    names = ["a"]
    second = asyncio.create_task(writer.append("decision", {"names": names}))
    await asyncio.sleep(0)
    names.append("b")
    disk.go.set()
    await asyncio.gather(*first, second)

    assert records(path)[1].fields == {"names": ["a"]}


async def test_an_error_names_neither_path_nor_value(
    writer: LedgerWriter, path: Path, disk: Disk
) -> None:
    disk.faults = [errno.EIO]
    with pytest.raises(LedgerError) as caught:
        await writer.append("decision", {"x": "canary"})
    Path.unlink(path)
    with pytest.raises(LedgerError) as gone:
        await writer.append("decision", {"x": "canary"})

    said = f"{caught.value} {gone.value}"
    assert "canary" not in said
    assert str(path.parent) not in said


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_for_a_writer_that_died(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(LedgerWriter(path)) as writer:
        disk = Disk(monkeypatch)
        disk.go.clear()
        waiting = tasks(writer, 1)
        await entered(disk)
        waiting += tasks(writer, 5)
        await asyncio.sleep(0)
        monkeypatch.setattr(disk, "_real", ())  # an error of our own: IndexError
        disk.go.set()

        assert await asyncio.wait_for(outcomes(*waiting), timeout=30) == ["LedgerError"] * 6
        with pytest.raises(LedgerError, match="stopped"):
            await writer.append("decision", {})


# --- the end


def test_append_now_is_on_the_disk_when_it_returns(writer: LedgerWriter, path: Path) -> None:
    writer.append_now("stop", {"n": 1})

    assert check(path).kinds == {"stop": 1}


async def test_append_now_follows_what_waits(writer: LedgerWriter, path: Path, disk: Disk) -> None:
    disk.go.clear()
    waiting = tasks(writer, 3)
    await entered(disk)
    threading.Timer(0.05, disk.go.set).start()

    writer.append_now("stop", {})

    assert [r.kind for r in records(path)] == ["decision"] * 3 + ["stop"]
    assert await outcomes(*waiting) == ["written"] * 3


async def test_closing_writes_what_waits(writer: LedgerWriter, path: Path) -> None:
    waiting = tasks(writer, 100)
    await asyncio.sleep(0)

    writer.close()

    assert await outcomes(*waiting) == ["written"] * 100
    assert check(path).count == 100


async def test_a_closed_writer_refuses(writer: LedgerWriter, path: Path) -> None:
    writer.close()
    writer.close()

    with pytest.raises(LedgerError, match="closed"):
        await writer.append("decision", {})
    with pytest.raises(LedgerError, match="closed"):
        writer.append_now("decision", {})
    assert content(path) == b""


def test_a_loop_that_ended_while_its_append_waited_breaks_no_other(path: Path) -> None:
    async def leave(writer: LedgerWriter) -> None:
        tasks(writer, 3)
        await asyncio.sleep(0)

    with closing(LedgerWriter(path)) as writer:
        asyncio.run(leave(writer))
        writer.append_now("decision", {})

    assert check(path).count == 4


def test_a_child_that_holds_the_file_does_not_hold_its_lock(path: Path) -> None:
    writer = LedgerWriter(path)
    os.set_inheritable(writer._file._fd, True)  # as after a fork
    with subprocess.Popen(["sleep", "30"], close_fds=False) as child:
        try:
            writer.close()
            LedgerWriter(path).close()
        finally:
            child.kill()


def test_a_ledger_named_from_the_folder_stays_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere").mkdir()
    with closing(LedgerWriter(Path("ledger.jsonl"))) as writer:
        monkeypatch.chdir(tmp_path / "elsewhere")

        writer.append_now("decision", {})

    assert check(tmp_path / "ledger.jsonl").count == 1
