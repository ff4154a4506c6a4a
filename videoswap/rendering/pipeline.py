"""Stages in threads, joined by small bounded queues with one shared error state.

A stage is a function from an iterator to an iterator. It decides itself how far it looks ahead
by how many items it takes before it gives one. What it does to single items may be shared by
several workers, and the order stays. The first failure stops all stages, nothing hangs, and the
caller gets the error.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Stage = Callable[[Iterator[Any]], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class StageTime:
    """Where the time of a run went.

    Attributes:
        name: Name of the stage.
        items: Items it gave.
        busy: Seconds in which it was not waiting for its neighbours, of all its workers.
        cpu: Processor seconds of its own threads (libraries may use further threads).
        workers: Threads that shared it.
        waited: Seconds in which it waited for its neighbours, of all its workers.
    """

    name: str
    items: int
    busy: float
    cpu: float
    workers: int = 1
    waited: float = 0.0


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A stage of a pipeline, and how it is run.

    Attributes:
        name: Name to show.
        stage: What it does to the stream, run by one thread at a time.
        each: What it then does to every item, at the same time in all workers; None for nothing.
        workers: Threads that share the step.
        depth: Items that may wait behind it; None for the pipeline's own number. A stage that
            works on batches needs room for one on either side: its neighbours go on meanwhile.
    """

    name: str
    stage: Stage = iter
    each: Callable[[Any], Any] | None = None
    workers: int = 1
    depth: int | None = None


_END = object()  # of a stream


class _Stopped(Exception):
    """Unwinds a stage after another one failed or the consumer left."""


class _Channel:
    """A bounded queue that can be closed (no more items) and broken (stop at once)."""

    def __init__(self, depth: int, broken: threading.Event) -> None:
        self._items: deque[Any] = deque()
        self._depth = depth
        self._closed = False
        self._broken = broken
        self._changed = threading.Condition()
        self.waited = 0.0  # seconds for items

    def put(self, item: Any) -> None:
        with self._changed:
            while len(self._items) >= self._depth and not self._broken.is_set():
                self._changed.wait()
            if self._broken.is_set():
                raise _Stopped
            self._items.append(item)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def __iter__(self) -> Iterator[Any]:
        while True:
            started = time.perf_counter()
            with self._changed:
                while not (self._items or self._closed or self._broken.is_set()):
                    self._changed.wait()
                if self._broken.is_set():
                    raise _Stopped
                self.waited += time.perf_counter() - started
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


class _Running:
    """A step while it runs: its workers take items in turn and give them in the same order."""

    def __init__(
        self,
        step: Step,
        upstream: Iterable[Any],
        outgoing: _Channel,
        broken: threading.Event,
    ) -> None:
        self.step = step
        self.outgoing = outgoing
        self._upstream = upstream
        self._broken = broken
        self._pulling = threading.Lock()
        self._items: Iterator[Any] | None = None
        self._taken = self._given = 0
        self._turn = threading.Condition()
        self._left = step.workers
        self.count, self.busy, self.cpu, self.waited = 0, 0.0, 0.0, 0.0

    def work(self) -> None:
        """Do a worker's share."""
        busy, cpu, begun = 0.0, time.thread_time(), time.perf_counter()
        try:
            while True:
                with self._pulling:
                    started, waited = time.perf_counter(), self._waited()
                    if self._items is None:
                        self._items = iter(self.step.stage(iter(self._upstream)))
                    item = next(self._items, _END)
                    busy += time.perf_counter() - started - (self._waited() - waited)
                    if item is _END:
                        return
                    number = self._taken
                    self._taken += 1
                if self.step.each is not None:
                    started = time.perf_counter()
                    item = self.step.each(item)
                    busy += time.perf_counter() - started
                self._give(number, item)
        finally:
            with self._turn:
                self.busy += busy
                self.waited += time.perf_counter() - begun - busy
                self.cpu += time.thread_time() - cpu

    def leave(self) -> bool:
        """Note that a worker ended; True for the last one."""
        with self._turn:
            self._left -= 1
            return self._left == 0

    def close(self) -> None:
        """End the stage, of which no worker is left."""
        close = getattr(self._items, "close", None)
        if close is not None:
            close()

    def wake(self) -> None:
        """Wake who waits for its turn."""
        with self._turn:
            self._turn.notify_all()

    def _waited(self) -> float:
        return self._upstream.waited if isinstance(self._upstream, _Channel) else 0.0

    def _give(self, number: int, item: Any) -> None:
        with self._turn:
            while self._given != number and not self._broken.is_set():
                self._turn.wait()
        if self._broken.is_set():
            raise _Stopped
        self.outgoing.put(item)
        with self._turn:
            self._given += 1
            self.count += 1
            self._turn.notify_all()


