import cv2
import numpy as np
import pytest

from tests.helpers.portraits import oval, portrait
from videoswap.compositing.sharpness import SHARP_DEVIATION, face_blur, measure_blur, soften

BLURS = [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0), (3.0, 1.0), (1.0, 3.0)]


def blurred(picture, sigma):
    return cv2.GaussianBlur(picture, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])


def turned(picture, degrees):
    middle = (picture.shape[1] / 2, picture.shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(middle, degrees, 1.0)
    return cv2.warpAffine(picture, matrix, picture.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


@pytest.mark.parametrize("sigma", BLURS)
def test_a_known_blur_is_measured_along_both_axes(sigma):
    face = oval()
    found = measure_blur(blurred(portrait(), sigma), face) - measure_blur(portrait(), face)
    np.testing.assert_allclose(np.sqrt(found[[0, 2]]), sigma, rtol=0.2, atol=0.3)
    assert abs(found[1]) < 0.35 * max(found[0], found[2])


def test_a_slanted_blur_is_seen_along_its_slant():
    slanted = turned(blurred(turned(portrait(), 45), (3.0, 0.6)), -45)
    twice = turned(turned(portrait(), 45), -45)
    found = measure_blur(slanted, oval()) - measure_blur(twice, oval())
    _, axes = np.linalg.eigh([[found[0], found[1]], [found[1], found[2]]])
    along = np.degrees(np.arctan2(axes[1, 1], axes[0, 1])) % 180
    assert along == pytest.approx(45, abs=12)


@pytest.mark.parametrize("sigma", BLURS)
def test_what_is_measured_makes_a_sharp_face_as_soft(sigma):
    soft, inside = blurred(portrait(), sigma), oval() > 0
    result = soften(portrait(), measure_blur(soft, oval()) - measure_blur(portrait(), oval()))
    before = np.abs(portrait() - soft)[inside].mean()
    assert np.abs(result - soft)[inside].mean() < 0.4 * before


@pytest.mark.parametrize("sigma", [0.8, 1.0, 1.3])
def test_a_slightly_soft_face_is_sharpened_but_not_beyond(sigma):
    soft, inside = blurred(portrait(), (sigma, sigma)), oval() > 0
    result = soften(soft, measure_blur(portrait(), oval()) - measure_blur(soft, oval()))
    assert np.abs(result - portrait())[inside].mean() < np.abs(soft - portrait())[inside].mean()
    detail = [
        (one - cv2.GaussianBlur(one, (0, 0), 1.5))[inside].std()
        for one in (soft, result, portrait())
    ]
    assert detail[0] < detail[1] < 1.1 * detail[2]


def test_nothing_is_done_where_one_direction_is_soft_and_one_as_it_should_be():
    picture = portrait()
    assert soften(picture, np.array([-2.0, 0.0, 0.0])) is picture


def test_nothing_is_done_without_a_face():
    picture = portrait()
    assert not measure_blur(picture, np.zeros((192, 192), np.float32)).any()
    assert not measure_blur(np.full((192, 192, 3), 90, np.float32), oval()).any()


def test_the_blur_of_a_face_is_known_by_itself():
    picture, marks = portrait_landmarks()
    found = [
        face_blur(np.clip(blurred(picture, (sigma, sigma)), 0, 255).astype(np.uint8), marks)
        for sigma in (0.01, 2.0, 4.0)
    ]
    assert found[0] < SHARP_DEVIATION
    np.testing.assert_allclose(found[1:], (2.0, 4.0), rtol=0.35)
    assert face_blur(picture.astype(np.uint8), marks * 0.1) == 0.0  # too small to tell


def portrait_landmarks():
    """Return the portrait and 68 points along the oval in which faces are measured here."""
    rows, columns = np.nonzero(oval() > 0.5)
    angle = np.linspace(0, 2 * np.pi, 68, endpoint=False)
    middle, reach = (columns.mean(), rows.mean()), (np.ptp(columns) / 2, np.ptp(rows) / 2)
    marks = np.stack([np.cos(angle), np.sin(angle)], axis=1) * reach + middle
    return portrait(), marks.astype(np.float32)
