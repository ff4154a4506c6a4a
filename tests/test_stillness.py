"""Weights of neighbouring frames where something changed and where nothing did."""

import math

import numpy as np
import pytest

from videoswap.stillness import WIDTH, stillness


def picture(value: float = 100.0) -> np.ndarray:
    return np.full((9, 9, 3), value, np.float32)


@pytest.mark.parametrize("apart", [0, 1, -1, 2])
def test_a_still_picture_counts_by_its_distance_alone(apart):
    found = stillness(picture(), picture(), apart, 4.0)
    assert found.shape == (9, 9) and found.dtype == np.float32
    assert found == pytest.approx(math.exp(-0.5 * (apart / WIDTH) ** 2))


@pytest.mark.parametrize("change, weight", [(4.0, 0.6065), (-4.0, 0.6065), (12.0, 0.0111)])
def test_change_counts_by_the_tolerance(change, weight):
    found = stillness(picture(), picture(100.0 + change), 0, 4.0)
    assert found == pytest.approx(weight, abs=1e-4)


def test_a_change_reaches_one_place_further_and_any_channel_tells():
    other = picture()
    other[4, 4, 2] += 50.0
    changed = stillness(picture(), other, 0, 4.0) < 0.5
    assert changed[3:6, 3:6].all() and changed.sum() == 9
