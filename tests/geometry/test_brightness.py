"""Ratios of brightness, at numbers that are easy to see."""

import numpy as np
import pytest

from videoswap.geometry.brightness import RATIO_FLOOR, brightened, log_ratio


@pytest.mark.parametrize(
    "picture, other, times",
    [(100, 100, 1), (212, 100, 2), (0, 0, 1), (RATIO_FLOOR, 0, 2), (0, 3 * RATIO_FLOOR, 0.25)],
)
def test_how_many_times_brighter(picture, other, times):
    found = log_ratio(np.full((2, 3), picture, np.float32), np.full((2, 3), other, np.float32))
    assert np.exp(found) == pytest.approx(times)


def test_noise_in_the_dark_is_no_change_of_light():
    dark, bright = (np.float32([value, value + 1]) for value in (0, 100))
    assert abs(log_ratio(*dark[:, None])) < 0.1  # one step; without the floor it is infinite
    assert abs(log_ratio(*bright[:, None])) < 0.01


def test_there_and_back():
    rng = np.random.default_rng(1)
    one, other = rng.uniform(0, 255, (2, 8, 8, 3)).astype(np.float32)
    back = brightened(other, np.exp(log_ratio(one, other)))
    assert back.dtype == np.float32
    np.testing.assert_allclose(back, one, atol=1e-3)


def test_what_leaves_the_range_is_cut_off():
    picture = np.float32([[200, 10]])
    assert brightened(picture, np.float32([2, 0.1])).tolist() == [[255, 0]]
