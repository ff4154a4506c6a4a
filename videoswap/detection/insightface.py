"""insightface's SCRFD and ArcFace on local files, in place of the models that come with packages.

Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", 2021 (SCRFD), and
Deng et al., "ArcFace", 2018 (deepinsight/insightface). GHOST uses both. The files are asked for
with ``--face_models insightface``; their official versions were never seen by us.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..fingerprint import file_digest
from ..geometry.affine import TEMPLATES, crop_matrix, five_points
from ..geometry.resample import warp
from ..paths import AnyPath
from ..records import Array, Face
from ..weights import store
from ..weights.onnx_models import open_insightface, providers_of
from .centerface import padded

DETECTOR, RECOGNIZER = "scrfd", "glintr100"
ARCFACE_SIZE = 112  # pixels, input of ArcFace


class Scrfd:
    """SCRFD through insightface's class, at the size of the picture.

    Args:
        path: ``scrfd_10g_bnkps.onnx``; None takes the one among the weights.
        providers: onnxruntime's execution providers, in order.

    Raises:
        InputError: ``missing_weights``, ``damaged_weights`` or ``no_insightface``.
    """

    def __init__(
        self, path: AnyPath | None = None, providers: Sequence[str] = ("CPUExecutionProvider",)
    ) -> None:
        path = store.require(DETECTOR) if path is None else Path(path)
        self._network = _open("scrfd", "SCRFD", path, providers, free_sides=True)
        self.key = f"scrfd {file_digest(path)}"

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that are really in use."""
        return providers_of(self._network.session)

    def detect(self, picture: Array, threshold: float = 0.5) -> list[Face]:
        """Find the faces of a picture.

        Args:
            picture: (H, W, 3) uint8 RGB, any size.
            threshold: Smallest score of a face, 0 to 1.

        Returns:
            The faces in pixels of the picture, best first.
        """
        whole = np.ascontiguousarray(padded(picture)[..., ::-1])
        found, points = self._network.detect(whole, whole.shape[1::-1], det_thresh=threshold)
        return [
            Face(one[:4].astype(np.float32), five.astype(np.float32), float(one[4]))
            for one, five in zip(found, points, strict=True)
        ]


class ArcFaceRecognizer:
    """ArcFace through insightface's class; distances are 1 - cosine.

    Args:
        path: ``glintr100.onnx``; None takes the one among the weights.
        providers: onnxruntime's execution providers, in order.

    Raises:
        InputError: ``missing_weights``, ``damaged_weights`` or ``no_insightface``.
    """

    name = "arcface"
    dim = 512
    default_threshold = 0.6  # FaceFusion's reference distance of 0.3, in this unit
    cluster_threshold = 0.6

    def __init__(
        self, path: AnyPath | None = None, providers: Sequence[str] = ("CPUExecutionProvider",)
    ) -> None:
        path = store.require(RECOGNIZER) if path is None else Path(path)
        self._network = _open("arcface_onnx", "ArcFaceONNX", path, providers, full_precision=True)
        self.key = f"arcface {file_digest(path)}"

    @property
    def providers(self) -> tuple[str, ...]:
        """Execution providers that are really in use."""
        return providers_of(self._network.session)

    def embed(self, picture: Array, landmarks: Array) -> Array:
        """Embed one face.

        Args:
            picture: (H, W, 3) uint8 RGB.
            landmarks: (68, 2) in pixels of the picture.

        Returns:
            (512,) float32 of length 1.
        """
        matrix = crop_matrix(five_points(landmarks), TEMPLATES["arcface_112_v2"], ARCFACE_SIZE)
        face = np.ascontiguousarray(warp(picture, matrix, ARCFACE_SIZE)[..., ::-1])
        numbers = np.asarray(self._network.get_feat(face), np.float32).ravel()
        return np.asarray(numbers / max(float(np.linalg.norm(numbers)), 1e-12))

    def distance(self, one: Array, other: Array) -> float:
        """Return 1 - cosine: 0 for the same direction, 2 at most."""
        return float(1.0 - one @ other)

    def distances(self, ones: Array, others: Array) -> Array:
        """Return 1 - cosine, (n, m) float64."""
        cosines: Array = ones.astype(np.float64) @ others.astype(np.float64).T
        return np.subtract(1.0, cosines, out=cosines)


def _open(module: str, name: str, path: Path, providers: Sequence[str], **kind: bool) -> Any:
    """Make one of insightface's networks of a local file, or say that it cannot be done."""
    try:
        return open_insightface(module, name, path, providers, **kind)
    except ImportError as error:
        raise InputError(
            "no_insightface",
            f"insightface cannot be imported ({error}).",
            "Install it with scripts/install.py, or leave --face_models out.",
        ) from None
