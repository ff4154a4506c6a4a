from dataclasses import replace

import numpy as np
import pytest

from videoswap.geometry.affine import TEMPLATES
from videoswap.occlusion.segmenter import NetworkSegmenter, occluded_fraction
from videoswap.records import Crop

TEMPLATE = TEMPLATES["ffhq_512"]


def finder(predict, size=64):
    return NetworkSegmenter("test", TEMPLATE, size, predict)


def red(picture):
    return (picture[..., 0] > picture[..., 2] + 60).astype(np.float32)


def painted(crop, point, radius):
    """Return the crop in grey with a red disc, and where the disc is."""
    size = len(crop.pixels)
    y, x = np.mgrid[0:size, 0:size]
    disc = np.hypot(x - crop.landmarks[point, 0], y - crop.landmarks[point, 1]) < radius * size
    pixels = np.full_like(crop.pixels, 90)
    pixels[disc] = (220, 20, 20)
    return replace(crop, pixels=pixels), disc


@pytest.mark.parametrize("point", [30, 8, 48, 27])
def test_what_the_network_finds_lies_where_it_is_in_the_crop(face, point):
    crop, disc = painted(face, point, 0.1)
    front = finder(red, size=128).segment(crop).occluder_mask
    assert front.shape == disc.shape
    assert front.dtype == np.float32
    assert ((front > 0.5) & disc).sum() / ((front > 0.5) | disc).sum() > 0.85


def test_nothing_in_front_is_none(face):
    assert (
        finder(lambda picture: np.full(picture.shape[:2], 0.3, np.float32))
        .segment(face)
        .occluder_mask
        is None
    )


def test_what_lies_beside_the_face_does_not_count(face):
    pixels = np.full_like(face.pixels, 90)
    pixels[:6, :6] = (220, 20, 20)
    assert finder(red).segment(replace(face, pixels=pixels)).occluder_mask is None


def test_a_crop_checks_its_front(face):
    size = len(face.pixels)
    with pytest.raises(ValueError, match="occluder_mask"):
        Crop(
            face.pixels,
            face.matrix,
            face.landmarks,
            0,
            0,
            0,
            np.zeros((size, size + 1), np.float32),
        )


def test_the_occluded_fraction_of_a_face(face):
    size, points = len(face.pixels), face.landmarks
    y, x = np.mgrid[0:size, 0:size]
    left = (x < points[27, 0]).astype(np.float32)
    mouth = (y > points[33, 1]).astype(np.float32)
    assert occluded_fraction(left, points) == pytest.approx(0.5, abs=0.12)
    assert 0.3 < occluded_fraction(mouth, points) < 0.6
    assert occluded_fraction(left, points) + occluded_fraction(1 - left, points) == pytest.approx(1)
    around = (y > points[8, 1] + 2).astype(np.float32)  # under the chin
    assert occluded_fraction(around, points) == 0.0
    assert occluded_fraction(np.ones_like(left), points + 10 * size) == 0.0  # outside the picture
