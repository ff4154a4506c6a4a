"""Batches made ahead by threads, in the order of the steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import TypeVar

Batch = TypeVar("Batch")

#: Batches that wait for the network, for every thread that makes them.
AHEAD = 3


@contextmanager
def prefetched(make: Callable[[int], Batch], first: int, workers: int) -> Iterator[Iterator[Batch]]:
    """Make the batches of all steps from one on.

    Decoding and warping release Python's lock, so threads are enough, and nothing has to be sent
    between processes. A batch depends on its step alone, so the number of threads changes nothing.

    Args:
        make: Makes the batch of a step; called from several threads at once.
        first: Number of the first step.
        workers: Threads; 0 makes each batch when it is asked for.

    Yields:
        An iterator without end. What ``make`` raises comes out of it.
    """
    if workers == 0:
        yield (make(step) for step in count(first))
        return
    pool = ThreadPoolExecutor(workers, thread_name_prefix="batches")
    try:
        yield _in_order(pool, make, first, workers * AHEAD)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _in_order(
    pool: ThreadPoolExecutor, make: Callable[[int], Batch], first: int, ahead: int
) -> Iterator[Batch]:
    steps = count(first)
    waiting: deque[Future[Batch]] = deque(pool.submit(make, next(steps)) for _ in range(ahead))
    while True:
        batch = waiting.popleft().result()
        waiting.append(pool.submit(make, next(steps)))
        yield batch
