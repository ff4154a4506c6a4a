import numpy as np
import pytest

from tests.evaluation.looks import SIDE, flat, look, moment, textured
from videoswap.evaluation.metrics.steadiness import MaskFlickerFamily, WarpingFamily

FAMILY = WarpingFamily()


def test_flashing_by_known_levels_is_the_error():
    base = textured()
    looks = [
        look(base + np.uint8(2 * (index % 2)), base + np.uint8(6 * (index % 2)), index=index)
        for index in range(2)
    ]
    found = FAMILY.measure(moment(looks[1], looks[0]))
    assert found["warp_original"] == pytest.approx(2.0, abs=0.1)
    assert found["warp_result"] == pytest.approx(6.0, abs=0.1)


def test_motion_of_the_original_is_taken_out():
    wide = textured(size=SIDE + 8)
    now, then = wide[4:-4, 4:-4], wide[2:-6, 1:-7]  # moved by three columns and two rows
    found = FAMILY.measure(moment(look(now, now, index=1), look(then, then)))
    raw = np.abs(now.astype(int) - then).mean()
    assert found["warp_original"] == found["warp_result"] < 0.1 * raw


def test_there_is_nothing_to_say_about_a_first_frame():
    assert FAMILY.measure(moment(look(flat(), flat()))) == {}


def square(side):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    low = (SIDE - side) // 2
    mask[low : low + side, low : low + side] = 255
    return mask


@pytest.mark.parametrize(("before", "after"), [(60, 60), (60, 48), (48, 60)])
def test_masks_of_a_still_face_overlap_as_their_areas_say(before, after):
    base = textured()
    now, then = (look(base, base, mask=square(side)) for side in (after, before))
    found = MaskFlickerFamily().measure(moment(now, then))
    small, large = sorted((before**2, after**2))
    assert found["mask_overlap"] == pytest.approx(small / large, abs=0.01)
    assert found["mask_area_change"] == pytest.approx(1 - small / large, abs=0.01)


def test_without_masks_there_is_no_mask_flicker():
    now, then = look(flat(), flat(), index=1), look(flat(), flat())
    assert MaskFlickerFamily().measure(moment(now, then)) == {}
