"""Stages in threads, joined by small bounded queues with one shared error state.

A stage is a function from an iterator to an iterator. It decides itself how far it looks ahead
by how many items it takes before it gives one. The first failure stops all stages, nothing
hangs, and the caller gets the error.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import cv2

Stage = Callable[[Iterator[Any]], Iterable[Any]]


@dataclass(frozen=True, slots=True)
class StageTime:
    """Where the time of a run went.

    Attributes:
        name: Name of the stage.
        items: Items it gave.
        busy: Seconds in which it was not waiting for its neighbours.
        cpu: Processor seconds of its own thread (libraries may use further threads).
    """

    name: str
    items: int
    busy: float
    cpu: float


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
        self.waited = {"put": 0.0, "get": 0.0}

    def put(self, item: Any) -> None:
        started = time.perf_counter()
        with self._changed:
            while len(self._items) >= self._depth and not self._broken.is_set():
                self._changed.wait()
            if self._broken.is_set():
                raise _Stopped
            self._items.append(item)
            self._changed.notify_all()
        self.waited["put"] += time.perf_counter() - started

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
                self.waited["get"] += time.perf_counter() - started
                if not self._items:
                    return
                item = self._items.popleft()
                self._changed.notify_all()
            yield item


class Pipeline:
    """Runs named stages one after another, each in a thread of its own.

    Example:
        >>> double = lambda items: (2 * item for item in items)
        >>> list(Pipeline().run(range(3), [("double", double)]))
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
        self._channels: list[_Channel] = []
        self.times: list[StageTime] = []

    def run(self, source: Iterable[Any], stages: list[tuple[str, Stage]]) -> Generator[Any]:
        """Yield what comes out of the last stage.

        Args:
            source: Where the items come from; iterated in the first stage's thread.
            stages: Names and functions, in the order of the way.

        Raises:
            BaseException: The first error of any stage, unchanged.
        """
        threads: list[threading.Thread] = []
        upstream: Iterable[Any] = source
        incoming: _Channel | None = None
        for name, stage in stages:
            outgoing = _Channel(self._depth, self._broken)
            self._channels.append(outgoing)
            arguments = (name, stage, upstream, incoming, outgoing)
            threads.append(threading.Thread(target=self._work, args=arguments, name=name))
            upstream = incoming = outgoing
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

    def _work(
        self,
        name: str,
        stage: Stage,
        upstream: Iterable[Any],
        incoming: _Channel | None,
        outgoing: _Channel,
    ) -> None:
        count, started, cpu_started = 0, time.perf_counter(), time.thread_time()
        try:
            for item in stage(iter(upstream)):
                outgoing.put(item)
                count += 1
        except _Stopped:
            pass
        except BaseException as error:
            self._break(error)
        finally:
            outgoing.close()
            waited = outgoing.waited["put"] + (incoming.waited["get"] if incoming else 0.0)
            busy = time.perf_counter() - started - waited
            self.times.append(StageTime(name, count, busy, time.thread_time() - cpu_started))

    def _break(self, error: BaseException | None) -> None:
        with self._lock:
            if error is not None and self._error is None:
                self._error = error
            self._broken.set()
        for channel in self._channels:
            channel.wake()


@contextmanager
def stages_share_the_cores() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own inside the stages, and restore it after.

    The stages, the decoder and the encoder already use every core; OpenCV's own threads only
    take turns with them (measured: a quarter of a cached run's time).
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


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
