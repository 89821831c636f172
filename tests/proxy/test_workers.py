"""Large bodies are read in processes that can die, hang or be asked too much without a call getting through."""

import asyncio
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from residency.core.body import Content, mask_call
from residency.core.mask.fields import MaskField, MaskSet
from residency.core.mask.method import Method
from residency.core.mask.path import compile as path
from residency.core.mask.session import Session
from residency.core.mask.sets import MaskSets
from residency.errors import CallError, Unread
from residency.proxy import worker
from residency.proxy.workers import Workers

TOKEN = MaskField(path("$..email"), Method("token"))


def sets(name: str = "s") -> MaskSets:
    return MaskSets((MaskSet(name=name, why="w", fields=(TOKEN,)),))


def content(raw: bytes = b'{"email":"a@b"}') -> Content:
    return Content(raw, (("content-type", "application/json"),))


def session() -> Session:
    return Session(b"k" * 32, b"n" * 32)


@asynccontextmanager
async def running(count: int = 1, seconds: float = 20.0) -> AsyncIterator[Workers]:
    workers = Workers(count, seconds)
    try:
        await workers.warm()
        yield workers
    finally:
        workers.stop()
        await workers.ended()


def pids(workers: Workers) -> list[int]:
    return [p.process.pid for p in workers._all]


async def test_a_body_is_masked_there_and_the_tokens_come_back() -> None:
    async with running() as workers:
        masked, used = await workers.run(mask_call, content(), sets(), ["s"], session(), limit=99)

    assert masked == mask_call(content(), sets(), ["s"], session(), limit=99)[0]
    assert list(used.originals.values()) == ['"a@b"']


async def test_what_cannot_be_read_is_told_with_its_reason() -> None:
    async with running() as workers:
        with pytest.raises(Unread, match="duplicate-key"):
            await workers.run(
                mask_call, content(b'{"a":1,"a":2}'), sets(), ["s"], session(), limit=99
            )
        assert await workers.run(mask_call, content(), sets(), ["s"], session(), limit=99)


async def test_a_fault_there_is_a_fault_here_without_its_words() -> None:
    async with running() as workers:
        with pytest.raises(CallError) as caught:
            await workers.run(mask_call, content(), sets(), ["CANARY"], session(), limit=99)

    assert caught.value.code == "internal"
    assert "CANARY" not in str(caught.value)


async def test_a_process_that_dies_denies_its_call_and_no_other() -> None:
    async with running() as workers:
        (pid,) = pids(workers)
        os.kill(pid, signal.SIGKILL)
        with pytest.raises(CallError, match="died"):
            await workers.run(mask_call, content(), sets(), ["s"], session(), limit=99)

        assert await workers.run(mask_call, content(), sets(), ["s"], session(), limit=99)
        assert pids(workers) != [pid]


async def test_a_process_that_hangs_is_ended() -> None:
    async with running(seconds=0.3) as workers:
        (pid,) = pids(workers)
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(CallError) as caught:
            await workers.run(mask_call, content(), sets(), ["s"], session(), limit=99)

        assert caught.value.code == "read-timeout"
        assert pids(workers) == []


async def test_waiting_for_a_process_counts() -> None:
    async with running(seconds=0.5) as workers:
        os.kill(pids(workers)[0], signal.SIGSTOP)
        asked = [workers.run(mask_call, content(), sets(), ["s"], session(), limit=99) for _ in range(3)]  # fmt: skip
        found = await asyncio.gather(*asked, return_exceptions=True)

    assert [getattr(e, "code", "") for e in found] == ["read-timeout"] * 3


async def test_a_call_that_is_cancelled_takes_its_process_with_it() -> None:
    async with running() as workers:
        os.kill(pids(workers)[0], signal.SIGSTOP)
        task = asyncio.create_task(workers.run(mask_call, content(), sets(), ["s"], session(), limit=99))  # fmt: skip
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert pids(workers) == []


async def test_nothing_is_read_once_the_gateway_stops() -> None:
    async with running() as workers:
        workers.stop()
        with pytest.raises(CallError, match="not-ready"):
            await workers.run(mask_call, content(), sets(), ["s"], session(), limit=99)


async def test_rules_are_sent_once_and_forgotten_together() -> None:
    async with running() as workers:
        for name in ("a", "b", "c", "d", "e", "f", "a"):
            of = sets(name)
            for _ in range(2):
                masked, _ = await workers.run(mask_call, content(), of, [name], session(), limit=99)  # fmt: skip
                assert list(masked.counts) == [name]


def seen(pid: int) -> tuple[dict[str, str], bytes]:
    """What a process has open, and its environment."""
    home = Path(f"/proc/{pid}")
    fds = {link.name: str(link.readlink()) for link in (home / "fd").iterdir()}
    return fds, (home / "environ").read_bytes()


async def test_a_process_has_nothing_of_the_gateways(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "secret")
    async with running() as workers:
        (pid,) = pids(workers)
        await workers.run(mask_call, content(), sets(), ["s"], session(), limit=99)
        fds, environment = seen(pid)

    assert b"CANARY" not in environment
    assert set(fds) == {"0", "1", "2"}
    assert {to.partition(":")[0] for to in fds.values()} <= {"pipe", "socket", "/dev/null"}


def test_nothing_is_called_that_is_not_named() -> None:
    message = pickle.dumps(({}, pickle.dumps(("system", ("true",), {}))))

    answer = pickle.loads(worker.answered({}, message))  # noqa: S301 - our own

    assert answer == ("failed", "KeyError", "")


def test_a_worker_knows_no_mitmproxy() -> None:
    code = "import residency.proxy.worker, sys; print('mitmproxy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    assert done.stdout == b"False\n"
