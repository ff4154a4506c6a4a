"""A frame as the analysis sees it, and a face in it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..geometry.affine import crop_matrix, five_points, invert, transform, warp
from ..records import Array, Face
from .face_detector import Detection
from .landmarks import face_square

UPRIGHT_NOSE = 0.6  # length of a nose over its distance to the chin, seen from the front
GOOD_SIZE = 120  # pixels above which a larger face gives no better embedding
SHARP = 60.0  # variance of the Laplacian of a 64-pixel face that counts as half sharp


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
class View:
    """A face in a frame.

    Attributes:
        frame: The frame.
        detection: The face in pixels of the frame's picture.
        landmarks: (68, 2) float32 in pixels of the frame's picture.
        look: (16, 16) int8, see `looks`.
    """

    frame: FramePicture
    detection: Detection
    landmarks: Array
    look: Array

    @classmethod
    def of(cls, frame: FramePicture, detection: Detection, landmarks: Array) -> View:
        """Return a view, with the look taken from the picture."""
        return cls(frame, detection, landmarks, face_thumbnail(frame.picture, detection.points5))

    def face(self) -> Face:
        """Return the face in upright full-resolution pixels."""
        back = invert(self.frame.matrix)
        return Face(
            pts=self.frame.pts,
            box=transform(back, self.detection.box.reshape(2, 2)).reshape(4).astype(np.float32),
            points5=transform(back, self.detection.points5).astype(np.float32),
            landmarks=transform(back, self.landmarks).astype(np.float32),
            score=min(self.detection.score, 1.0),
        )

    def rough_quality(self) -> float:
        """Return size, frontality and score as one number, 0 to 1."""
        size = min(1.0, self.detection.size / GOOD_SIZE)
        return size * frontality(self.landmarks) * self.detection.score

    def quality(self) -> float:
        """Return the rough quality, lowered for blurred faces."""
        square = face_square(self.detection.points5)
        crop = warp(self.frame.picture, square.to_region(64, 0.0), 64)
        grey = cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)
        sharpness = float(cv2.Laplacian(grey, cv2.CV_32F).var())
        return self.rough_quality() * sharpness / (sharpness + SHARP)


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


THUMBNAIL_SIZE = 16  # pixels of a look
FINE = 2  # samples per pixel of a look: enough to average noise, few enough to cost nothing


def face_thumbnail(picture: Array, points5: Array) -> Array:
    """Return the (16, 16) int8 look of a face: grey, upright, without mean and contrast.

    Args:
        picture: (H, W, 3) uint8 RGB.
        points5: (5, 2) in pixels of the picture.
    """
    side = FINE * THUMBNAIL_SIZE
    matrix = face_square(points5).to_region(side, 0.0)
    crop = cv2.warpAffine(picture, matrix, (side, side), borderMode=cv2.BORDER_REPLICATE)
    small = cv2.resize(crop, (THUMBNAIL_SIZE, THUMBNAIL_SIZE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey -= grey.mean()
    scale = 127 / max(float(np.abs(grey).max()), 8.0)
    return np.asarray(np.rint(grey * scale), np.int8)


def ncc(one: Array, other: Array) -> float:
    """Return the correlation of two looks, -1 to 1; 0 where one of them is flat."""
    a, b = one.astype(np.float64).ravel(), other.astype(np.float64).ravel()
    norms = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norms if norms else 0.0


FRAMED_SIZE = 128
#: From the hair line to the chin: where the five points lie in the unit square.
FRAMING = np.array(
    [[0.3357, 0.3331], [0.6643, 0.3331], [0.5, 0.5141], [0.351, 0.6753], [0.649, 0.6753]]
)
MIDDLE = np.s_[
    FRAMED_SIZE // 4 : -FRAMED_SIZE // 8, FRAMED_SIZE // 4 : -FRAMED_SIZE // 4
]  #: mostly face
MOST = 24  # pictures of a track that a reference is made of
_QUALITY = [cv2.IMWRITE_JPEG_QUALITY, 92]


@dataclass(frozen=True, slots=True, eq=False)
class Appearance:
    """A face in one frame.

    Attributes:
        pts: The frame.
        jpeg: The framed picture, (FRAMED_SIZE, FRAMED_SIZE, 3) RGB, compressed.
        landmarks: (68, 2) float32 in pixels of that picture.
    """

    pts: int
    jpeg: bytes
    landmarks: Array

    @classmethod
    def of(cls, view: View) -> Appearance:
        """Return how a face looks in a frame."""
        return cls._framed(view.frame.pts, view.frame.picture, view.landmarks)

    @classmethod
    def _framed(cls, pts: int, picture: Array, landmarks: Array) -> Appearance:
        matrix = crop_matrix(five_points(landmarks), FRAMING, FRAMED_SIZE)
        framed = warp(picture, matrix, FRAMED_SIZE)
        packed = cv2.imencode(".jpg", cv2.cvtColor(framed, cv2.COLOR_RGB2BGR), _QUALITY)[1]
        return cls(pts, packed.tobytes(), transform(matrix, landmarks).astype(np.float32))

    def with_landmarks(self, landmarks: Array) -> Appearance:
        """Return it framed by other landmarks (68, 2) in its pixels."""
        return self._framed(self.pts, self.picture(), landmarks)

    def picture(self) -> Array:
        """Return the picture (FRAMED_SIZE, FRAMED_SIZE, 3) uint8 RGB."""
        picture = cv2.imdecode(np.frombuffer(self.jpeg, np.uint8), cv2.IMREAD_COLOR)
        assert picture is not None  # it was made above
        return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB))
