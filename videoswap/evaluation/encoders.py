"""Identity encoders by name, all on the same crops: 112 pixels, ArcFace's framing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np

from ..detection.landmarks import DlibLandmarker
from ..detection.recognition import DlibRecognizer
from ..errors import UsageError
from ..geometry.affine import TEMPLATES
from ..geometry.resample import resize
from ..records import Array
from ..weights import store
from ..weights.onnx_models import open_onnx

CROP_SIZE = 112
#: Side of what the small encoder sees of it.
LITE_SIZE = 96
ENCODERS = ("arcface", "blendface", "dlib", "lite")
# Names in the manifest of the networks that torch runs.
_IRESNETS = {"arcface": "ghost_arcface", "blendface": "blendface_encoder"}


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
    """dlib's descriptor; landmarks are found in the crop."""

    name = "dlib"

    def __init__(self) -> None:
        self._recognizer, self._landmarker = DlibRecognizer(), DlibLandmarker()

    def embed(self, picture: Array) -> Array:
        """Describe a face, (128,)."""
        points = (TEMPLATES["arcface_112_v2"] * CROP_SIZE).astype(np.float32)
        return self._recognizer.embed(picture, self._landmarker.landmarks(picture, points))

    def similarity(self, ones: Array, others: Array) -> Array:
        """Return the negative Euclidean distances."""
        return np.asarray(-np.linalg.norm(ones - others, axis=1))


class IresnetFaceEncoder:
    """ArcFace's or BlendFace's large network, in torch.

    Args:
        name: ``arcface`` or ``blendface``.
        path: Its weights; None takes those of the manifest.

    Raises:
        InputError: If the weights or torch are missing.
    """

    def __init__(self, name: str, path: Path | None = None) -> None:
        from ..weights.loading import load_into

        self._name = name
        weights = store.require(_IRESNETS[name]) if path is None else path
        self._network: Any = load_into("iresnet100", weights)

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
        UsageError: ``unknown_encoder``, or ``no_such_file`` if dlib is given one.
    """
    if name == "lite":
        return LiteFaceEncoder(path)
    if name == "dlib":
        return DlibFaceEncoder()
    if name in _IRESNETS:
        return IresnetFaceEncoder(name, path)
    known = ", ".join(ENCODERS)
    raise UsageError("unknown_encoder", f"There is no encoder {name!r}.", f"Known are {known}.")
