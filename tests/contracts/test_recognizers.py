"""What `Recognizer` promises, for every face recognizer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.helpers.insightface_files import arcface_file
from videoswap.detection.base import Recognizer
from videoswap.detection.insightface import ArcFaceRecognizer
from videoswap.detection.packaged_files import recognition_path
from videoswap.detection.recognition import DlibRecognizer


@dataclass(frozen=True)
class Kind:
    """A recognizer.

    Attributes:
        make: Opens a model file.
        file: Makes or copies a model file.
        changed: Appended to a model file without making it invalid.
    """

    make: Callable[[Path], Recognizer]
    file: Callable[[Path], Path]
    changed: bytes


def copy(path: Path) -> Path:
    path.write_bytes(recognition_path().read_bytes())
    return path


KINDS = {
    "dlib": Kind(DlibRecognizer, copy, b"more"),
    "arcface": Kind(ArcFaceRecognizer, arcface_file, b"\x32\x01x"),
}


@pytest.fixture(scope="module", params=KINDS)
def recognizer(request, tmp_path_factory) -> Recognizer:
    kind = KINDS[request.param]
    return kind.make(kind.file(tmp_path_factory.mktemp("models") / "model"))


@pytest.fixture(scope="module")
def faces(detector, landmarker, group):
    """Return the landmarks of three people."""
    found = sorted(detector.detect(group), key=lambda face: float(face.box[0]))[:3]
    return [landmarker.landmarks(group, face.points5) for face in found]


@pytest.fixture(scope="module")
def embeddings(recognizer, group, faces):
    return np.stack([recognizer.embed(group, landmarks) for landmarks in faces])


def test_embeddings_have_the_length_that_is_said(recognizer, embeddings):
    assert embeddings.shape == (3, recognizer.dim) and embeddings.dtype == np.float32
    assert np.isfinite(embeddings).all()


def test_people_are_told_apart(embeddings):
    assert len(np.unique(embeddings.round(3), axis=0)) == 3


def test_distances_are_a_table_of_distance(recognizer, embeddings):
    table = recognizer.distances(embeddings, embeddings[:2])
    assert table.shape == (3, 2) and table.dtype == np.float64
    single = [[recognizer.distance(one, other) for other in embeddings[:2]] for one in embeddings]
    np.testing.assert_allclose(table, single, atol=2e-3)  # a difference of squares, in one of them
    np.testing.assert_allclose(np.diag(table), 0.0, atol=2e-3)
    assert (table >= -1e-6).all()
    assert recognizer.distances(embeddings[:0], embeddings).shape == (0, 3)


def test_the_same_face_turned_and_darker_stays_near(recognizer, group, faces, embeddings):
    matrix = cv2.getRotationMatrix2D((group.shape[1] / 2, group.shape[0] / 2), 20.0, 1.0)
    turned = cv2.warpAffine(group, matrix, group.shape[1::-1])
    for landmarks, known in zip(faces, embeddings, strict=True):
        moved = (landmarks @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
        again = recognizer.embed(turned, moved)
        assert recognizer.distance(known, again) < recognizer.default_threshold


def test_thresholds_lie_inside_the_unit(recognizer):
    assert 0 < recognizer.cluster_threshold <= recognizer.default_threshold < 2
    assert recognizer.name and recognizer.name == recognizer.name.lower()


def test_the_picture_stays_as_it_was_and_the_answer_the_same(recognizer, group, faces, embeddings):
    before = group.copy()
    np.testing.assert_array_equal(recognizer.embed(group, faces[0]), embeddings[0])
    np.testing.assert_array_equal(group, before)


@pytest.mark.parametrize("name", KINDS)
def test_the_key_is_that_of_the_content_and_not_of_the_name(name, tmp_path):
    kind = KINDS[name]
    file = kind.file(tmp_path / "one")
    key = kind.make(file).key
    assert kind.make(str(file.rename(tmp_path / "renamed"))).key == key
    other = tmp_path / "other"
    other.write_bytes((tmp_path / "renamed").read_bytes() + kind.changed)
    assert kind.make(other).key != key
