import cv2
import numpy as np
import pytest

from tests.helpers.face_pairs import SIDE, face_pair, flat, history
from videoswap.evaluation.metrics.seam import SeamFamily

FAMILY = SeamFamily()
Y, X = np.mgrid[:SIDE, :SIDE].astype(np.float32)
AWAY = np.hypot(X - SIDE / 2, Y - SIDE / 2)


def disc(width, radius=45.0, x=0.0):
    """A mask that rises evenly over some pixels, 0 to 1."""
    return np.clip((radius - np.hypot(X - SIDE / 2 - x, Y - SIDE / 2)) / width, 0, 1)


def measure(original, weight, change):
    """Add a color by a mask."""
    picture = original + weight[..., None] * np.array(change, np.float32)
    result = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    mask = np.rint(weight * 255).astype(np.uint8)
    return FAMILY.measure(history(face_pair(original, result, mask=mask)))


@pytest.mark.parametrize("width", [10, 20])
def test_an_evenly_rising_step_is_levels_a_pixel(width):
    found = measure(flat(), disc(width), (40, 40, 40))
    assert found["seam_luma"] == pytest.approx(40 / width, rel=0.12)
    assert found["seam_color"] == pytest.approx(0, abs=0.02)
    assert found["seam_luma_original"] == found["seam_color_original"] == 0
    assert found["seam_luma_gradient"] == found["seam_color_gradient"] == 0
    assert found["seam_change"] == found["seam_luma"]


def test_a_step_that_cancels_an_edge_of_the_original_is_a_change_and_no_step():
    edge = np.clip(flat() - 40 * disc(10)[..., None], 0, 255).astype(np.uint8)
    found = measure(edge, disc(10), (40, 40, 40))
    assert found["seam_luma"] < 0.2 < 3 < found["seam_luma_original"]
    assert found["seam_change"] == pytest.approx(4, rel=0.12)


def test_a_step_of_color_alone():
    blue = np.array([-0.114 / 0.587, -0.114 / 0.587, 1.0])
    blue[0] = 0
    found = measure(flat(), disc(20), 40 * blue)  # luma stays: 0.587 g + 0.114 b = 0
    assert found["seam_luma"] < 0.1
    assert found["seam_color"] > 0.5


def test_a_hard_edge_is_worse_than_a_soft_one():
    hard, soft = (measure(flat(), disc(width), (20, 20, 20)) for width in (1, 20))
    assert hard["seam_luma"] > 4 * soft["seam_luma"]


def test_the_same_picture_has_no_seam_and_texture_cancels():
    noise = np.random.default_rng(0).normal(0, 8, (SIDE, SIDE, 1))
    grain = np.clip(flat() + noise, 0, 255).astype(np.uint8)
    same = measure(grain, disc(10), (0, 0, 0))
    assert same["seam_luma"] == same["seam_luma_original"] < 0.5
    share = next(one for one in FAMILY.metrics if one.key == "seam_luma_share")
    columns = {name: np.array([value]) for name, value in same.items()}
    assert share.value(columns) == 1.0
    assert same["seam_luma_gradient"] > 3 * same["seam_luma"]  # the texture counts there
    step = measure(grain, disc(10), (40, 40, 40))
    assert step["seam_luma"] > 3.0


def test_the_mask_of_a_neighbour_and_dips_inside_are_no_border():
    own = disc(10)
    both = np.maximum(own, disc(2, radius=12, x=85))
    dipped = own * (1 - 0.06 * cv2.GaussianBlur((AWAY < 15).astype(np.float32), (0, 0), 2))
    alone = measure(flat(), own, (40, 40, 40))["seam_luma"]
    for mask in (both, dipped):
        assert measure(flat(), mask, (40, 40, 40))["seam_luma"] == pytest.approx(alone, rel=0.03)


def test_without_a_mask_nothing_can_be_said():
    assert FAMILY.measure(history(face_pair(flat(), flat()))) == {}
    empty = np.zeros((SIDE, SIDE), np.uint8)
    assert FAMILY.measure(history(face_pair(flat(), flat(), mask=empty))) == {}
