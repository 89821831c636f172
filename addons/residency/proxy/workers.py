"""Reading and masking large bodies off the loop, in processes: threads would share the interpreter's lock with it.

mitmproxy 12.2.3 runs every call on one loop, so what computes for a second delays all others by it. Few processes,
started anew (nothing is inherited but three pipes), one piece of work at a time in each; who comes then waits, and
waiting counts as time. A process that dies or takes too long is ended, and its call denied.
"""

import asyncio
import contextlib
import pickle
import sys
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import residency
from residency.core.mask.sets import MaskSets
from residency.core.plain import digest
from residency.errors import CallError, Unread
from residency.proxy import worker

_PACKAGES = Path(residency.__file__).resolve().parents[1]
_KEPT = 4


class _Process:
    """One process, and which mask sets it has been sent, oldest first."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.known: list[bytes] = []

    async def ask(self, message: bytes) -> bytes:
        stdin, stdout = self.process.stdin, self.process.stdout
        if stdin is None or stdout is None:
            raise ConnectionError("a process without its pipes")
        stdin.write(worker.LENGTH.pack(len(message)))
        stdin.write(message)
        await stdin.drain()
        size = worker.LENGTH.unpack(await stdout.readexactly(worker.LENGTH.size))[0]
        return await stdout.readexactly(size)

    def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        # Its pipes too, now: what is left of them must not outlive the loop.
        self.process._transport.close()  # type: ignore[attr-defined]  # Python 3.12 to 3.14 have no other way


class Workers:
    """The processes of one gateway. For one loop."""

    def __init__(self, count: int = 2, seconds: float = 30.0) -> None:
        self.seconds = seconds
        self._count = count
        self._idle: list[_Process] = []
        self._all: set[_Process] = set()
        self._ended: list[_Process] = []
        self._starting = asyncio.Lock()
        self._places = asyncio.Semaphore(count)
        self._sets: OrderedDict[int, tuple[MaskSets, bytes, bytes]] = OrderedDict()

    async def warm(self) -> None:
        """Start the processes, so that no call has to wait for that."""
        with contextlib.suppress(CallError):
            while len(self._all) < self._count:
                self._idle.append(await self._start())

    async def run[**P, T](self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What *work*, one of ``worker.WORK``, answers.

        Raises:
            CallError: ``read-timeout``; ``internal`` if the process died, or *work* raised anything but ``Unread``.
            Unread: *work* raised it.
        """
        used: dict[bytes, bytes] = {}

        def key_of(sets: MaskSets) -> bytes:
            key, blob = self._blob(sets)
            used[key] = blob
            return key

        body = worker.packed((work.__name__, args, kwargs), key_of)
        try:
            async with asyncio.timeout(self.seconds), self._places:
                found = await self._asked(body, used)
        except TimeoutError:
            raise CallError("read-timeout") from None
        except (OSError, EOFError) as e:
            raise CallError("internal", f"a process that reads bodies died: {type(e).__name__}") from None  # fmt: skip
        kind, value, detail = pickle.loads(found)  # noqa: S301 - from a process of our own
        if kind == "unread":
            raise Unread(value, detail)
        if kind != "done":
            raise CallError("internal", f"{value} in a process that reads bodies")
        answer: T = value
        return answer

    def stop(self) -> None:
        """End the processes, in the middle of whatever they do."""
        self._count = 0
        for process in list(self._all):
            self._end(process)
        self._idle.clear()

    async def ended(self) -> None:
        """After ``stop``: wait until they have ended, those too that were just starting."""
        async with self._starting:
            for process in self._ended:
                await process.process.wait()

    async def _asked(self, body: bytes, used: dict[bytes, bytes]) -> bytes:
        process = self._idle.pop() if self._idle else await self._start()
        try:
            news = {key: blob for key, blob in used.items() if key not in process.known}
            # As the process forgets them.
            process.known = [*process.known, *news][-_KEPT:]
            answer = await process.ask(pickle.dumps((news, body)))
        except BaseException:
            # In the middle of something, or gone: it is of no more use, and a cancelled call's work is for nobody.
            self._end(process)
            raise
        if process in self._all and len(self._all) <= self._count:
            self._idle.append(process)
        else:
            self._end(process)
        return answer

    def _end(self, process: _Process) -> None:
        process.end()
        self._all.discard(process)
        self._ended = [p for p in self._ended if p.process.returncode is None] + [process]

    async def _start(self) -> _Process:
        async with self._starting:
            if not self._count:
                raise CallError("not-ready")
            made = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", worker.__name__,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                close_fds=True, start_new_session=True, cwd="/", env={"PYTHONPATH": str(_PACKAGES)}, limit=1 << 20,
            )  # fmt: skip
            process = _Process(made)
            self._all.add(process)
            if not self._count:
                self._end(process)
                raise CallError("not-ready")
            return process

    def _blob(self, sets: MaskSets) -> tuple[bytes, bytes]:
        """The key of *sets*, and what they are sent as. Kept by identity, as long as they cannot be another's."""
        found = self._sets.get(id(sets))
        if found is None:
            blob = pickle.dumps(sets, protocol=pickle.HIGHEST_PROTOCOL)
            found = (sets, digest(blob.hex()).encode(), blob)
            self._sets[id(sets)] = found
            while len(self._sets) > _KEPT:
                self._sets.popitem(last=False)
        return found[1], found[2]
