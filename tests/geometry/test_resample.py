import cv2
import numpy as np
import pytest

from videoswap.geometry.affine import invert, resize_matrix, shifted
from videoswap.geometry.resample import blur, resize, warp, warp_back


def checkerboard(size=96):
    y, x = np.mgrid[0:size, 0:size]
    return np.repeat((255.0 * ((x + y) % 2))[..., None], 3, axis=2).astype(np.float32)


def ramp(size=96):
    y, x = np.mgrid[0:size, 0:size].astype(np.float32)
    return np.stack([x, y, 0 * x + 50], axis=2)


@pytest.mark.parametrize("average_all", [False, True])
@pytest.mark.parametrize("factor", [2, 3, 5])
def test_what_is_finer_than_the_result_becomes_its_mean(factor, average_all):
    matrix = resize_matrix(1 / factor, 1 / factor)
    made = warp(checkerboard(), matrix, 96 // factor, average_all=average_all)
    np.testing.assert_allclose(made[2:-2, 2:-2], 127.5, atol=30 if factor % 2 else 1)


@pytest.mark.parametrize("average_all", [False, True])
@pytest.mark.parametrize("scale", [0.2, 0.37, 0.5, 1.0, 2.3])
def test_every_pixel_shows_the_place_it_lies_at(scale, average_all):
    matrix = shifted(resize_matrix(scale, scale), -5.0, -2.0)
    size = int((96 - 8) * scale)
    made = warp(ramp(), matrix, size, average_all=average_all)
    y, x = np.mgrid[0:size, 0:size]
    back = invert(matrix)
    wanted = np.stack([back[0, 0] * x + back[0, 2], back[1, 1] * y + back[1, 2]], axis=2)
    inner = np.s_[3:-3, 3:-3]
    np.testing.assert_allclose(made[inner][..., :2], wanted[inner], atol=0.5)
    np.testing.assert_allclose(made[..., 2], 50, atol=1e-3)


def test_outside_is_the_border_or_black():
    matrix = np.array([[1.0, 0.0, 40.0], [0.0, 1.0, 0.0]])
    picture = np.full((64, 64, 3), 200, np.uint8)
    assert (warp(picture, matrix, 64) == 200).all()
    black = warp(picture, matrix, 64, black_outside=True)
    assert not black[:, :39].any() and (black[:, 41:] == 200).all()


@pytest.mark.parametrize("cubic", [False, True])
def test_a_crop_comes_back_to_where_it_was(cubic):
    turn = np.deg2rad(20)
    matrix = 0.9 * np.array([[np.cos(turn), np.sin(turn), 10], [-np.sin(turn), np.cos(turn), 30]])
    crop = warp(ramp(), matrix, 96)
    back = warp_back(crop, matrix, 96, 80, cubic=cubic)
    assert back.shape == (80, 96, 3)
    inner = np.s_[30:50, 40:60]
    np.testing.assert_allclose(back[inner], ramp()[inner], atol=0.2)


@pytest.mark.parametrize(("size", "spread"), [(24, 1.0), (192, 255.0)])
def test_resizing_averages_only_where_the_picture_shrinks(size, spread):
    made = resize(checkerboard(), size, size)
    assert made.shape == (size, size, 3)
    assert np.ptp(made) <= spread and (size == 24 or np.ptp(made) > 150)


@pytest.mark.parametrize(
    ("sigma", "shape"), [(2.0, (64, 80)), (9.0, (201, 130)), (30.0, (256, 256, 3))]
)
def test_a_wide_blur_at_a_smaller_size_is_that_at_full_size(sigma, shape):
    noise = np.random.default_rng(3).random(shape).astype(np.float32)
    noise[: shape[0] // 3] += 1.0
    made, wanted = blur(noise, sigma), cv2.GaussianBlur(noise, (0, 0), sigma)
    assert made.shape == shape and made.dtype == np.float32
    np.testing.assert_allclose(made, wanted, atol=0.03)
    inner = np.s_[40:-40, 40:-40] if min(shape[:2]) > 100 else np.s_[:]
    np.testing.assert_allclose(made[inner], wanted[inner], atol=0.02)


@pytest.mark.parametrize("sigma", [1.0, 12.0])
@pytest.mark.parametrize("shape", [(64, 64, 1), (65, 67, 1)])
def test_a_blur_of_one_channel_keeps_its_shape(shape, sigma):
    made = blur(np.ones(shape, np.float32), sigma)
    assert made.shape == shape
    np.testing.assert_allclose(made, 1.0, atol=1e-4)
