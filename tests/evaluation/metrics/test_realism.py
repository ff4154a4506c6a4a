import cv2
import numpy as np
import pytest

from tests.helpers.face_pairs import face_pair, flat, history, points
from videoswap.evaluation.metrics.realism import FACE_SIZE, RealismFamily, face_crop
from videoswap.geometry.affine import TEMPLATES, five_points


@pytest.fixture(scope="module")
def family():
    return RealismFamily()


@pytest.fixture(scope="module")
def faces(group, detector, landmarker):
    """Landmarks (68, 2) of the group photo's faces."""
    return [landmarker.landmarks(group, one.points5) for one in detector.detect(group)]


def pasted(picture, source, target):
    """Return a picture in which one face lies on another, placed and cut out hard."""
    ones = np.ones((68, 1))
    matrix = np.linalg.lstsq(np.hstack([source, ones]), target, rcond=None)[0].T
    size = picture.shape[1::-1]
    moved = cv2.warpAffine(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE)
    mask = np.zeros(picture.shape[:2], np.float32)
    cv2.fillConvexPoly(mask, np.round(cv2.convexHull(target)[:, 0]).astype(np.int32), 1.0)
    return np.where(mask[..., None] > 0, moved, picture)


def test_faces_pasted_onto_others_are_less_real(group, faces, family):
    apart = []
    for number, target in enumerate(faces):
        made = pasted(group, faces[number - 1], target)
        pair = face_pair(group, made, smooth=target)
        apart.append(family.measure(history(pair))["real_apart"])
    assert np.median(apart) < -0.2
    assert max(apart) < 0


def test_a_face_that_did_not_change_is_as_real(group, faces, family):
    found = family.measure(history(face_pair(group, group, smooth=faces[0])))
    assert found == {"real_apart": 0.0, "real_less": 0.5}


def test_a_score_is_a_difference(family, monkeypatch):
    monkeypatch.setattr(family, "_real", lambda picture, _: float(picture[0, 0, 0]) / 10)
    worse = family.measure(history(face_pair(flat(120), flat(95))))
    assert worse == {"real_apart": pytest.approx(-2.5), "real_less": 1.0}
    better = family.measure(history(face_pair(flat(95), flat(120))))
    assert better == {"real_apart": pytest.approx(2.5), "real_less": 0.0}


def test_the_face_is_brought_to_the_template():
    picture = np.zeros((240, 240, 3), np.uint8)
    marks = five_points(points())
    for x, y in marks:
        cv2.circle(picture, (round(float(x)), round(float(y))), 3, (255, 255, 255), -1)
    found = face_crop(picture, marks)
    assert found.shape == (FACE_SIZE, FACE_SIZE, 3)
    places = TEMPLATES["arcface_112_v2"] * FACE_SIZE - 0.5
    brought = np.array([found[round(y), round(x)].max() for x, y in places.tolist()])
    assert (brought > 100).sum() >= 4  # the average head is not quite the template
