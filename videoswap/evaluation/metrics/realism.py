"""Realism: how real a face looks to a network that learned from warped ones.

docs/quality.md is the network's card, ``scripts/judges/realism.py`` trains it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...geometry.affine import TEMPLATES, crop_matrix
from ...geometry.resample import warp
from ...records import Array
from ...weights.onnx_models import open_onnx
from ..face_motion import FaceHistory
from .columns import mean
from .metric import Metric

MODEL = Path(__file__).with_name("realism.onnx")
FACE_SIZE = 96  # pixels


class RealismFamily:
    """How real the face looks to a small classifier of real and warped faces.

    Definition: the face is cut out by the original's five points and a network says how real it
    is, as a logit. It learned from photos into which other faces were put in several ways, none of
    them an engine of this project (triangles, splines, only placed, bent in itself, onto a
    shape between; other masks, tones and softness), photo and copy always in the same light, blur,
    noise and compression. Reported are the mean of the result less that of the original in the
    same frame (about -5 to 0, good: near 0) and the share of frames in which the result is less
    real than the original (0 to 1; 0.5: cannot be told).

    In spirit of face X-ray (Li et al., CVPR 2020) and self-blended images (Shiohara and Yamasaki,
    CVPR 2022). What it cannot say: whether the face is that of the source, or steady.
    """

    over_time = False
    columns = ("real_apart", "real_less")
    metrics = (
        Metric("realism", "realism against the original's", "logit", mean("real_apart"),
               plot=("real_apart",)),
        Metric("less_real", "frames less real than the original's", "", mean("real_less")),
    )  # fmt: skip

    def __init__(self) -> None:
        self._session = open_onnx(MODEL, threads=1)

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        pair, points = history.now.pair, history.now.face.points5
        original, result = (self._real(one, points) for one in (pair.original, pair.result))
        if original == result:
            return {"real_apart": 0.0, "real_less": 0.5}
        return {"real_apart": result - original, "real_less": float(result < original)}

    def _real(self, picture: Array, points5: Array) -> float:
        face = face_crop(picture, points5)[None].astype(np.float32)
        return float(self._session.run(None, {"faces": face})[0][0, 0])


def face_crop(picture: Array, points5: Array) -> Array:
    """Return the face of a picture (H, W, 3) uint8 RGB as the network sees it, (96, 96, 3)."""
    return warp(picture, crop_matrix(points5, TEMPLATES["arcface_112_v2"], FACE_SIZE), FACE_SIZE)
