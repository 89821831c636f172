"""A script for the gateway under measurement: profile its event loop, and write the figures down when it ends."""

import cProfile
import os
from pathlib import Path

#: The file that the figures go to, as ``pstats`` reads it.
VARIABLE = "BENCH_PROFILE"


class Profiler:
    name = "bench-profiler"

    def __init__(self) -> None:
        self._profile = cProfile.Profile()
        self._running = False

    def running(self) -> None:
        if not self._running:
            self._running = True
            self._profile.enable()

    def done(self) -> None:
        self._profile.disable()
        self._profile.dump_stats(Path(os.environ[VARIABLE]))


addons = [Profiler()]
