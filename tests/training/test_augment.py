import numpy as np
import pytest

from videoswap.errors import UsageError
from videoswap.training.augment import Augmentation, augment, frame
from videoswap.training.ordering import AUGMENTATION, generator

OFF = dict.fromkeys(Augmentation.__slots__, 0.0)


@pytest.fixture
def picture():
    y, x = np.mgrid[0:128, 0:128]
    return np.stack([x, y, (x + y) / 2], axis=2).astype(np.uint8)


def test_nothing_but_the_size_changes_where_all_is_off(picture):
    made = augment(picture, 96, Augmentation(**OFF), generator(AUGMENTATION, 0))
    y, x = np.mgrid[0:96, 0:96] * (128 / 96) + (128 / 96 - 1) / 2
    expected = np.stack([x, y, (x + y) / 2], axis=2) / 255
    assert np.abs(made - expected)[1:-1, 1:-1].max() < 2.5 / 255


@pytest.mark.parametrize("name", sorted(set(OFF) - {"roll", "zoom", "shift"}))
def test_each_change_changes_something_and_stays_in_range(picture, name):
    picture[60:70, 40:90] = (255, 0, 90)
    settings = Augmentation(**OFF | {name: 1.0})
    plain = augment(picture, 96, Augmentation(**OFF), generator(AUGMENTATION, 3))
    made = augment(picture, 96, settings, generator(AUGMENTATION, 3))
    assert made.dtype == np.float32 and made.shape == (96, 96, 3)
    assert made.min() >= 0 and made.max() <= 1
    assert np.abs(made - plain).max() > 0.05


def test_the_mirror_image_is_one(picture):
    both = [augment(picture, 96, Augmentation(**OFF | {"mirror": m}), generator(AUGMENTATION, 3))
            for m in (0.0, 1.0)]  # fmt: skip
    assert np.array_equal(both[0], both[1][:, ::-1])


def test_grey_has_no_color(picture):
    made = augment(picture, 96, Augmentation(**OFF | {"grey": 1.0}), generator(AUGMENTATION, 3))
    assert np.ptp(made, axis=2).max() == 0


def test_the_same_numbers_make_the_same_sample(picture):
    ones, others = (
        augment(picture, 96, Augmentation(), generator(AUGMENTATION, 7, step)) for step in (1, 1)
    )
    assert np.array_equal(ones, others)
    other = augment(picture, 96, Augmentation(), generator(AUGMENTATION, 7, 2))
    assert not np.array_equal(ones, other)


@pytest.mark.parametrize(("turn", "zoom"), [(0.3, 1.0), (0.0, 1.5), (-0.2, 0.8)])
def test_the_middle_stays_the_middle(picture, turn, zoom):
    made = frame(picture, 96, turn, zoom, np.zeros(2))
    assert np.abs(made[47:49, 47:49].mean(axis=(0, 1)) - 63.5).max() < 1


def test_a_chance_above_one_is_refused():
    with pytest.raises(UsageError, match=r"augmentation\.blur"):
        Augmentation(blur=1.5)
