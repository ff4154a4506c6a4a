"""How many cores this process may use, and how its threads share them."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from .errors import UsageError
from .records import Fallback

#: Most cores that a process takes, where that is fewer than it may use.
VARIABLE = "VIDEOSWAP_THREADS"
#: Threads of an encoder. The same everywhere: x264 and x265 write other bits with other numbers,
#: and a film must come out the same on every machine and however many processes share the work.
ENCODER_THREADS = 4
MOST_DECODER_THREADS = 4  # one alone decodes 1080p at 200 frames a second
MOST_ENCODERS = 3
MOST_WORKERS = 4  # of a stage: beyond that Python's lock is in the way


@dataclass(frozen=True, slots=True)
class Cores:
    """The cores of this machine, and those that this process may use.

    Attributes:
        usable: How many it may use, at least 1.
        there: How many the machine has.
        limit: What keeps it from using the others, as the end of a sentence; empty if nothing.
    """

    usable: int
    there: int
    limit: str = ""

    @property
    def notes(self) -> tuple[Fallback, ...]:
        """A note where not all may be used."""
        if not self.limit:
            return ()
        return (Fallback(f"{self.there} cores", str(self.usable), self.limit),)

    def __str__(self) -> str:
        """Return a sentence without the full stop."""
        if not self.limit:
            return f"all {self.there} may be used"
        return f"{self.usable} of {self.there} may be used ({self.limit})"


@dataclass(frozen=True, slots=True)
class ThreadPlan:
    """How the threads of one process share its cores.

    Attributes:
        cores: The cores it plans for.
        decoder: Threads of the decoder of a render. That of the analysis has one.
        encoder: Threads of an encoder.
        encoders: Segments that are encoded at once.
        occlusion: Workers of the stage that finds occluders.
        finish: Workers of the stage that finishes swaps.
        composite: Workers of the stage that puts them into the frames.
        networks: Threads of torch, and of onnxruntime for networks that are large. Small ones have
            one: they run in several stages at once.
        opencv: Threads of OpenCV: the stages have the cores already.
    """

    cores: int
    decoder: int
    encoder: int
    encoders: int
    occlusion: int
    finish: int
    composite: int
    networks: int
    opencv: int = 1

    def __str__(self) -> str:
        """Return one line about all of them."""
        workers = f"occlusion {self.occlusion}, finish {self.finish}, composite {self.composite}"
        return (
            f"decoder {self.decoder}, encoder {self.encoder} (x{self.encoders} at once), workers: "
            f"{workers}; onnxruntime and torch {self.networks}, OpenCV {self.opencv}"
        )


def plan_threads(cores: int | None = None) -> ThreadPlan:
    """Plan the threads of a process.

    Args:
        cores: Cores it has for itself; None takes all that it may use.

    Raises:
        UsageError: ``bad_threads``.
    """
    cores = usable_cores().usable if cores is None else max(1, cores)
    workers = min(MOST_WORKERS, 1 + cores // 4)
    return ThreadPlan(
        cores=cores,
        decoder=min(cores, MOST_DECODER_THREADS),
        encoder=ENCODER_THREADS,
        encoders=max(1, min(MOST_ENCODERS, cores // 4)),
        occlusion=workers,
        finish=workers,
        composite=max(1, workers // 2),
        networks=cores if cores < 4 else cores * 3 // 4,  # the rest is for the other stages
    )


def usable_cores(root: Path = Path("/")) -> Cores:
    """Return how many cores this process may use.

    Looks at the processors it is bound to, at the quota of its control group and of those around
    it (versions 1 and 2), and at ``$VIDEOSWAP_THREADS``.

    Args:
        root: Where ``proc`` and ``sys`` lie.

    Raises:
        UsageError: ``bad_threads``.
    """
    there = os.cpu_count() or 1
    usable, limit = there, ""
    if hasattr(os, "sched_getaffinity"):
        bound = len(os.sched_getaffinity(0))
        if bound < usable:
            usable, limit = bound, "it is bound to them"
    quota = _quota(root)
    if quota is not None and max(1, math.ceil(quota)) < usable:
        usable, limit = max(1, math.ceil(quota)), f"its control group has a quota of {quota:g}"
    wanted = _wanted()
    if wanted is not None and wanted < usable:
        usable, limit = wanted, f"{VARIABLE} says so"
    return Cores(usable, there, limit)


def _wanted() -> int | None:
    text = os.environ.get(VARIABLE)
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise UsageError(
            "bad_threads", f"{VARIABLE} is {text!r}, which is no number of cores.", "Say 1 or more."
        )
    return int(text)


def _quota(root: Path) -> float | None:
    """Return the cores that the control groups of this process may use; None for no limit."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return None
    found: list[float] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        mounts = root / "sys/fs/cgroup"
        if not controllers:
            places = [mounts, mounts / "unified"]
            found += [q for place in places for q in _chain(place, path, _quota_v2)]
        elif "cpu" in controllers.split(","):
            places = [mounts / "cpu", mounts / controllers]
            found += [q for place in places for q in _chain(place, path, _quota_v1)]
    return min(found, default=None)


def _chain(mount: Path, path: str, read: Callable[[Path], float | None]) -> Iterator[float]:
    """Yield the quotas of a group and of all around it; in a container some cannot be seen."""
    inner = Path(path.lstrip("/"))
    for part in (inner, *inner.parents):
        quota = read(mount / part)
        if quota is not None:
            yield quota


def _quota_v2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="ascii").split()
        return None if quota == "max" else int(quota) / int(period)
    except (OSError, ValueError, ZeroDivisionError):
        return None


def _quota_v1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="ascii"))
        period = int((folder / "cpu.cfs_period_us").read_text(encoding="ascii"))
        return None if quota <= 0 else quota / period
    except (OSError, ValueError, ZeroDivisionError):
        return None


@contextmanager
def stages_share_the_cores() -> Iterator[None]:
    """Keep OpenCV and torch from taking more cores than is planned for them; restore it after.

    The stages, the decoder and the encoder already use every core; OpenCV's own threads only
    take turns with them (measured: a quarter of a cached run's time).
    """
    import cv2

    plan, torch = plan_threads(), sys.modules.get("torch")  # it is large: only if it is there
    before = cv2.getNumThreads(), None if torch is None else torch.get_num_threads()
    cv2.setNumThreads(plan.opencv)
    if torch is not None:
        torch.set_num_threads(plan.networks)
    try:
        yield
    finally:
        cv2.setNumThreads(before[0])
        if torch is not None:
            torch.set_num_threads(before[1])


@contextmanager
def usual_priority() -> Iterator[None]:
    """Undo what an encoder does to the priority of this process while it is opened.

    As root, SVT-AV1 makes all of the process a real-time one (``SCHED_FIFO``, 99), before which
    everything else on the machine waits, and so do the processes that it starts later.
    """
    if not sys.platform.startswith("linux"):
        yield
        return
    usual, real_time = os.sched_getscheduler(0), (os.SCHED_FIFO, os.SCHED_RR)
    try:
        yield
    finally:
        for task in Path("/proc/self/task").iterdir() if usual not in real_time else ():
            with suppress(OSError):  # a thread that has ended meanwhile
                if os.sched_getscheduler(int(task.name)) in real_time:
                    os.sched_setscheduler(int(task.name), usual, os.sched_param(0))
