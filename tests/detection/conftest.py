"""The faces of the group photo, found once."""

from __future__ import annotations

import pytest

from videoswap.detection.face_detector import FaceDetector
from videoswap.detection.face_models import FaceModels


@pytest.fixture(scope="session")
def face_detector(detector, landmarker, recognizer) -> FaceDetector:
    return FaceDetector(FaceModels(detector, landmarker, recognizer))


@pytest.fixture(scope="session")
def faces(face_detector, group):
    return face_detector.detect(group)
