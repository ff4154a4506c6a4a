"""Whether more processes pay: from the cores that were free while one worked."""

from __future__ import annotations

import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

from ..threads import usable_cores

START_SECONDS = 8.0  # until a new process has loaded its networks and works
LEAST_GAIN = 1.2  # times as fast, from which it is worth it
ROUNDING = 0.2  # of a job: so much of its need may be missing


@dataclass(frozen=True, slots=True)
class Measured:
    """What one process took of the machine.

    Attributes:
        seconds: For how long it was watched.
        used: Cores that it used, on average.
        free: Cores that it might have used as well and nobody used.
    """

    seconds: float
    used: float
    free: float


class CoreMeter:
    """Watches this process and the machine from when it is made.

    Args:
        stat: Where the system tells how long its cores were idle; without it all that this process
            did not use counts as free.
    """

    def __init__(self, stat: Path = Path("/proc/stat")) -> None:
        self._stat = stat
        self._started = time.perf_counter(), time.process_time(), self._idle()

    def read(self) -> Measured:
        """Return what was used since."""
        wall, cpu, idle = self._started
        seconds = max(time.perf_counter() - wall, 1e-6)
        used = (time.process_time() - cpu) / seconds
        free = max(0.0, usable_cores().usable - used)
        now = self._idle()
        if idle is not None and now is not None:
            free = min(free, (now - idle) / seconds)
        return Measured(seconds, used, max(0.0, free))

    def _idle(self) -> float | None:
        """Return for how many seconds all cores together were idle."""
        try:
            fields = self._stat.read_text(encoding="ascii").splitlines()[0].split()
            return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")
        except (OSError, ValueError, IndexError, AttributeError):
            return None


def jobs_that_pay(measured: Measured, seconds_left: float) -> int:
    """Return how many processes are best for the rest of the work; 1 where no more pay.

    Each is taken to use as many cores as the one that was watched, as long as there are any, and
    to need ``START_SECONDS`` before it works.

    Args:
        measured: What one process took.
        seconds_left: How long it would need for the rest.
    """
    used = max(measured.used, 0.1)
    gain = (used + measured.free) / used
    jobs = math.floor(gain + ROUNDING)
    if jobs < 2:
        return 1
    gain = min(gain, jobs)
    saved = seconds_left * (1 - 1 / gain) - START_SECONDS
    return jobs if gain >= LEAST_GAIN and saved > 0 else 1
