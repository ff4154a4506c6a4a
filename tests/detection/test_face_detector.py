"""Faces of still pictures of any size, and the photos made of them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.helpers.squares import square_face
from videoswap.detection.centerface import padded
from videoswap.detection.face_detector import FaceDetector, largest_face
from videoswap.detection.face_models import FaceModels
from videoswap.detection.landmarks import face_square
from videoswap.detection.search import MAX_SEARCHED_PIXELS, FaceSearch
from videoswap.errors import NoFaceError
from videoswap.geometry.affine import invert, similarity, transform
from videoswap.geometry.resample import warp
from videoswap.people.sources import photo_of
from videoswap.records import Face


def test_moved_follows_scale_and_shift():
    face = square_face(10, 20, 8).moved(2.0, 1.0, -1.0)
    assert isinstance(face, Face)
    assert face.box.tolist() == [13, 31, 29, 47] and face.size == 16


def test_photo_takes_the_largest_face(face_detector, group, faces):
    photo = photo_of("group", group, faces)
    assert len(faces) == 6 and photo.face.size == max(face.size for face in faces)
    assert largest_face([]) is None


def test_a_face_that_fills_the_photo_is_found(face_detector, group, faces):
    left, top, right, bottom = faces[0].box.round().astype(int)
    tight = np.ascontiguousarray(group[top:bottom, left:right])
    found = face_detector.detect(cv2.resize(tight, None, fx=3, fy=3))
    assert len(found) == 1 and found[0].size > 2 * faces[0].size


def test_a_photo_without_a_face_is_refused(face_detector):
    wall = np.full((300, 200, 3), 128, np.uint8)
    with pytest.raises(NoFaceError, match=r"wall\.png") as caught:
        photo_of("wall.png", wall, face_detector.detect(wall))
    assert caught.value.code == "no_face_in_photo" and caught.value.hint


@pytest.mark.parametrize("scale", [0.1, 0.3, 0.8, 2.0])
def test_warp_and_its_matrix_agree(group, scale):
    """A smooth picture of coordinates says where each pixel of the crop came from."""
    y, x = np.mgrid[0:400, 0:500]
    picture = np.stack([x / 2, y / 2, np.zeros_like(x)], axis=2).astype(np.uint8)
    square = face_square(square_face(250, 200, 100).points5)
    side = round(square.side * scale)
    matrix = square.to_region(side, 0.0)
    crop = warp(picture, matrix, side)
    grid = np.stack(np.mgrid[2 : side - 2, 2 : side - 2][::-1], axis=-1).astype(float)
    source = transform(invert(matrix), grid) / 2
    difference = crop[2 : side - 2, 2 : side - 2, :2] - source
    assert np.abs(difference + 0.25).max() < 1.3  # bytes were rounded down


def test_similarity_is_exact_for_similar_points():
    points = np.random.default_rng(1).normal(size=(9, 2))
    matrix = np.array([[1.2, -0.5, 3.0], [0.5, 1.2, -2.0]])
    assert np.allclose(similarity(points, transform(matrix, points)), matrix)


class Sizes:
    """A detector that finds nothing and keeps the sizes of what it was shown."""

    key, providers = "", ()

    def __init__(self):
        self.seen = []

    def detect(self, picture, threshold=0.5):
        self.seen.append(padded(picture).shape[:2])
        return []


@pytest.mark.parametrize(
    "shape", [(2000, 8), (8, 2000), (30, 4000), (4000, 16), (16, 4000), (1, 60000), (60000, 1)]
)
def test_a_strip_is_not_scaled_up_beyond_what_memory_holds(landmarker, shape):
    sizes = Sizes()
    assert (
        FaceDetector(FaceModels(sizes, landmarker, None)).detect(np.zeros((*shape, 3), np.uint8))
        == []
    )
    assert len(sizes.seen) == 5
    assert max(height * width for height, width in sizes.seen) <= MAX_SEARCHED_PIXELS


def test_an_ordinary_picture_is_searched_at_the_usual_sizes(landmarker):
    sizes = Sizes()
    FaceDetector(FaceModels(sizes, landmarker, None)).detect(np.zeros((1000, 4000, 3), np.uint8))
    assert sizes.seen[:3] == [(416, 1600), (736, 2880), (224, 800)]


def test_a_large_picture_is_searched_in_a_smaller_copy(face_detector, group, monkeypatch):
    enlarged = cv2.resize(group, None, fx=3, fy=3, interpolation=cv2.INTER_LINEAR)
    whole = face_detector.detect(enlarged)
    sizes = []
    at_height = FaceSearch.at_height
    monkeypatch.setattr(
        FaceSearch,
        "at_height",
        lambda self, picture, rows: (
            sizes.append(picture.size // 3) or at_height(self, picture, rows)
        ),
    )
    monkeypatch.setattr("videoswap.detection.face_detector.LARGE_PICTURE_PIXELS", 5_000_000)
    monkeypatch.setattr("videoswap.detection.face_detector.SEARCHED_PIXELS", 1_500_000)
    copied = face_detector.detect(enlarged)
    assert max(sizes) <= 1_500_000
    assert len(copied) == len(whole) == 6
    for one, other in zip(copied, whole, strict=True):
        assert np.abs(one.landmarks - other.landmarks).max() < 0.03 * one.size


def test_a_large_face_of_a_large_photo_is_made_smaller(face_detector, group, faces, monkeypatch):
    monkeypatch.setattr("videoswap.detection.face_detector.LARGE_PICTURE_PIXELS", 1_000_000)
    monkeypatch.setattr("videoswap.people.sources.ENGINE_FACE_PIXELS", 40)
    photo = photo_of("group", group, faces)
    face = max(faces, key=lambda one: one.size)
    factor = int(face.size // 40)
    assert factor > 1
    assert photo.pixels.shape[:2] == tuple(side // factor for side in group.shape[:2])
    again = face_detector.models.landmarker.landmarks(photo.pixels, photo.face.points5)
    assert np.abs(again - photo.face.landmarks).max() < 0.06 * photo.face.size
    monkeypatch.setattr("videoswap.detection.face_detector.LARGE_PICTURE_PIXELS", 2_000_000)
    assert photo_of("group", group, faces).pixels is group
