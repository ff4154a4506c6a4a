"""Times go on where a stream begins anew."""

from __future__ import annotations

from fractions import Fraction

import pytest

from videoswap.video.packets import RestartingClock


@pytest.mark.parametrize(
    ("times", "moved"),
    [
        ([0, 10, 20, 90, 100], [0, 10, 20, 90, 100]),  # a gap is none of its business
        ([0, 30, 10, 20, 60], [0, 30, 10, 20, 60]),  # nor is disorder
        ([5, 50, 95, 5, 50, 95, 5], [5, 50, 95, 105, 150, 195, 205]),
    ],
)
def test_only_a_new_beginning_moves_times(times: list[int], moved: list[int]) -> None:
    clock = RestartingClock(Fraction(1, 100))
    assert [time + clock.shift(time, 10) for time in times] == moved
