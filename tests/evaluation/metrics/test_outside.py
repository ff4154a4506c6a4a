from fractions import Fraction

import numpy as np
import pytest

from tests.helpers.face_pairs import SIDE, flat, frame, textured
from videoswap.evaluation.frame_pairs import FramePair
from videoswap.evaluation.metrics.outside import OutsideFamily
from videoswap.video.pixel_formats import samples

FAMILY = OutsideFamily()
MASK = np.zeros((SIDE, SIDE), np.uint8)
MASK[80:161, 80:161] = 200  # the last row and column share chroma with samples outside


def pair(before, after, mask=MASK, pictures=None):
    one, two = pictures or (flat(), flat())
    return FramePair(0, 0, Fraction(0), one, two, mask, before, after, mask)


def measured(one):
    return FAMILY.measure(one, ())


@pytest.mark.parametrize(("pix_fmt", "depth"), [("yuv420p", 8), ("yuv444p", 8), ("gbrp", 8),
                                                ("yuv420p10le", 10)])  # fmt: skip
def test_changed_samples_outside_are_counted_and_those_inside_are_not(pix_fmt, depth):
    before, after = frame(textured(), pix_fmt), frame(textured(), pix_fmt)
    luma = samples(after.planes[0], depth)
    luma[10, 10:15] += 4  # five outside
    luma[100, 100:120] += 9  # twenty inside
    chroma = samples(after.planes[1], depth)
    chroma[0, 0] += 2  # one outside
    inner = chroma.shape[0] // 3 + 1
    chroma[inner, inner] += 5  # covers masked samples
    found = measured(pair(before, after))
    assert found["outside_changed"] == 6
    assert found["outside_largest"] == pytest.approx(4 * 255 / (2**depth - 1))


def test_a_chroma_sample_that_covers_one_masked_luma_sample_is_inside():
    before, after = frame(flat(), "yuv420p"), frame(flat(), "yuv420p")
    samples(after.planes[1])[80, 80] += 9  # covers rows and columns 160 and 161
    assert measured(pair(before, after))["outside_changed"] == 0


def test_other_pixel_formats_are_compared_as_rgb():
    one, two = flat(), flat()
    two[0, :7, 1] += 3
    found = measured(pair(frame(one, "yuv420p"), frame(two, "gbrp"), pictures=(one, two)))
    assert found["outside_changed"] == 7


def test_a_changed_place_stands_out_of_the_noise_of_encoding():
    film = textured()
    random = np.random.default_rng(0)
    noisy = np.clip(film.astype(int) + random.integers(-4, 5, film.shape), 0, 255).astype(np.uint8)
    planes = frame(film), frame(noisy)
    assert measured(pair(*planes, pictures=(film, noisy)))["outside_places"] == 0
    noisy[8:16, 8:24] = np.clip(noisy[8:16, 8:24].astype(int) + 15, 0, 255)  # two squares
    found = measured(pair(*planes, pictures=(film, noisy)))
    free = (SIDE // 8) ** 2 - 11**2
    assert found["outside_places"] == pytest.approx(2 / free)


def test_without_masks_nothing_can_be_said():
    assert measured(pair(frame(flat()), frame(flat()), mask=None)) == {}
