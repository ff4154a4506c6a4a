import pytest

from videoswap.rendering.pipeline import sliding_windows


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
