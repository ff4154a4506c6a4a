"""The light of a photo taken off its face, on drawn charts whose parts are known."""

import cv2
import numpy as np
import pytest

from videoswap.engines.mesh.photo_light import (
    evenly_lit,
    greyness,
    with_dark_brows,
    with_even_color,
    with_red_lips,
)
from videoswap.geometry import face_masks as masks
from videoswap.geometry.face_mesh import BROWS, CHART, OUTER_LIPS

SIDE = 512
SKIN = np.array([200, 150, 120], np.float32)


def skin():
    return np.broadcast_to(SKIN, (SIDE, SIDE, 3)).copy()


def at(mark, radius=4):
    x, y = (CHART[mark] * SIDE).astype(int)
    return np.s_[y - radius : y + radius + 1, x - radius : x + radius + 1]


def middle_of(outline):
    x, y = (CHART[outline].mean(axis=0) * SIDE).astype(int)
    return np.s_[y - 1 : y + 2, x - 1 : x + 2]


BROW = middle_of([105, 52])


def with_brows(texture, color):
    for brow in BROWS:
        mask = masks.fill_polygon(CHART[brow] * SIDE - 0.5, SIDE)[..., None]
        texture = texture + (np.array(color, np.float32) - texture) * mask
    return texture


def test_a_shadow_on_one_side_of_the_forehead_is_lifted():
    texture = skin()
    texture[at(104, 14)] *= 0.5
    lit = evenly_lit(texture)
    assert lit[at(104)].mean() > 0.85 * lit[at(333)].mean()
    assert lit[at(333)].mean() > 0.9 * SKIN.mean()  # the other side is not darkened by it
    np.testing.assert_allclose(lit[at(152)], texture[at(152)], rtol=0.02)


def test_shadows_that_shape_casts_stay():
    texture = skin()
    texture[at(203, 6)] *= 0.6  # beside the nose
    lit = evenly_lit(texture)
    assert lit[at(203, 2)].mean() < 0.75 * SKIN.mean()


def test_light_from_one_side_is_averaged():
    slope = np.linspace(0.6, 1.4, SIDE, dtype=np.float32)[None, :, None]
    lit = evenly_lit(skin() * slope)
    left, right = lit[at(50)].mean(), lit[at(280)].mean()
    assert 0.95 < left / right < 1.05


@pytest.mark.parametrize(
    ("patch", "most"),
    [((200, 120, 80), 0.5), ((190, 160, 190), 1.0)],  # a shadow's color; paint
    ids=["saturated", "paint"],
)
def test_the_color_of_lifted_shadows_is_evened_and_paint_stays(patch, most):
    texture = skin()
    texture[at(205, 12)] = patch

    def color(pixels):
        return pixels.mean(axis=(0, 1)) / pixels.mean()

    before, after, around = (
        color(one) for one in (texture[at(205)], with_even_color(texture)[at(205)], skin())
    )
    left = np.linalg.norm(after - around) / np.linalg.norm(before - around)
    assert most - 0.35 < left < most + 0.05
    far = with_even_color(texture)[at(151)]
    np.testing.assert_allclose(far, skin()[at(151)], rtol=0.02)


@pytest.mark.parametrize(
    ("color", "darkest"), [((215, 205, 195), 0.97), ((190, 150, 125), 0.97), ((60, 40, 30), 0.5)]
)
def test_brows_are_darker_than_skin_and_dark_ones_stay(color, darkest):
    made = with_dark_brows(with_brows(skin(), color))
    assert made[BROW].mean() < darkest * SKIN.mean()
    if darkest == 0.5:
        np.testing.assert_allclose(made[BROW].mean((0, 1)), color, rtol=0.12)
    np.testing.assert_allclose(made[at(50)], skin()[at(50)], rtol=0.01)


def test_a_fair_brow_gets_nearer_to_the_hue_of_skin():
    made = with_dark_brows(with_brows(skin(), (190, 190, 190)))[BROW].mean((0, 1))
    assert 1.1 < made[0] / made[2] < SKIN[0] / SKIN[2]


def test_a_grey_photo_is_known_and_gets_lips():
    grey = cv2.cvtColor(cv2.cvtColor(skin(), cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    seen = np.ones((SIDE, SIDE), np.float32)
    assert greyness(grey, seen) == 1.0
    assert greyness(skin(), seen) == 0.0
    assert greyness(grey * np.array([1.02, 1.0, 0.98], np.float32), seen) > 0.3
    made = with_red_lips(grey, 1.0)
    lips = made[at(17, 1)].mean((0, 1))
    assert lips[0] / lips[1] > 1.12
    outside = masks.fill_polygon(masks.scale_points(CHART[OUTER_LIPS] * SIDE, 1.4), SIDE) == 0
    np.testing.assert_allclose(made[outside], grey[outside], rtol=0.01)
    np.testing.assert_array_equal(with_red_lips(skin(), 0.0), skin())
