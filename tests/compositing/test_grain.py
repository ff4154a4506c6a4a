import cv2
import numpy as np
import pytest

from tests.helpers.portraits import SIDE, oval, portrait
from videoswap.compositing.grain import match_grain


def clean():
    return cv2.GaussianBlur(portrait(), (0, 0), 2.5)


def noisy(picture, sigma, seed=3):
    random = np.random.default_rng(seed)
    return np.asarray(picture + random.normal(0, sigma, (*picture.shape[:2], 1)), np.float32)


def fine(picture):
    """Return the standard deviation of the finest detail on the cheeks."""
    band = picture - cv2.GaussianBlur(picture, (0, 0), 1.2)
    return band[100:125, 65:125].std()


@pytest.mark.parametrize("sigma", [2.0, 5.0, 10.0])
def test_a_clean_swap_gets_the_noise_of_its_target(sigma):
    target = noisy(clean(), sigma)
    made = match_grain(clean()[:, ::-1].copy(), target, oval())
    assert fine(made) == pytest.approx(fine(target), rel=0.2)


@pytest.mark.parametrize("sigma", [0.0, 3.0])
def test_a_swap_with_more_noise_loses_it(sigma):
    target = noisy(clean(), sigma)
    made = match_grain(noisy(clean(), 8.0, seed=4), target, oval())
    assert fine(made) < fine(target) + 1.2


def test_alike_pictures_are_not_touched():
    swap = noisy(clean(), 5.0, seed=4)
    assert match_grain(swap, noisy(clean(), 5.0), oval()) is swap


def test_edges_of_the_target_do_not_come_through():
    target = noisy(np.full((SIDE, SIDE, 3), 120, np.float32), 2.0)
    target[90:94, 60:120] = 20.0  # a scar
    swap = np.full((SIDE, SIDE, 3), 120, np.float32)
    made = match_grain(swap, target, oval())
    assert np.abs(made[88:96, 62:118] - 120).max() < 10


def test_grain_that_is_there_in_part_is_not_added_twice():
    target = noisy(clean(), 6.0)
    worn = clean() + 0.5 * (target - clean())
    made = match_grain(worn, target, oval())
    assert fine(made) == pytest.approx(fine(target), rel=0.1)
