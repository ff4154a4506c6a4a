"""Our network that knows what is before a face, on real photos with things over them."""

import cv2
import numpy as np
import pytest

from videoswap.detection.appearance import FRAMED_SIZE
from videoswap.detection.occluded_landmarks import SURROUNDINGS, load_occluded_landmarker
from videoswap.geometry.affine import crop_matrix, five_points, invert, transform
from videoswap.geometry.resample import warp
from videoswap.tracking.occluded_tracks import in_profile

#: Corners of cards in heights of a face from the nose, and the landmarks they lie over.
CARDS = {
    "mouth": ([-0.5, 0.15, 0.5, 0.6], slice(48, 68)),
    "eyes": ([-0.7, -0.6, 0.7, -0.1], slice(36, 48)),
    "one cheek": ([-0.9, -0.3, -0.15, 0.8], slice(1, 6)),
}


@pytest.fixture(scope="module")
def place():
    return load_occluded_landmarker()


@pytest.fixture(scope="module")
def faces(detector, landmarker, group):
    """Return the framed faces of five people, not of the one in profile, and dlib's landmarks."""
    framed = []
    for found in detector.detect(group):
        points = landmarker.landmarks(group, found.points5).astype(np.float64)
        if in_profile(points, found.points5):
            continue
        matrix = crop_matrix(five_points(points), SURROUNDINGS, FRAMED_SIZE)
        framed.append((group, matrix, warp(group, matrix, FRAMED_SIZE), transform(matrix, points)))
    assert len(framed) == 5
    return framed


def error(found, points):
    unit = np.linalg.norm(points[8] - points[27])
    return np.linalg.norm(found - points, axis=1) / unit


def put_right(place, picture, front, guess):
    own, trust = place(picture.astype(np.float32), front, guess)
    return own + trust[:, None] * (guess - own)


def test_what_dlib_finds_on_a_free_face_is_kept(place, faces):
    nothing = np.zeros((FRAMED_SIZE, FRAMED_SIZE), np.float32)
    errors = [
        error(put_right(place, picture, nothing, points), points) for _, _, picture, points in faces
    ]
    assert np.mean(errors) < 0.01


@pytest.mark.parametrize("name", CARDS)
def test_landmarks_under_a_card_are_found_better_than_by_dlib(place, landmarker, faces, name):
    corners, under = CARDS[name]
    ours, theirs = [], []
    for group, matrix, _, points in faces:
        unit = np.linalg.norm(points[8] - points[27])
        x0, y0, x1, y1 = (np.array(corners) * unit + np.tile(points[30], 2)).round().astype(int)
        front = np.zeros((FRAMED_SIZE, FRAMED_SIZE), np.float32)
        cv2.rectangle(front, (x0, y0), (x1, y1), 1.0, -1)
        back, size = invert(matrix), group.shape[1::-1]
        there = cv2.warpAffine(front, back, size, flags=cv2.INTER_NEAREST) > 0
        covered = np.where(there[..., None], np.uint8([90, 140, 200]), group)
        five = transform(back, five_points(points)).astype(np.float32)
        guess = transform(matrix, landmarker.landmarks(covered, five).astype(np.float64))
        found = put_right(place, warp(covered, matrix, FRAMED_SIZE), front, guess)
        ours.append(error(found, points))
        theirs.append(error(guess, points))
    ours, theirs = np.array(ours), np.array(theirs)
    assert ours[:, under].mean() < theirs[:, under].mean()
    assert ours.mean() < 0.03
