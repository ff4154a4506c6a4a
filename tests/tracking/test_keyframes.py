"""Groups of frames that end with a keyframe, never over a cut, and what differs from keyframes."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data

from videoswap.detection.face_view import FramePicture
from videoswap.tracking.keyframes import change_regions, keyframe_groups
from videoswap.tracking.shots import ShotState, frame_features

DARK, LIGHT = np.full((90, 160, 3), 20, np.uint8), np.full((90, 160, 3), 210, np.uint8)


def grouped(pictures, shot=None):
    frames = [FramePicture(k, picture, np.eye(2, 3)) for k, picture in enumerate(pictures)]
    return list(keyframe_groups(frames, shot or ShotState(), 8))


@pytest.mark.parametrize(
    ("shots", "sizes"),
    [((0,), []), ((1,), [1]), ((9,), [1, 8]), ((20,), [1, 8, 8, 3]), ((5, 12), [1, 4, 1, 8, 3])],
)
def test_groups(shots, sizes):
    colors = (DARK, LIGHT)
    found = grouped([colors[k % 2] for k, count in enumerate(shots) for _ in range(count)])
    assert [len(one.frames) for one in found] == sizes
    assert [frame.pts for one in found for frame in one.frames] == list(range(sum(shots)))
    for one in found:
        before = 0 if one.begins_shot else 1
        assert len(one.features) == len(one.frames) + before
        assert one.shot.last is one.features[-1]
    assert sum(one.begins_shot for one in found) == sum(count > 0 for count in shots)


def test_going_on_after_a_group_is_as_if_nothing_had_happened():
    first, second, third = grouped([DARK] * 17)
    again = grouped([DARK] * 8, second.shot)
    assert not first.features[1:] and len(again) == 1
    assert not again[0].begins_shot and len(again[0].features) == len(third.features) == 9


WALL = np.repeat(skimage.data.gravel()[:360, :, None], 3, axis=2)
WALL = np.ascontiguousarray(np.pad(WALL, ((0, 0), (0, 128), (0, 0)), mode="reflect"))


def with_patch(left, top, size):
    picture = WALL.copy()
    picture[top : top + size, left : left + size] = (220, 180, 160)
    return picture


def regions_of(pictures):
    return change_regions([frame_features(one) for one in pictures])


def test_nothing_new_costs_nothing():
    moved = with_patch(100, 100, 60)
    for pictures in ([WALL] * 9, [moved] * 9, [WALL] * 5 + [moved] * 4, [WALL], [WALL] * 2):
        assert regions_of(pictures) == {}


@pytest.mark.parametrize("first", range(1, 6))
def test_who_shows_for_three_frames_is_regions_of(first):
    pictures = [with_patch(400, 200, 50) if first <= k < first + 3 else WALL for k in range(9)]
    ((place, (box,)),) = regions_of(pictures).items()
    assert first <= place + 1 < first + 3
    left, top, right, bottom = box * [640, 360, 640, 360]
    assert 360 <= left < 400 and 160 <= top < 200 and 450 < right <= 490 and 250 < bottom <= 290


def test_where_all_moves_it_is_searched_once_a_group():
    pictures = [np.roll(WALL, 37 * k, axis=1) for k in range(9)]
    assert list(regions_of(pictures)) == [3]