class Pipeline:
    """Runs named stages one after another, each in threads of its own.

    Example:
        >>> double = lambda items: (2 * item for item in items)
        >>> list(Pipeline().run(range(3), [Step("double", double)]))
        [0, 2, 4]
    """

    def __init__(self, depth: int = 2) -> None:
        """Make an empty pipeline.

        Args:
            depth: Items a queue between two stages may hold; more are no faster, and frames with
                their crops are large.
        """
        self._depth = depth
        self._broken = threading.Event()
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self._running: list[_Running] = []
        self.times: list[StageTime] = []

    def run(self, source: Iterable[Any], steps: Sequence[Step]) -> Generator[Any]:
        """Yield what comes out of the last step.

        Args:
            source: Where the items come from; iterated in the first step's threads.
            steps: The steps, in the order of the way.

        Raises:
            BaseException: The first error of any step, unchanged.
        """
        threads: list[threading.Thread] = []
        upstream: Iterable[Any] = source
        for step in steps:
            depth = self._depth if step.depth is None else step.depth
            running = _Running(step, upstream, _Channel(depth, self._broken), self._broken)
            self._running.append(running)
            threads += [
                threading.Thread(target=self._work, args=(running,), name=step.name)
                for _ in range(step.workers)
            ]
            upstream = running.outgoing
        try:
            for thread in threads:  # here, because Ctrl-C can come between two of them
                thread.start()
            yield from upstream
        except _Stopped:
            pass
        finally:
            self._break(None)
            for thread in threads:
                if thread.is_alive():
                    thread.join()
        if self._error is not None:
            raise self._error

    def _work(self, running: _Running) -> None:
        try:
            running.work()
        except _Stopped:
            pass
        except BaseException as error:
            self._break(error)
        if not running.leave():
            return
        try:
            running.close()
        except BaseException as error:
            self._break(error)
        finally:
            running.outgoing.close()
            name, workers = running.step.name, running.step.workers
            spent = (running.busy, running.cpu, workers, running.waited)
            self.times.append(StageTime(name, running.count, *spent))

    def _break(self, error: BaseException | None) -> None:
        with self._lock:
            if error is not None and self._error is None:
                self._error = error
            self._broken.set()
        for running in self._running:
            running.outgoing.wake()
            running.wake()


Item = TypeVar("Item")


def sliding_windows(
    items: Iterable[Item], reach: int, joined: Callable[[Item, Item], bool]
) -> Iterator[tuple[Sequence[Item], int]]:
    """Yield every item with its neighbours, ``reach`` items late.

    Args:
        items: The stream.
        reach: Most neighbours on either side.
        joined: Says whether an item follows another one without a break; windows do not reach
            over breaks.

    Yields:
        The window, in order, and the place of the item in it.
    """
    held: list[Item] = []
    done = 0  # items of ``held`` that were given
    for item in items:
        if held and not joined(held[-1], item):
            yield from ((_around(held, place, reach)) for place in range(done, len(held)))
            held, done = [], 0
        held.append(item)
        if len(held) - done > reach:
            yield _around(held, done, reach)
            done += 1
            passed = max(0, done - reach)
            held, done = held[passed:], done - passed
    yield from (_around(held, place, reach) for place in range(done, len(held)))


def _around(held: Sequence[Item], place: int, reach: int) -> tuple[Sequence[Item], int]:
    first = max(0, place - reach)
    return tuple(held[first : place + reach + 1]), place - first
