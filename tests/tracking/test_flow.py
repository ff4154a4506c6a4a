import cv2
import numpy as np
import pytest
import skimage.data

from videoswap.tracking.flow import landmark_motion

POINTS = np.random.default_rng(2).uniform([195, 75], [255, 160], (68, 2)).astype(np.float32)


def moved(picture, matrix):
    return cv2.warpAffine(
        picture,
        np.float64(matrix),
        picture.shape[1::-1],
        flags=cv2.INTER_CUBIC,
        borderMode=cv2.BORDER_REPLICATE,
    )


@pytest.mark.parametrize(
    "matrix",
    [
        [[1, 0, 0.0], [0, 1, 0.0]],
        [[1, 0, 0.3], [0, 1, -0.7]],
        [[1, 0, 6.0], [0, 1, 3.0]],
        [[1.03, 0.02, -8.0], [-0.02, 1.03, 4.0]],
    ],
)
def test_a_known_motion_is_found_to_a_fraction_of_a_pixel(matrix):
    picture = skimage.data.astronaut()
    found = landmark_motion(picture, moved(picture, matrix), POINTS)
    wanted = POINTS @ np.float64(matrix)[:, :2].T + np.float64(matrix)[:, 2] - POINTS
    error = np.linalg.norm(found[:, :2] - wanted, axis=1)
    assert np.median(error) < 0.12
    assert np.quantile(error, 0.9) < 0.4
    assert np.median(found[:, 2]) < 0.1


def test_motion_is_in_pixels_of_the_picture_however_large_the_face():
    picture = cv2.resize(skimage.data.astronaut(), None, fx=3, fy=3)
    found = landmark_motion(picture, moved(picture, [[1, 0, 6], [0, 1, -3]]), POINTS * 3)
    np.testing.assert_allclose(np.median(found[:, :2], axis=0), [6, -3], atol=0.3)


def test_a_point_that_is_covered_has_a_large_error():
    picture = skimage.data.astronaut()
    covered = picture.copy()
    noise = np.random.default_rng(0).integers(0, 255, (80, 30, 3))
    covered[80:160, 195:225] = noise
    found = landmark_motion(picture, covered, POINTS)
    under = (POINTS[:, 0] < 215) & (POINTS[:, 1] > 90) & (POINTS[:, 1] < 150)
    assert np.median(found[under, 2]) > 10 * np.median(found[POINTS[:, 0] > 235, 2]) + 0.5


def test_a_face_at_the_edge_or_too_small_gives_no_motion_worth_believing():
    picture = skimage.data.astronaut()
    tiny = np.float32([[2, 2], [8, 9], [5, 6]])
    found = landmark_motion(picture, picture, tiny)
    assert found.shape == (3, 3)
    assert np.isfinite(found).all()
    assert (found[:, 2] >= 5).all()
