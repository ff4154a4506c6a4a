"""What `Landmarker` promises, for every landmarker."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from videoswap.detection.base import Landmarker
from videoswap.detection.landmarks import DlibLandmarker
from videoswap.detection.packaged_files import landmarks_path
from videoswap.geometry.affine import five_points, transform

KINDS = {"dlib": lambda path: DlibLandmarker(path), "dlib x3": lambda path: DlibLandmarker(path, 3)}


@pytest.fixture(scope="module", params=KINDS)
def landmarker(request) -> Landmarker:
    return KINDS[request.param](None)


@pytest.fixture(scope="module")
def face(detector, group):
    return detector.detect(group)[0]


def test_landmarks_lie_where_the_five_points_say(landmarker, group, face):
    before = group.copy()
    landmarks = landmarker.landmarks(group, face.points5)
    assert landmarks.shape == (68, 2) and landmarks.dtype == np.float32
    np.testing.assert_allclose(five_points(landmarks), face.points5, atol=0.15 * face.size)
    left, top, right, bottom = face.box
    inside = (landmarks > [left - 9, top - 9]) & (landmarks < [right + 9, bottom + 9])
    assert inside.all(axis=1).mean() > 0.9
    np.testing.assert_array_equal(group, before)


def test_the_order_is_that_of_ibug(landmarker, group, face):
    marks = landmarker.landmarks(group, face.points5)
    jaw, brows, eyes, mouth = marks[:17], marks[17:27], marks[36:48], marks[48:]
    assert jaw[0, 0] < jaw[8, 0] < jaw[16, 0]  # from image left to right
    heights = [part[:, 1].mean() for part in (brows, eyes, marks[31:36], mouth)]
    assert heights == sorted(heights) and marks[8, 1] > mouth[:, 1].max()
    assert eyes[:6, 0].mean() < eyes[6:, 0].mean()


@pytest.mark.parametrize(("angle", "scale"), [(35.0, 1.0), (-90.0, 1.0), (0.0, 0.5)])
def test_landmarks_turn_and_scale_with_the_picture(landmarker, group, face, angle, scale):
    middle = tuple(float(value) for value in (face.box[:2] + face.box[2:]) / 2)
    matrix = cv2.getRotationMatrix2D(middle, angle, scale)
    turned = cv2.warpAffine(group, matrix, group.shape[1::-1])
    expected = transform(matrix, landmarker.landmarks(group, face.points5).astype(np.float64))
    found = landmarker.landmarks(turned, transform(matrix, face.points5).astype(np.float32))
    assert np.linalg.norm(found - expected, axis=1).mean() < 0.03 * face.size * scale


def test_the_answer_is_the_same_every_time(landmarker, group, face):
    one, other = (landmarker.landmarks(group, face.points5) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_the_key_is_that_of_the_content_and_of_the_options(tmp_path):
    copy = tmp_path / "copy.dat"
    copy.write_bytes(landmarks_path().read_bytes())
    keys = {name: make(None).key for name, make in KINDS.items()}
    assert len(set(keys.values())) == len(KINDS)
    for name, make in KINDS.items():
        assert make(copy).key == keys[name] == make(str(copy)).key
    with copy.open("ab") as file:
        file.write(b"more")
    assert all(make(copy).key != keys[name] for name, make in KINDS.items())
