"""The networks that see faces, loaded once for a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from ..settings import AnalysisSettings
from .base import Detector, Landmarker, Recognizer
from .centerface import CenterFace
from .landmarks import DlibLandmarker
from .recognition import DlibRecognizer


@dataclass(frozen=True, slots=True, eq=False)
class FaceModels:
    """A detector, a landmarker and a recognizer.

    Attributes:
        detector: Finds boxes and five points.
        landmarker: Finds the 68 landmarks of a detected face.
        recognizer: Makes embeddings, by which people are told apart.
    """

    detector: Detector
    landmarker: Landmarker
    recognizer: Recognizer

    @classmethod
    def load(
        cls,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        settings: AnalysisSettings | None = None,
    ) -> Self:
        """Load the networks that the settings name.

        Args:
            providers: onnxruntime's execution providers, best first.
            settings: ``face_models`` names the networks; None takes those that come with packages:
                CenterFace, dlib's landmarks and dlib's embedding.

        Raises:
            InputError: ``model_missing``, ``missing_weights``, ``damaged_weights`` or
                ``no_insightface``, by what is not there.
        """
        if settings is not None and settings.face_models == "insightface":
            from .insightface import ArcFaceRecognizer, Scrfd

            detector = Scrfd(providers=providers)
            return cls(detector, DlibLandmarker(), ArcFaceRecognizer(providers=providers))
        return cls(CenterFace(providers=providers), DlibLandmarker(), DlibRecognizer())
