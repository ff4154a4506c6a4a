"""Frames in windows that end with a keyframe, never over a cut."""

from __future__ import annotations

import numpy as np
import pytest

from videoswap.detection.face_view import FramePicture
from videoswap.tracking.keyframes import keyframe_groups
from videoswap.tracking.shots import ShotState

DARK, LIGHT = np.full((90, 160, 3), 20, np.uint8), np.full((90, 160, 3), 210, np.uint8)


def grouped(pictures, cuts=None):
    frames = [FramePicture(k, picture, np.eye(2, 3)) for k, picture in enumerate(pictures)]
    return list(keyframe_groups(frames, cuts or ShotState(), 8))


@pytest.mark.parametrize(
    ("shots", "sizes"),
    [((0,), []), ((1,), [1]), ((9,), [1, 8]), ((20,), [1, 8, 8, 3]), ((5, 12), [1, 4, 1, 8, 3])],
)
def test_windows(shots, sizes):
    colours = (DARK, LIGHT)
    found = grouped([colours[k % 2] for k, count in enumerate(shots) for _ in range(count)])
    assert [len(one.frames) for one in found] == sizes
    assert [frame.pts for one in found for frame in one.frames] == list(range(sum(shots)))
    for one in found:
        before = 0 if one.begins_scene else 1
        assert len(one.thumbs) == len(one.frames) + before
        assert one.cuts.last is one.thumbs[-1]
    assert sum(one.begins_scene for one in found) == sum(count > 0 for count in shots)


def test_going_on_after_a_window_is_as_if_nothing_had_happened():
    first, second, third = grouped([DARK] * 17)
    again = grouped([DARK] * 8, second.cuts)
    assert not first.thumbs[1:] and len(again) == 1
    assert not again[0].begins_scene and len(again[0].thumbs) == len(third.thumbs) == 9
