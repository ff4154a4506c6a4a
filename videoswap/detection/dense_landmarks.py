"""478 landmarks with depth, irises included: MediaPipe's attention mesh.

Grishchenko et al., "Attention Mesh: High-fidelity Face Mesh Prediction in Real-time", CVPR
workshop 2020. The network comes as a TFLite file inside the package ``mediapipe`` 0.10.21
(Apache-2.0) and is read from there by ``weights.tflite``; the order of the points is MediaPipe's.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..fingerprint import file_digest
from ..geometry.affine import Square, invert, transform
from ..geometry.resample import warp
from ..paths import AnyPath
from ..records import Array
from ..weights import require
from ..weights.onnx_models import open_onnx
from ..weights.tflite import convert_tflite
from .landmarks import face_square

DENSE_LANDMARKS = "dense_landmarks"  # name in the manifest of weights
POINTS = 478
MESH_POINTS = 468  # the five points of either iris follow
INPUT_SIZE = 192
# The square around a face, of the distance between eyes and mouth or eye and eye, whichever is
# larger; then of the mesh's own box.
FIRST_SCALE, BOX_SCALE = 3.7, 1.5
PASSES = 2  # more drift
EYE_CORNERS = (33, 263)  # the outer ones, image left first
LEAST_SCORE = 0.5  # under it there is no face, or one that the network cannot read
PARTS = ("output_lips", "output_left_eye", "output_right_eye")
IRISES = ("output_left_iris", "output_right_iris")

# The mesh's points nearest to dlib's 68 (iBUG order).
IBUG_68 = np.array(
    [
        *(162, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 389),
        *(71, 63, 105, 66, 107, 336, 296, 334, 293, 301),
        *(168, 197, 5, 4, 75, 97, 2, 326, 305),
        *(33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380),
        *(61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181),
        *(78, 82, 13, 312, 308, 317, 14, 87),
    ]
)


@dataclass(frozen=True, slots=True, eq=False)
class DenseLandmarks:
    """The dense landmarks of one face.

    Attributes:
        points: (478, 3) float32: x and y in pixels of the picture, z in the same scale, smaller is
            nearer; 468 of the mesh, then centre and rim of the iris that lies left in the picture
            and of the other one, with the depth of their eyes' corners.
        score: How sure the network is that there is a face, 0 to 1.
    """

    points: Array
    score: float


class DenseLandmarker:
    """MediaPipe's attention mesh on one thread of the CPU.

    Args:
        path: ``face_landmark_with_attention.tflite``; None takes it from the folder of weights.

    Raises:
        InputError: ``missing_weights``, ``damaged_model`` or ``damaged_weights``.
    """

    def __init__(self, path: AnyPath | None = None) -> None:
        path = require(DENSE_LANDMARKS) if path is None else Path(path)
        graph = convert_tflite(path.read_bytes())
        self._subsets = graph.subsets
        self._session = open_onnx(path, threads=1, graph=graph.model.SerializeToString())
        self._input = self._session.get_inputs()[0].name
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._key = f"dense landmarks {PASSES} {file_digest(path)}"

    @property
    def key(self) -> str:
        """Model and passes that decide the results."""
        return self._key

    def landmarks(self, picture: Array, points5: Array) -> DenseLandmarks | None:
        """Find the dense landmarks of one face.

        Args:
            picture: (H, W, 3) uint8 RGB.
            points5: (5, 2) float32 eye, eye, nose, mouth corner, mouth corner in its pixels.

        Returns:
            The landmarks; None where the network sees no face it can read.
        """
        square = first_square(points5)
        found = None
        for _ in range(PASSES):
            found = self._run(picture, square)
            square = mesh_square(found.points)
        return found if found is not None and found.score >= LEAST_SCORE else None

    def _run(self, picture: Array, square: Square) -> DenseLandmarks:
        matrix = square.to_region(INPUT_SIZE, -0.5)
        crop = warp(picture, matrix, INPUT_SIZE).astype(np.float32)[None] / 255
        made = self._session.run(self._outputs, {self._input: crop})
        named = dict(zip(self._outputs, made, strict=True))
        points = np.empty((POINTS, 3))
        points[:MESH_POINTS] = named["output_mesh_identity"].reshape(MESH_POINTS, 3)
        for part, subset in zip(PARTS, self._subsets, strict=True):
            points[subset, :2] = named[part].reshape(-1, 2)
        for first, iris, corner in zip((468, 473), IRISES, EYE_CORNERS, strict=True):
            points[first : first + 5, :2] = named[iris].reshape(5, 2)
            points[first : first + 5, 2] = points[corner, 2]
        # The network counts from the edge of the first pixel, pictures from its centre.
        places = transform(invert(matrix), points[:, :2] - 0.5)
        depth = points[:, 2:] * square.side / INPUT_SIZE
        score = 1 / (1 + np.exp(-float(named["conv_faceflag"][0, 0])))
        return DenseLandmarks(np.hstack([places, depth]).astype(np.float32), score)


def first_square(points5: Array) -> Square:
    """Return the square of the first pass, from five points (5, 2)."""
    square = face_square(points5)
    points = points5.astype(np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    length = max(float(np.hypot(*(mouth - eyes))), float(np.hypot(*(points[1] - points[0]))), 1.0)
    return Square(square.x, square.y, FIRST_SCALE * length, square.angle)


def mesh_square(points: Array) -> Square:
    """Return the square around a mesh (478, 3), the eyes level."""
    mesh = points[:MESH_POINTS, :2].astype(np.float64)
    left, right = mesh[list(EYE_CORNERS)]
    angle = float(np.arctan2(right[1] - left[1], right[0] - left[0]))
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    level = mesh @ turn.T
    low, high = level.min(axis=0), level.max(axis=0)
    centre = (low + high) / 2 @ turn
    side = BOX_SCALE * float((high - low).max())
    return Square(float(centre[0]), float(centre[1]), max(side, 1.0), angle)
