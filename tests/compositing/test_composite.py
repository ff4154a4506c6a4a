import cv2
import numpy as np
import pytest

from tests.helpers.portraits import oval, portrait
from videoswap.compositing.composite import composite
from videoswap.records import Crop, SwappedCrop


def scene(scale, turn=7.0):
    """A noisy picture of a face, and its crop and a clean swap, turned, at another scale.

    Returns:
        Picture (H, W, 3) uint8, crop of 192 pixels, swap.
    """
    side = int(192 * scale)
    face = cv2.resize(cv2.GaussianBlur(portrait(), (0, 0), 2.0), (side, side))
    noise = np.random.default_rng(5).normal(0, 6, (side, side, 1))
    picture = np.clip(np.rint(face + noise), 0, 255).astype(np.uint8)
    matrix = cv2.getRotationMatrix2D((side / 2, side / 2), turn, 1 / scale)
    matrix[:, 2] += 96 - side / 2
    pixels = cv2.warpAffine(picture.astype(np.float32), matrix, (192, 192))
    crop = Crop(pixels, matrix, np.zeros((68, 2), np.float32), 0, 0, 0)
    swap = SwappedCrop(cv2.GaussianBlur(pixels[:, ::-1], (0, 0), 3.0), oval())
    return picture, crop, swap


def fine(picture):
    """Return the standard deviation of the finest detail around the middle."""
    band = picture.astype(np.float32) - cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 1.2)
    middle = len(picture) // 2
    part = band[middle - 40 : middle + 40, middle - 40 : middle + 40]
    return float(1.4826 * np.median(np.abs(part)))


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.2, 3.0])
def test_the_grain_is_that_of_the_frames_own_pixels(scale):
    picture, crop, swap = scene(scale)
    plain, grainy = picture.copy(), picture.copy()
    mask = np.zeros(picture.shape[:2], np.uint8)
    assert composite(plain, crop, swap.pixels, mask=swap.mask)
    assert composite(grainy, crop, swap.pixels, mask=swap.mask, grain=True, frame_mask=mask)
    assert fine(plain) < 0.4 * fine(picture)  # worn off
    assert fine(grainy) == pytest.approx(fine(picture), rel=0.15)
    changed = (grainy != picture).any(axis=2)
    assert changed.any()
    assert not changed[mask == 0].any()
