"""`LocalExecutor`: processes of this machine; one that dies is started again."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import traceback
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any

from ..errors import VideoswapError
from ..threads import VARIABLE, usable_cores
from ..video.probe import VideoInfo
from .base import Attempt, Handler, OnFrame, Task, Work
from .film import Film

_POLL = 0.2  # seconds between two looks at what a run is to do
_PATIENCE = 2.0  # seconds that idle processes get to end
MOST_STARTS = 2  # of a process that ends before it does anything


class LocalExecutor:
    """Does tasks in processes of this machine, which are started when they are first needed.

    They are started anew (spawn): nothing of this process is copied, and threads and GPUs are safe.
    A script that uses it needs ``if __name__ == "__main__":`` around what it does.

    Args:
        workers: Number of processes.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._processes: list[_Process] = []
        self._works = 0

    @property
    def workers(self) -> int:
        """How many tasks are done at once."""
        return self._workers

    @property
    def shares_disk(self) -> bool:
        """Whether workers see the files of this process: they do."""
        return True

    def film(self, info: VideoInfo) -> Film:
        """Return how workers get at a film: by its path."""
        return Film()

    def run(
        self, work: Work, tasks: Iterable[Task | None], on_frame: OnFrame
    ) -> Iterator[tuple[Task, Any]]:
        """See `Executor`."""
        self._works += 1
        source, waiting = iter(tasks), deque[Attempt]()
        exhausted = False
        while True:
            for process in self._processes_there(bool(waiting) or not exhausted):
                if process.attempt is not None or not process.ready:
                    continue
                if not waiting and not exhausted:
                    task = next(source, _END)
                    exhausted = task is _END
                    if isinstance(task, Task):
                        waiting.append(Attempt(task))
                if waiting and not process.give(self._works, work, waiting[0]):
                    continue  # it died just now, which is seen below
                if waiting:
                    waiting.popleft()
            busy = any(one.at(self._works) is not None for one in self._processes)
            if exhausted and not waiting and not busy:
                return
            for connection in wait([one.connection for one in self._processes], _POLL):
                process = next(one for one in self._processes if one.connection is connection)
                try:
                    kind, *said = process.connection.recv()
                except (EOFError, OSError):
                    waiting.extend(self._replace(process))
                    continue
                if kind == "ready":
                    process.ready = True
                    continue
                attempt = process.at(self._works)
                if kind == "frame":
                    if attempt is not None:
                        attempt.frame(said[0], on_frame)
                    continue
                process.attempt = None
                if attempt is None:
                    continue  # of a run that was left
                if kind == "done":
                    yield attempt.task, said[0]
                elif kind == "refused":
                    raise said[0]
                else:
                    waiting.append(attempt.again(said[0]))

    def pids(self) -> list[int]:
        """Return the numbers of the processes."""
        return [one.process.pid for one in self._processes if one.process.pid is not None]

    def close(self) -> None:
        """End all processes: idle ones by themselves, those that work at once."""
        for one in self._processes:
            if one.attempt is not None or not one.ready:
                one.process.terminate()
            one.connection.close()
        for one in self._processes:
            one.process.join(_PATIENCE)
            if one.process.is_alive():
                one.process.kill()
                one.process.join()
        self._processes.clear()

    def __enter__(self) -> LocalExecutor:
        """Return the executor."""
        return self

    def __exit__(self, *details: object) -> None:
        """End all processes."""
        self.close()

    def _processes_there(self, needed: bool) -> list[_Process]:
        if needed and not self._processes:
            cores = max(1, usable_cores().usable // self._workers)
            self._processes = [_Process(cores) for _ in range(self._workers)]
        return self._processes

    def _replace(self, process: _Process) -> list[Attempt]:
        """Start a process again, and return what it was at."""
        process.process.join()
        code = process.process.exitcode or 0
        why = f"its process was ended by signal {-code}" if code < 0 else "its process ended"
        process.connection.close()
        started = process.started if not process.ready else 0
        if started >= MOST_STARTS:
            raise VideoswapError(
                "worker_failed",
                f"A worker cannot be started: {why} before it did anything.",
                'A script that uses jobs needs `if __name__ == "__main__":` around what it does.',
            )
        self._processes[self._processes.index(process)] = _Process(process.cores, started + 1)
        attempt = process.at(self._works)
        return [] if attempt is None else [attempt.again(why)]


_END = object()  # of the tasks


class _Process:
    """A worker as its parent sees it."""

    def __init__(self, cores: int, started: int = 1) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, theirs = context.Pipe()
        self.cores, self.started = cores, started
        self.process: BaseProcess = context.Process(
            target=_serve, args=(theirs, cores), daemon=True, name="videoswap worker"
        )
        with _interrupts_blocked():
            self.process.start()
        theirs.close()
        self.ready = False
        self.attempt: Attempt | None = None
        self._work = 0

    def at(self, number: int) -> Attempt | None:
        """Return the task it is at, if that is one of this work."""
        return self.attempt if self._work == number else None

    def give(self, number: int, work: Work, attempt: Attempt) -> bool:
        """Give it a task, after the work if it does not have that yet; False if it is dead."""
        try:
            if self._work != number:
                self.connection.send(("work", work))
                self._work = number
            if not self.process.is_alive():  # what it has sent may still be in the pipe
                return False
            self.connection.send(("task", attempt.task.payload))
        except OSError:
            return False
        self.attempt = attempt
        return True


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Let a child begin with Ctrl-C blocked: its parent decides what becomes of it."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(connection: Connection, cores: int) -> None:
    """Do what the parent sends, until it sends nothing more or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ[VARIABLE] = str(cores)
    handler: Handler | None = None
    try:
        connection.send(("ready",))
        while True:
            kind, said = connection.recv()
            try:
                if kind == "work":
                    handler, work = None, said
                    continue
                if handler is None:
                    handler = work.open()
                result = handler(said, lambda faces: connection.send(("frame", faces)))
                connection.send(("done", result))
            except VideoswapError as error:
                connection.send(("refused", error))
            except (EOFError, BrokenPipeError, ConnectionResetError):
                return
            except Exception as error:
                traceback.print_exc(file=sys.stderr)
                connection.send(("failed", f"{type(error).__name__}: {error}".rstrip(".")))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
