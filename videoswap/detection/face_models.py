"""The networks that see faces, loaded once for a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from ..records import Array, Fallback
from ..settings import AnalysisSettings
from ..weights import store
from ..weights.onnx_models import provider_notes
from .base import Detector, Landmarker, Recognizer
from .centerface import CenterFace
from .dense_landmarks import DENSE_LANDMARKS, IBUG_68, DenseLandmarker
from .landmarks import DlibLandmarker
from .recognition import DlibRecognizer


@dataclass(frozen=True, slots=True, eq=False)
class FaceModels:
    """A detector, two landmarkers and a recognizer.

    Attributes:
        detector: Finds boxes and five points.
        landmarker: Finds the 68 landmarks of a face that the dense landmarker does not read.
        recognizer: Makes embeddings, by which people are told apart.
        dense_landmarker: Finds 478 landmarks of a detected face; None goes without.
        notes: What is used instead of something that was wanted.
    """

    detector: Detector
    landmarker: Landmarker
    recognizer: Recognizer
    dense_landmarker: DenseLandmarker | None = None
    notes: tuple[Fallback, ...] = ()

    @classmethod
    def load(
        cls,
        providers: Sequence[str] = ("CPUExecutionProvider",),
        settings: AnalysisSettings | None = None,
    ) -> Self:
        """Load the networks that the settings name.

        Args:
            providers: onnxruntime's execution providers, best first.
            settings: ``face_models`` and ``landmarks`` name the networks; None takes CenterFace,
                dlib's embedding, and the dense landmarks if their file is there, else dlib's.

        Raises:
            InputError: ``model_missing``, ``missing_weights``, ``damaged_weights`` or
                ``no_insightface``, by what is not there.
        """
        settings = settings or AnalysisSettings()
        dense, notes = _load_dense(settings.landmarks)
        if settings.face_models == "insightface":
            from .insightface import ArcFaceRecognizer, Scrfd

            detector = Scrfd(providers=providers)
            recognizer = ArcFaceRecognizer(providers=providers)
            notes += provider_notes(recognizer.providers, providers, "face recognition")
            notes += provider_notes(detector.providers, providers, "face detection")
            return cls(detector, DlibLandmarker(), recognizer, dense, notes)
        found = CenterFace(providers=providers)
        notes += provider_notes(found.providers, providers, "face detection")
        return cls(found, DlibLandmarker(), DlibRecognizer(), dense, notes)

    def landmarks(self, picture: Array, points5: Array) -> tuple[Array, Array | None]:
        """Find the landmarks of a detected face.

        Args:
            picture: (H, W, 3) uint8 RGB.
            points5: (5, 2) float32 eye, eye, nose, mouth corner, mouth corner in its pixels.

        Returns:
            (68, 2) float32 in the iBUG order, and (478, 3) float32 dense landmarks, see
            `DenseLandmarks`. Where the dense landmarker reads the face the first are taken from
            its mesh; otherwise they come from the other landmarker and the second are None.
        """
        if self.dense_landmarker is not None:
            found = self.dense_landmarker.landmarks(picture, points5)
            if found is not None:
                return np.ascontiguousarray(found.points[IBUG_68, :2]), found.points
        return self.landmarker.landmarks(picture, points5), None

    @property
    def landmarks_key(self) -> str:
        """Text that changes whenever the landmarks could; part of the key of the cache."""
        dense = self.dense_landmarker
        return self.landmarker.key if dense is None else f"{dense.key} {self.landmarker.key}"


def _load_dense(landmarks: str) -> tuple[DenseLandmarker | None, tuple[Fallback, ...]]:
    if landmarks == "dlib":
        return None, ()
    if landmarks == "auto" and (absent := store.missing_files([DENSE_LANDMARKS], DENSE_LANDMARKS)):
        return None, (Fallback("478 dense landmarks", "dlib's 68", absent),)
    return DenseLandmarker(), ()
