"""A client that runs while the test looks on."""

import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import IO


class Piped:
    """A client whose standard input and output the test holds."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin
        assert process.stdout
        self._process = process
        self.stdin: IO[bytes] = process.stdin
        self.stdout: IO[bytes] = process.stdout

    def send(self, data: bytes, *, last: bool = False) -> None:
        self.stdin.write(data)
        self.stdin.flush()
        if last:
            self.stdin.close()

    def end(self) -> bytes:
        """What it printed from here to its end, which must be a good one."""
        self.stdin.close()
        out = self.stdout.read()
        assert self._process.wait(30) == 0
        return out


@contextmanager
def piped(argv: Sequence[str], env: Mapping[str, str]) -> Iterator[Piped]:
    """A running client; it ends with the block, whatever happens."""
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd=tempfile.gettempdir()
    ) as process:
        try:
            yield Piped(process)
        finally:
            process.kill()
