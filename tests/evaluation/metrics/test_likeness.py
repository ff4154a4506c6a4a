import cv2
import numpy as np
import pytest

from tests.helpers.face_pairs import face_pair, history
from videoswap.evaluation.metrics.likeness import LikenessFamily, eyes_alone, relit_copies
from videoswap.geometry.affine import five_points
from videoswap.records import Face, Photo

ROUNDING = 2  # levels, where the border of the eye region begins


@pytest.fixture(scope="module")
def faces(group, detector, landmarker):
    """Two people of the group photo: pictures (S, S, 3) uint8 and landmarks (68, 2) float32."""
    found = sorted(detector.detect(group), key=lambda one: one.points5[0, 0])[:2]
    cut = []
    for one in found:
        points = landmarker.landmarks(group, one.points5)
        left, top = np.maximum(points.min(axis=0) - 60, 0).astype(int)
        right, bottom = (points.max(axis=0) + 60).astype(int)
        cut.append((np.ascontiguousarray(group[top:bottom, left:right]), points - (left, top)))
    return [(picture, points.astype(np.float32)) for picture, points in cut]


def photo(picture, points):
    box = np.concatenate([points.min(axis=0), points.max(axis=0)]).astype(np.float32)
    return Photo("photo", picture, Face(box, five_points(points), 0.9, landmarks=points))


def brought(faces):
    """Return the second person's face moved onto the first one's landmarks."""
    (film, there), (other, points) = faces
    source = np.column_stack([points, np.ones(68)])
    matrix = np.linalg.lstsq(source, there, rcond=None)[0].T
    return cv2.warpAffine(other, matrix, film.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)


def measured(faces, result, recognizer):
    (film, points), source = faces
    family = LikenessFamily([photo(*source)], recognizer)
    return family.measure(history(face_pair(film, result, smooth=points, fresh=(points, points))))


def test_nobody_was_swapped(faces, recognizer):
    found = measured(faces, faces[0][0], recognizer)
    assert found["blind_original"] == found["eyes_original"] == 0
    assert found["blind_source"] > 0.5 and found["eyes_source"] > 0.3


def test_the_whole_face_was_swapped(faces, recognizer):
    found = measured(faces, brought(faces), recognizer)
    assert found["blind_source"] < found["blind_original"] - 0.2
    assert found["eyes_source"] < found["eyes_original"] - 0.1


def test_eyes_of_the_target_in_the_face_of_the_source(faces, recognizer):
    (film, points), _ = faces
    kept = cv2.absdiff(eyes_alone(film, points), film).max(axis=2, keepdims=True) <= ROUNDING
    mixed = np.where(kept, film, brought(faces))
    whole, found = (measured(faces, one, recognizer) for one in (brought(faces), mixed))
    assert found["eyes_original"] < found["eyes_source"]
    assert found["eyes_source"] > whole["eyes_source"] + 0.1


@pytest.mark.parametrize("light", [(0.6, 0.8, 1.0), (1.0, 0.75, 0.5)])
def test_tinted_light_hardly_counts(faces, recognizer, light):
    film, points = faces[0]
    side = np.linspace(0.5, 1.0, film.shape[1])[None, :, None]
    relit = np.uint8(film * light * side)
    plain = recognizer.distance(
        recognizer.embed(film, points), recognizer.embed(np.ascontiguousarray(relit), points)
    )
    found = measured(faces, relit, recognizer)
    assert found["blind_original"] < 0.9 * plain


def test_copies_have_no_color_and_other_light():
    picture = np.dstack([np.full((8, 100), level, np.uint8) for level in (200, 100, 50)])
    copies = list(relit_copies(picture))
    assert all((one == one[..., :1]).all() for one in copies)
    grey, dark, light, *sides = (one[..., 0].astype(float) for one in copies)
    level = grey[0, 0] / 255
    assert dark[0, 0] / 255 == pytest.approx(level**0.7, abs=0.01)
    assert light[0, 0] / 255 == pytest.approx(level**1.4, abs=0.01)
    assert [np.sign(one[0, 0] - one[0, -1]) for one in sides] == [-1, 1]


def test_only_brows_and_eyes_keep_their_detail(faces):
    picture, points = faces[0]
    apart = np.abs(eyes_alone(picture, points).astype(int) - picture).max(axis=2)
    for number in (*range(36, 48), 19, 24):
        x, y = np.round(points[number]).astype(int)
        assert apart[y, x] <= ROUNDING
    x, y = np.round(points[48]).astype(int)
    assert apart[y - 3 : y + 4, x - 3 : x + 4].max() > 10  # the corner of the mouth
