"""How much a neighbouring frame may say: what it should do, and by how much."""

from __future__ import annotations

import numpy as np
import pytest

from videoswap.occlusion.temporal import temporal_weight


def picture(value: float = 100.0) -> np.ndarray:
    return np.full((9, 9, 3), value, np.float32)


def weight(change: float = 0.0, apart: int = 0, tolerance: float = 4.0) -> float:
    found = temporal_weight(picture(), picture(100.0 + change), apart, tolerance)
    assert found.shape == (9, 9) and found.dtype == np.float32
    assert found.min() == found.max()
    return float(found[0, 0])


def test_the_frame_itself_counts_in_full():
    assert weight() == 1.0


@pytest.mark.parametrize(("apart", "expected"), [(1, 0.801), (-1, 0.801), (2, 0.411), (3, 0.135)])
def test_a_still_picture_counts_less_the_longer_ago(apart, expected):
    assert weight(apart=apart) == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("change", [4.0, -4.0])
def test_a_change_as_large_as_the_tolerance_leaves_six_tenths(change):
    assert weight(change) == pytest.approx(0.6, abs=0.01)
    assert weight(change, tolerance=8.0) > 0.85
    assert weight(3 * change) < 0.02


def test_change_and_time_both_cost():
    assert weight(4.0, 1) == pytest.approx(weight(4.0) * weight(apart=1), rel=1e-5)


@pytest.mark.parametrize("channel", [0, 1, 2])
def test_a_change_reaches_one_place_further_and_any_channel_tells(channel):
    other = picture()
    other[4, 4, channel] += 50.0
    changed = temporal_weight(picture(), other, 0, 4.0) < 0.5
    assert changed[3:6, 3:6].all() and changed.sum() == 9
