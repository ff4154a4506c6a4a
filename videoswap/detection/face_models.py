"""The models that look at faces, loaded once for a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from ..settings import AnalysisSettings
from .face_detector import CenterFace, Detector
from .landmarks import DlibLandmarker, Landmarker
from .photos import PhotoReader
from .recognition import DlibRecognizer, Recognizer


@dataclass(frozen=True, slots=True, eq=False)
class FaceTools:
    """Detector, landmarks and recognition.

    Attributes:
        detector: Finds faces.
        landmarker: Finds their landmarks.
        recognizer: Tells people apart.
    """

    detector: Detector
    landmarker: Landmarker
    recognizer: Recognizer

    @classmethod
    def open(cls, providers: Sequence[str], settings: AnalysisSettings | None = None) -> Self:
        """Load the models.

        Args:
            providers: onnxruntime's execution providers, best first.
            settings: Says which ones; None takes those that come with packages.

        Raises:
            InputError: If a model file is missing.
        """
        if settings is not None and settings.face_models == "insightface":
            from .insightface import ArcFaceRecognizer, Scrfd

            finder, recognizer = Scrfd(providers=providers), ArcFaceRecognizer(providers=providers)
            return cls(finder, DlibLandmarker(), recognizer)
        return cls(CenterFace(providers=providers), DlibLandmarker(), DlibRecognizer())

    def photos(self, settings: AnalysisSettings) -> PhotoReader:
        """Return the reader of still pictures."""
        return PhotoReader(self.detector, self.landmarker, settings)
