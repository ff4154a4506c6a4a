"""A frame as the analysis sees it, and a face in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..geometry.affine import invert, transform, transform_dense
from ..geometry.resample import warp
from ..records import Array, Face
from .landmarks import face_square

UPRIGHT_NOSE = 0.6  # length of a nose over its distance to the chin, seen from the front
GOOD_FACE_SIZE = 120  # pixels above which a larger face gives no better embedding
HALF_SHARP = 60.0  # variance of the Laplacian of a 64-pixel face that counts as half sharp


@dataclass(frozen=True, slots=True, eq=False)
class FramePicture:
    """A frame as the analysis sees it.

    Attributes:
        pts: Presentation time in the stream's time base.
        picture: (H, W, 3) uint8 RGB, upright.
        matrix: (2, 3) float64 from upright full-resolution pixels to the picture's.
    """

    pts: int
    picture: Array
    matrix: Array


@dataclass(frozen=True, slots=True, eq=False)
class FaceView:
    """A face in a frame.

    Attributes:
        frame: The frame.
        detection: The face in pixels of the frame's picture.
        landmarks: (68, 2) float32 in pixels of the frame's picture.
        thumbnail: (16, 16) int8, see `face_thumbnail`.
        dense: (478, 3) float32 dense landmarks in pixels of the frame's picture, or None.
    """

    frame: FramePicture
    detection: Face
    landmarks: Array
    thumbnail: Array
    dense: Array | None = None

    @classmethod
    def of(
        cls, frame: FramePicture, detection: Face, landmarks: Array, dense: Array | None = None
    ) -> FaceView:
        """Return a view, with the thumbnail taken from the picture."""
        thumbnail = face_thumbnail(frame.picture, detection.points5)
        return cls(frame, detection, landmarks, thumbnail, dense)

    def face(self) -> Face:
        """Return the face in upright full-resolution pixels."""
        back = invert(self.frame.matrix)
        return Face(
            box=transform(back, self.detection.box.reshape(2, 2)).reshape(4).astype(np.float32),
            points5=transform(back, self.detection.points5).astype(np.float32),
            score=min(self.detection.score, 1.0),
            landmarks=transform(back, self.landmarks).astype(np.float32),
            pts=self.frame.pts,
            dense_landmarks=None if self.dense is None else transform_dense(back, self.dense),
        )

    def rough_quality(self) -> float:
        """Return size, frontality and score as one number, 0 to 1."""
        size = min(1.0, self.detection.size / GOOD_FACE_SIZE)
        return size * frontality(self.landmarks) * self.detection.score

    def quality(self) -> float:
        """Return the rough quality, lowered for blurred faces."""
        square = face_square(self.detection.points5)
        crop = warp(self.frame.picture, square.to_region(64, 0.0), 64)
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
        return self.rough_quality() * sharpness / (sharpness + HALF_SHARP)


def frontality(landmarks: Array) -> float:
    """Return 1 for a face seen from the front, near 0 for a profile or a head thrown back.

    Args:
        landmarks: (68, 2) in the iBUG-68 order.
    """
    top, nose, chin = landmarks[27], landmarks[33], landmarks[8]
    sides = [float(np.linalg.norm(landmarks[index] - landmarks[30])) for index in (1, 15)]
    turned = 2 * min(sides) / max(sum(sides), 1e-6)
    upward = float(np.linalg.norm(nose - top)) / max(float(np.linalg.norm(chin - nose)), 1e-6)
    return turned * min(1.0, upward / UPRIGHT_NOSE)


THUMBNAIL_SIZE = 16  # pixels on each side
SAMPLES_PER_PIXEL = 2  # of a thumbnail: enough to average noise, few enough to cost nothing


def face_thumbnail(picture: Array, points5: Array) -> Array:
    """Return the (16, 16) int8 thumbnail of a face: gray, upright, without mean and contrast.

    Args:
        picture: (H, W, 3) uint8 RGB.
        points5: (5, 2) in pixels of the picture.
    """
    side = SAMPLES_PER_PIXEL * THUMBNAIL_SIZE
    matrix = face_square(points5).to_region(side, 0.0)
    crop = cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(crop, (THUMBNAIL_SIZE, THUMBNAIL_SIZE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey -= grey.mean()
    scale = 127 / max(float(np.abs(grey).max()), 8.0)
    return np.asarray(np.rint(grey * scale), np.int8)


def ncc(one: Array, other: Array) -> float:
    """Return the correlation of two thumbnails, -1 to 1; 0 where one of them is flat."""
    a, b = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms else 0.0
