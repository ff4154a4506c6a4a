import numpy as np
import pytest

from videoswap.rendering.segments import plan_segments


@pytest.mark.parametrize(
    ("lengths", "longest", "expected"),
    [
        ([250], 100, [100, 100, 50]),
        ([60, 60], 100, [60, 60]),  # cut at the scene change
        ([30, 30, 30], 100, [60, 30]),  # not into crumbs
        ([10], 100, [10]),
        ([1], 1, [1]),
        ([3], 1, [1, 1, 1]),
    ],
)
def test_lengths(lengths, longest, expected):
    scenes = np.repeat(np.arange(len(lengths)), lengths)
    pts = np.arange(len(scenes), dtype=np.int64) * 512 + 7
    segments = plan_segments(pts, scenes, longest)
    assert [len(segment.pts) for segment in segments] == expected
    assert [segment.number for segment in segments] == list(range(len(expected)))
    assert [value for segment in segments for value in segment.pts] == pts.tolist()


def test_neighbours_are_of_the_same_shot():
    scenes = np.array([0] * 10 + [1] * 10)
    pts = np.arange(20) * 100
    first, second, third = plan_segments(pts, scenes, 7, context=2)
    assert (first.before, first.after) == ((), (700, 800))
    assert second.pts == tuple(range(700, 1400, 100))  # the cut at 1000 is too near to both ends
    assert (second.before, second.after) == ((500, 600), (1400, 1500))
    assert (third.before, third.after) == ((1200, 1300), ())
    assert [one.first for one in (first, second, third)] == [0, 7, 14]
    assert all(not one.before and not one.after for one in plan_segments(pts, scenes, 10, 2))


@pytest.mark.parametrize(
    ("runs", "copied", "expected"),
    [
        ([(0, 250)], True, [(250, True)]),
        ([(0, 30), (90, 250)], True, [(30, True), (60, False), (160, True)]),
        (
            [(20, 90), (90, 120)],
            True,
            [(20, False), (70, True), (30, True), (100, False), (30, False)],
        ),
        (
            [(0, 30), (90, 250)],
            False,
            [(30, False), (60, False), (100, False), (60, False)],
        ),
    ],
)
def test_copies_are_segments_of_their_own(runs, copied, expected):
    pts = np.arange(250) * 512
    segments = plan_segments(pts, np.zeros(250, int), 100, 2, runs, copied)
    assert [(len(one.pts), one.copied) for one in segments] == expected
    assert [value for one in segments for value in one.pts] == pts.tolist()
    assert all(len(one.before) == 2 for one in segments[1:])
