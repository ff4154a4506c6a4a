import threading
import time
from itertools import islice

import pytest

from videoswap.training.prefetch import prefetched


def slow_when_even(step):
    time.sleep(0.002 * (step % 2 == 0))
    return step


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_batches_come_in_the_order_of_the_steps(workers):
    with prefetched(slow_when_even, 5, workers) as batches:
        assert list(islice(batches, 20)) == list(range(5, 25))


@pytest.mark.parametrize("workers", [0, 2])
def test_what_making_a_batch_raises_comes_out(workers):
    def failing(step):
        if step == 3:
            raise ValueError("no picture")
        return step

    with prefetched(failing, 0, workers) as batches:
        assert list(islice(batches, 3)) == [0, 1, 2]
        with pytest.raises(ValueError, match="no picture"):
            next(batches)


def test_threads_make_batches_ahead_and_end():
    ahead = threading.Semaphore(0)

    def make(step):
        ahead.release()
        return step

    before = threading.active_count()
    with prefetched(make, 0, 2) as batches:
        next(batches)
        for _ in range(3):
            assert ahead.acquire(timeout=5)
    assert threading.active_count() == before
