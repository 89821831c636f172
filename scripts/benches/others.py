"""What others on the machine take of its processors while something is measured."""

import os
import time
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


class Others:
    """Counts from construction on. Ours are the processes of our group, and those of them that have ended."""

    def __init__(self) -> None:
        self._begun, self._before = time.monotonic(), _others()

    def cores(self) -> float:
        """How many processors others kept busy on average; 0 where the system does not tell (it has no /proc)."""
        return max(0.0, _others() - self._before) / (time.monotonic() - self._begun)


def _others() -> float:
    """Seconds of processor time so far (proc_stat(5) and proc_pid_stat(5)): everybody's without ours."""
    try:
        first = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    except OSError:
        return 0.0
    user, nice, system, _idle, _waiting, irq, softirq, steal = map(int, first[1:9])
    ours = sum(map(_ours, Path("/proc").glob("[0-9]*/stat")))
    return (user + nice + system + irq + softirq + steal - ours) / _TICKS


def _ours(stat: Path) -> int:
    """Ticks of a process of our group, and of its children that were waited for."""
    try:
        fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return 0
    return sum(map(int, fields[11:15])) if int(fields[2]) == os.getpgrp() else 0
