import threading
import time

import pytest

from videoswap.rendering.pipeline import Pipeline, Step, sliding_windows


def double(items):
    return (2 * item for item in items)


def in_pairs(items):
    held = []
    for item in items:
        held.append(item)
        if len(held) == 2:
            yield from held
            held = []
    yield from held


def failing_at(number):
    def stage(items):
        for item in items:
            if item == number:
                raise ValueError(f"no {number}")
            yield item

    return stage


def test_order_is_kept_through_stages_that_look_ahead():
    result = list(
        Pipeline(depth=1).run(range(101), [Step("double", double), Step("pairs", in_pairs)])
    )
    assert result == [2 * number for number in range(101)]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_first_failure_reaches_the_caller_and_all_threads_end(place):
    stages = [Step("a", in_pairs), Step("b", in_pairs), Step("c", in_pairs)]
    stages[place] = Step("bad", failing_at(7))
    before = threading.active_count()
    with pytest.raises(ValueError, match="no 7"):
        list(Pipeline(depth=2).run(range(1000), stages))
    assert threading.active_count() == before


def test_a_failing_source_reaches_the_caller():
    def source():
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(Pipeline().run(source(), [Step("double", double)]))


def test_a_caller_that_leaves_early_stops_everything():
    taken = []

    def source():
        for number in range(10_000):
            taken.append(number)
            yield number

    before = threading.active_count()
    running = Pipeline(depth=2).run(source(), [Step("double", double), Step("pairs", in_pairs)])
    assert next(running) == 0
    running.close()
    assert threading.active_count() == before
    assert len(taken) < 30


def test_queues_are_bounded():
    produced = []

    def source():
        for number in range(100):
            produced.append(number)
            yield number

    running = Pipeline(depth=3).run(source(), [Step("double", double), Step("double", double)])
    next(running)
    time.sleep(0.2)
    # Two queues of 3, and up to one item in the hands of each stage and of the caller.
    assert len(produced) <= 3 + 3 + 3
    running.close()


def test_times_tell_who_was_busy():
    def slow(items):
        for item in items:
            time.sleep(0.01)
            yield item

    pipeline = Pipeline()
    list(pipeline.run(range(20), [Step("fast", double), Step("slow", slow)]))
    times = {stage.name: stage for stage in pipeline.times}
    assert times["fast"].items == times["slow"].items == 20
    assert times["slow"].busy > 0.18
    assert times["fast"].busy < 0.1
    assert times["fast"].waited > 0.1 > times["slow"].waited


@pytest.mark.parametrize("moment", [0, 1, 2])
def test_ctrl_c_while_threads_start_leaves_none_behind(monkeypatch, moment):
    before = threading.active_count()
    start = threading.Thread.start
    started = []

    def interrupted(thread):
        start(thread)
        started.append(thread)
        if len(started) == moment + 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    endless = iter(int, 1)
    run = Pipeline(2).run(endless, [Step(name) for name in ("a", "b", "c")])
    with pytest.raises(KeyboardInterrupt):
        next(run)
    assert len(started) == moment + 1
    assert threading.active_count() == before


def shuffled(number):
    """Take longer for some items than for those after them."""
    time.sleep(0.004 * (number % 3 == 0))
    return 2 * number


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_several_workers_keep_the_order(workers):
    steps = [Step("first", each=shuffled, workers=workers), Step("pairs", in_pairs)]
    assert list(Pipeline().run(range(60), steps)) == [2 * number for number in range(60)]


def test_workers_work_at_the_same_time():
    together = threading.Barrier(3, timeout=5.0)
    steps = [Step("meet", each=lambda number: (together.wait() and number) or number, workers=3)]
    assert list(Pipeline().run(range(9), steps)) == list(range(9))


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("place", ["stage", "each"])
def test_a_worker_that_fails_stops_all(workers, place):
    def fail(number):
        if number == 7:
            raise ValueError("no 7")
        return number

    before = threading.active_count()
    bad = failing_at(7) if place == "stage" else iter
    steps = [Step("bad", bad, each=fail, workers=workers), Step("double", double)]
    with pytest.raises(ValueError, match="no 7"):
        list(Pipeline().run(range(1000), steps))
    assert threading.active_count() == before


def test_a_stage_of_several_workers_is_closed_when_the_caller_leaves():
    closed = []

    def stage(items):
        try:
            yield from items
        finally:
            closed.append(True)

    steps = [Step("kept", stage, each=shuffled, workers=3), Step("double", double)]
    running = Pipeline().run(iter(int, 1), steps)
    next(running)
    running.close()
    assert closed == [True]


def test_items_may_wait_behind_a_step_as_it_says():
    given = []

    def stage(items):
        for item in items:
            given.append(item)
            yield item

    running = Pipeline(depth=1).run(range(100), [Step("deep", stage, depth=20), Step("last")])
    next(running)
    time.sleep(0.2)
    waiting = len(given)
    running.close()
    assert 20 <= waiting <= 24  # and up to two behind it, and one in each hand


def near(a, b):
    return b - a == 1


@pytest.mark.parametrize(
    ("items", "reach", "expected"),
    [
        ([], 2, []),
        ([5], 2, [([5], 0)]),
        ([1, 2, 3], 1, [([1, 2], 0), ([1, 2, 3], 1), ([2, 3], 1)]),
        ([1, 2, 3], 0, [([1], 0), ([2], 0), ([3], 0)]),
        ([1, 2, 7, 8], 2, [([1, 2], 0), ([1, 2], 1), ([7, 8], 0), ([7, 8], 1)]),  # a break
    ],
)
def test_windows_end_at_the_ends_and_at_breaks(items, reach, expected):
    assert [
        (list(window), place) for window, place in sliding_windows(items, reach, near)
    ] == expected


def test_no_more_is_read_ahead_than_needed():
    read = []

    def stream():
        for number in range(100):
            read.append(number)
            yield number

    for window, place in sliding_windows(stream(), 2, near):
        assert len(window) <= 5
        assert read[-1] <= window[place] + 2
