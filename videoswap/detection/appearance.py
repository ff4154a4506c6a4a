"""Small framed pictures of a face, kept for every track to know it without an occlusion."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..geometry.affine import crop_matrix, five_points, transform
from ..geometry.resample import warp
from ..records import Array
from .face_view import FaceView

FRAMED_SIZE = 128


#: From the hair line to the chin: where the five points lie in the unit square.
FRAMING = np.array(
    [[0.3357, 0.3331], [0.6643, 0.3331], [0.5, 0.5141], [0.351, 0.6753], [0.649, 0.6753]]
)


FACE_REGION = np.s_[
    FRAMED_SIZE // 4 : -FRAMED_SIZE // 8, FRAMED_SIZE // 4 : -FRAMED_SIZE // 4
]  #: mostly face


MAX_APPEARANCES = 24  # pictures of a track that a reference is made of


_JPEG_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 92]


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """A face in one frame.

    Attributes:
        pts: The frame.
        jpeg: The framed picture, (FRAMED_SIZE, FRAMED_SIZE, 3) RGB, compressed.
        landmarks: (68, 2) float32 in pixels of that picture.
        blur: Standard deviation of the face's blur in upright pixels of the video; 0 where it was
            not measured, or cannot be told.
    """

    pts: int
    jpeg: bytes
    landmarks: Array
    blur: float = 0.0

    @classmethod
    def of(cls, view: FaceView) -> Appearance:
        """Return the framed picture of a face."""
        return cls._framed(view.frame.pts, view.frame.picture, view.landmarks)

    @classmethod
    def _framed(cls, pts: int, picture: Array, landmarks: Array) -> Appearance:
        matrix = crop_matrix(five_points(landmarks), FRAMING, FRAMED_SIZE)
        framed = warp(picture, matrix, FRAMED_SIZE)
        packed = cv2.imencode(".jpg", cv2.cvtColor(framed, cv2.COLOR_RGB2BGR), _JPEG_QUALITY)[1]
        return cls(pts, packed.tobytes(), transform(matrix, landmarks).astype(np.float32))

    def with_landmarks(self, landmarks: Array) -> Appearance:
        """Return it framed by other landmarks (68, 2) in its pixels."""
        return self._framed(self.pts, self.picture(), landmarks)

    def picture(self) -> Array:
        """Return the picture (FRAMED_SIZE, FRAMED_SIZE, 3) uint8 RGB."""
        picture = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None  # it was made above
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
