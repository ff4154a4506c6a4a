"""The lips of the target in the colors of the source."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from tests.engines.test_chart import SIZE, head
from videoswap import Crop
from videoswap.engines.mesh.mouth import take_mouth
from videoswap.geometry import face_masks as masks
from videoswap.geometry.face_mesh import INNER_LIPS, OUTER_LIPS

PALE, RED, SKIN, DARK = (190, 120, 120), (120, 30, 40), (200, 150, 130), (30, 10, 10)
POINTS = head(scale=95.0)


def painted(lips, skin, *, line=None, growth=1.0):
    """Return a face (SIZE, SIZE, 3) of one skin with lips, larger than the landmarks' or not."""
    made = np.empty((SIZE, SIZE, 3), np.float32)
    made[:] = skin
    outline = masks.scale_points(POINTS[OUTER_LIPS, :2], growth)
    mouth = masks.fill_polygon(outline, SIZE)[..., None]
    made += (np.float32(lips) - made) * mouth
    if line is not None:
        between = cv2.GaussianBlur(masks.fill_polygon(POINTS[INNER_LIPS, :2], SIZE), (0, 0), 1.0)
        made += (np.float32(line) - made) * between[..., None]
    return made


def crop(pixels, front=None):
    marks = np.zeros((68, 2), np.float32)
    return Crop(pixels, np.eye(2, 3), marks, 0, 0, 0, front, dense_landmarks=POINTS)


def inside():
    """Return where there are plain lips, off their borders."""
    lips = masks.fill_polygon(POINTS[OUTER_LIPS, :2], SIZE)
    lips -= masks.fill_polygon(POINTS[INNER_LIPS, :2], SIZE)
    return cv2.erode((lips > 0.99).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0


def between(pixels):
    x, y = POINTS[INNER_LIPS, :2].mean(axis=0).round().astype(int)
    return pixels[y, x]


def test_lips_keep_the_color_of_the_photo_whatever_the_films_is():
    lit = painted(PALE, SKIN)
    take_mouth(lit, crop(painted(RED, (90, 70, 60))), 1.0)
    np.testing.assert_allclose(lit[inside()].mean(axis=0), PALE, atol=5)
    np.testing.assert_allclose(lit[10, 10], SKIN)


def test_lips_of_a_smile_get_the_height_that_the_target_has():
    above = POINTS[0, :2].round().astype(int) - [0, 3]  # over the upper lip
    lit = painted(RED, SKIN, growth=1.4)  # red over the target's border
    assert lit[above[1], above[0], 1] < 40
    take_mouth(lit, crop(painted(RED, SKIN)), 1.0)
    assert lit[above[1], above[0], 1] > 0.7 * SKIN[1]


@pytest.mark.parametrize("change", [0.0, 1.0])
def test_the_line_between_the_lips_is_always_the_targets(change):
    lit = painted(RED, SKIN)
    take_mouth(lit, crop(painted(RED, SKIN, line=DARK)), change)
    assert between(lit)[0] < 0.6 * RED[0]


def test_other_than_that_a_photo_of_the_same_expression_keeps_its_lips():
    lit = painted(PALE, SKIN)
    lit[..., 0] += 10 * np.sin(np.arange(SIZE))  # its texture
    before = lit.copy()
    target = painted(RED, SKIN)
    target[: SIZE // 2] *= 0.8
    take_mouth(lit, crop(target), 0.0)
    apart = np.abs(lit - before).max(axis=2)
    lower = POINTS[17, :2].round().astype(int) - [0, 3]
    assert apart[lower[1], lower[0]] < 3.0
    assert apart[:, : SIZE // 4].max() == 0.0


@pytest.mark.parametrize("hidden", ["in front", "beard"])
def test_what_is_in_front_or_a_beard_changes_no_skin(hidden):
    lit = painted(RED, SKIN)
    before = lit.copy()
    every = np.ones((SIZE, SIZE), np.float32)
    target = painted(RED, SKIN)
    target[::2] *= 0.5
    take_mouth(
        lit,
        crop(target, every if hidden == "in front" else None),
        1.0,
        every if hidden == "beard" else None,
    )
    lips = masks.fill_polygon(POINTS[OUTER_LIPS, :2], SIZE)
    outside = cv2.dilate(lips, np.ones((17, 17), np.uint8)) == 0
    np.testing.assert_allclose(lit[outside], before[outside], atol=1e-2)
    if hidden == "in front":
        np.testing.assert_array_equal(lit, before)


@pytest.mark.parametrize("scale", [1.0, 1e-3])
def test_mouths_at_the_border_and_tiny_ones_are_left_alone(scale):
    lit = painted(RED, SKIN)
    before = lit.copy()
    away = (POINTS * np.float32(scale) - np.float32([500, 0, 0])).astype(np.float32)
    take_mouth(lit, replace(crop(lit.copy()), dense_landmarks=away), 1.0)
    np.testing.assert_array_equal(lit, before)
