"""Where a frame differs from the keyframes around it."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from videoswap.tracking.keyframes import change_regions
from videoswap.tracking.shots import frame_features

WALL = np.repeat(skimage.data.gravel()[:360, :, None], 3, axis=2)
WALL = np.ascontiguousarray(np.pad(WALL, ((0, 0), (0, 128), (0, 0)), mode="reflect"))


def with_patch(left, top, size):
    picture = WALL.copy()
    picture[top : top + size, left : left + size] = (220, 180, 160)
    return picture


def looked_at(pictures):
    return change_regions([frame_features(one) for one in pictures])


def test_nothing_new_costs_nothing():
    moved = with_patch(100, 100, 60)
    for pictures in ([WALL] * 9, [moved] * 9, [WALL] * 5 + [moved] * 4, [WALL], [WALL] * 2):
        assert looked_at(pictures) == {}


@pytest.mark.parametrize("first", range(1, 6))
def test_who_shows_for_three_frames_is_looked_at(first):
    pictures = [with_patch(400, 200, 50) if first <= k < first + 3 else WALL for k in range(9)]
    ((place, (box,)),) = looked_at(pictures).items()
    assert first <= place + 1 < first + 3
    left, top, right, bottom = box * [640, 360, 640, 360]
    assert 360 <= left < 400 and 160 <= top < 200 and 450 < right <= 490 and 250 < bottom <= 290


def test_where_all_moves_it_is_looked_at_once_a_window():
    pictures = [np.roll(WALL, 37 * k, axis=1) for k in range(9)]
    assert list(looked_at(pictures)) == [3]
