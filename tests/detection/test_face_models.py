"""Which networks are loaded, and what is said where the dense landmarks are not there."""

import numpy as np
import pytest

from videoswap.detection.dense_landmarks import IBUG_68, DenseLandmarks
from videoswap.detection.face_models import FaceModels
from videoswap.errors import InputError
from videoswap.settings import AnalysisSettings


@pytest.fixture
def no_weights(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))


def test_without_the_file_dlib_is_used_and_that_is_said(no_weights):
    models = FaceModels.load()
    assert models.dense_landmarker is None
    (note,) = models.notes
    assert "videoswap models download dense_landmarks" in str(note)
    assert (note.wanted, note.used) == ("478 dense landmarks", "dlib's 68")


def test_dlib_can_be_asked_for_and_nothing_is_said(no_weights):
    models = FaceModels.load(settings=AnalysisSettings(landmarks="dlib"))
    assert models.dense_landmarker is None and models.notes == ()


def test_what_is_asked_for_must_be_there(no_weights):
    with pytest.raises(InputError, match="face_landmark_with_attention") as caught:
        FaceModels.load(settings=AnalysisSettings(landmarks="dense"))
    assert caught.value.code == "missing_weights"


class Told:
    """A dense landmarker that finds what it is told."""

    key = "told"

    def __init__(self, points):
        self.points = points

    def landmarks(self, picture, points5):
        return None if self.points is None else DenseLandmarks(self.points, 1.0)


def test_the_68_are_taken_from_the_mesh_and_from_dlib_where_there_is_none(
    detector, landmarker, recognizer, group
):
    points5 = detector.detect(group)[0].points5
    dense = np.random.default_rng(0).uniform(0, 500, (478, 3)).astype(np.float32)
    models = FaceModels(detector, landmarker, recognizer, Told(dense))
    marks, found = models.landmarks(group, points5)
    assert found is dense
    np.testing.assert_array_equal(marks, dense[IBUG_68, :2])
    unread = FaceModels(detector, landmarker, recognizer, Told(None))
    marks, found = unread.landmarks(group, points5)
    assert found is None
    np.testing.assert_array_equal(marks, landmarker.landmarks(group, points5))
    assert models.landmarks_key != FaceModels(detector, landmarker, recognizer).landmarks_key
