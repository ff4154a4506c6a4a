"""Real models, loaded once a session."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from videoswap.detection.centerface import CenterFace
from videoswap.detection.face_models import FaceModels
from videoswap.detection.landmarks import DlibLandmarker
from videoswap.detection.recognition import DlibRecognizer
from videoswap.records import Array


@pytest.fixture(scope="session")
def detector() -> CenterFace:
    return CenterFace()


@pytest.fixture(scope="session")
def landmarker() -> DlibLandmarker:
    return DlibLandmarker()


@pytest.fixture(scope="session")
def recognizer() -> DlibRecognizer:
    return DlibRecognizer()


@pytest.fixture(scope="session")
def face_models(
    detector: CenterFace, landmarker: DlibLandmarker, recognizer: DlibRecognizer
) -> FaceModels:
    """The models that come with packages, without the dense landmarks."""
    return FaceModels(detector, landmarker, recognizer)


@pytest.fixture(scope="session")
def group(group_photo: Path) -> Array:
    """Return the group photo, (886, 1280, 3) uint8 RGB."""
    picture = cv2.imread(str(group_photo))
    assert picture is not None
    return np.ascontiguousarray(picture[:, :, ::-1])
