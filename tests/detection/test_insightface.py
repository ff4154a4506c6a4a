"""insightface's SCRFD and ArcFace classes on stand-ins for their files."""

import numpy as np
import pytest

from tests.helpers.insightface_files import arcface_file, scrfd_file
from videoswap.detection.face_models import FaceModels
from videoswap.detection.insightface import ArcFaceRecognizer, Scrfd
from videoswap.errors import InputError, UsageError
from videoswap.geometry.affine import TEMPLATES
from videoswap.settings import AnalysisSettings


@pytest.fixture
def weights(tmp_path, monkeypatch):
    monkeypatch.setenv("VIDEOSWAP_WEIGHTS_DIR", str(tmp_path))
    return tmp_path


def test_scrfd_gives_boxes_and_points_in_the_pictures_pixels(tmp_path):
    detector = Scrfd(scrfd_file(tmp_path / "scrfd.onnx"))
    picture = np.zeros((90, 150, 3), np.uint8)  # no multiple of 32
    picture[24:32, 80:88, 0] = 255  # RGB: a cell of red
    picture[64:72, 16:24] = [178, 255, 255]
    picture[40:48, 120:128, 2] = 255
    first, second = detector.detect(picture, 0.6)
    np.testing.assert_allclose(first.box, [64, 8, 96, 40])
    np.testing.assert_allclose(first.points5, [[72, 16], [88, 16], [80, 24], [72, 32], [88, 32]])
    assert first.score == pytest.approx(1.0, abs=0.01)
    assert second.score == pytest.approx(0.7, abs=0.01)
    np.testing.assert_allclose(second.points5[2], [16, 64])
    assert len(detector.detect(picture, 0.8)) == 1
    assert detector.detect(np.zeros((64, 64, 3), np.uint8), 0.6) == []
    assert detector.providers == ("CPUExecutionProvider",)


def test_arcface_sees_the_aligned_face_in_rgb(tmp_path):
    recognizer = ArcFaceRecognizer(arcface_file(tmp_path / "arcface.onnx"))
    landmarks = np.zeros((68, 2), np.float32)
    five = TEMPLATES["arcface_112_v2"] * 50 + [30, 20]  # a face of 50 pixels
    landmarks[36:42], landmarks[42:48], landmarks[30] = five[:3]
    landmarks[48], landmarks[54] = five[3:]
    picture = np.full((100, 100, 3), 200, np.uint8)
    picture[20:70, 30:80] = [255, 128, 0]
    numbers = recognizer.embed(picture, landmarks)
    assert numbers.shape == (512,)
    assert np.linalg.norm(numbers) == pytest.approx(1.0, abs=1e-5)
    np.testing.assert_allclose(numbers[:3] / numbers[0], [1, 0, -1], atol=0.02)
    assert recognizer.distance(numbers, numbers) == pytest.approx(0.0, abs=1e-6)
    assert recognizer.distance(numbers, -numbers) == pytest.approx(2.0, abs=1e-6)


def test_they_are_used_when_asked_for(weights):
    scrfd_file(weights / "scrfd_10g_bnkps.onnx")
    arcface_file(weights / "glintr100.onnx")
    asked = AnalysisSettings(face_models="insightface")
    tools = FaceModels.load(("CPUExecutionProvider",), asked)
    assert tools.recognizer.name == "arcface"
    assert tools.detector.key.startswith("scrfd ")


def test_without_their_files_it_is_said_how_to_get_them(weights):
    with pytest.raises(InputError) as caught:
        FaceModels.load(("CPUExecutionProvider",), AnalysisSettings(face_models="insightface"))
    assert caught.value.code == "missing_weights"
    assert "videoswap models download scrfd" in caught.value.hint


def test_a_damaged_file_is_told(weights):
    (weights / "scrfd_10g_bnkps.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError) as caught:
        Scrfd()
    assert caught.value.code == "damaged_weights"


def test_other_names_are_refused():
    with pytest.raises(UsageError):
        AnalysisSettings(face_models="centerface")
