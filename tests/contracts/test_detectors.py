"""What `Detector` promises, for every face detector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.insightface_files import scrfd_file
from videoswap.detection.base import Detector
from videoswap.detection.centerface import CenterFace
from videoswap.detection.insightface import Scrfd
from videoswap.detection.packaged_files import centerface_path
from videoswap.records import Array


@dataclass(frozen=True)
class Kind:
    """A detector and a picture in which it sees faces.

    Attributes:
        make: Opens a model file.
        file: Makes or copies a model file.
        picture: (H, W, 3) uint8 RGB with at least two faces.
    """

    make: Callable[[Path], Detector]
    file: Callable[[Path], Path]
    picture: Array


def copy(path: Path) -> Path:
    path.write_bytes(centerface_path().read_bytes())
    return path


def cells() -> Array:
    """Return what the stand-in of SCRFD takes for two faces, of scores 1.0 and 0.8."""
    picture = np.zeros((96, 160, 3), np.uint8)
    picture[24:32, 80:88, 0] = 255
    picture[64:72, 40:48] = [204, 255, 255]
    return picture


@pytest.fixture(params=["centerface", "scrfd"])
def kind(request, group) -> Kind:
    if request.param == "scrfd":
        return Kind(Scrfd, scrfd_file, cells())
    return Kind(CenterFace, copy, np.ascontiguousarray(group[::2, ::2]))


@pytest.fixture
def detector(kind, tmp_path) -> Detector:
    return kind.make(kind.file(tmp_path / "model.onnx"))


def test_faces_come_best_first_in_pixels_of_the_picture(detector, kind):
    before = kind.picture.copy()
    faces = detector.detect(kind.picture)
    assert len(faces) >= 2
    assert [face.score for face in faces] == sorted((f.score for f in faces), reverse=True)
    height, width = kind.picture.shape[:2]
    for face in faces:
        assert 0.5 < face.score <= 1.01
        assert face.landmarks is None and face.embedding is None and face.pts == 0
        left, top, right, bottom = face.box
        assert 0 < right - left < width and 0 < bottom - top < height
        eyes, mouth = face.points5[:2], face.points5[3:]
        assert eyes[0, 0] < eyes[1, 0] and mouth[0, 0] < mouth[1, 0]  # image left first
        assert eyes[:, 1].mean() < mouth[:, 1].mean()
        assert np.all((face.points5 > face.box[:2]) & (face.points5 < face.box[2:]))
    np.testing.assert_array_equal(kind.picture, before)


def test_faces_move_with_the_picture(detector, kind):
    shifted = np.pad(kind.picture, ((32, 0), (64, 0), (0, 0)))
    best, moved = detector.detect(kind.picture)[0], detector.detect(shifted)[0]
    np.testing.assert_allclose(moved.box, best.box + np.float32([64, 32, 64, 32]), atol=1.0)
    np.testing.assert_allclose(moved.points5, best.points5 + np.float32([64, 32]), atol=1.0)


def test_a_higher_threshold_leaves_the_better_faces(detector, kind):
    faces = detector.detect(kind.picture, 0.3)
    threshold = (faces[0].score + faces[-1].score) / 2
    some = detector.detect(kind.picture, threshold)
    assert 0 < len(some) < len(faces)
    assert [face.score for face in some] == [f.score for f in faces if f.score > threshold]


@pytest.mark.parametrize("size", [(1, 1), (31, 33), (64, 17)])
def test_pictures_of_any_size_are_taken_and_darkness_has_no_face(detector, size):
    assert detector.detect(np.zeros((*size, 3), np.uint8)) == []


def test_the_answer_is_the_same_every_time(detector, kind):
    one, other = detector.detect(kind.picture), detector.detect(kind.picture)
    for face, again in zip(one, other, strict=True):
        np.testing.assert_array_equal(face.box, again.box)
        assert face.score == again.score


def test_the_key_is_that_of_the_content_and_not_of_the_name(kind, tmp_path):
    file = kind.file(tmp_path / "one.onnx")
    key = kind.make(file).key
    assert kind.make(file.rename(tmp_path / "renamed.onnx")).key == key
    assert kind.make(str(tmp_path / "renamed.onnx")).key == key
    changed = tmp_path / "other.onnx"
    changed.write_bytes((tmp_path / "renamed.onnx").read_bytes() + b"\x32\x01x")  # a remark
    assert kind.make(changed).key != key


def test_it_says_what_it_runs_on(detector):
    assert detector.providers == ("CPUExecutionProvider",)
