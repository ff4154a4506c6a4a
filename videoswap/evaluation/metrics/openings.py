"""How far eyes and mouth are open, by two small networks of the package that see pictures only.

Engines are driven by landmarks, and where those misread a shut eye the swap shows it open. So
these networks are no landmarkers: they see a patch around an eye or the mouth and answer with one
number. docs/quality.md is their card, ``scripts/judges/openings.py`` trains them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ...geometry.affine import Square
from ...geometry.resample import warp
from ...records import Array
from ...weights.onnx_models import open_onnx
from ..face_motion import FaceHistory
from .columns import apart, correlation
from .metric import Metric, at_least, at_most

EYE_MODEL = Path(__file__).with_name("eye_opening.onnx")
MOUTH_MODEL = Path(__file__).with_name("mouth_opening.onnx")
PATCH_SIZE = 32  # pixels
# Sides of the squares, in distances of the outer eye corners.
EYE_REACH, MOUTH_REACH = 0.6, 1.0
MOUTH_DROP = 0.12  # by which the mouth's square lies below the corners of the mouth
# Standard deviation over time below which nothing happens, in the networks' units.
MIN_EYE_DEVIATION, MIN_MOUTH_DEVIATION = 0.03, 0.02


class OpeningFamily:
    """Eyes and mouth that open and close as in the film, by networks that see no landmarks.

    Definition: the squares around eyes and mouth lie at the same place in result and original,
    by the original's smoothed landmarks. A network says how far apart the lids are, in widths of
    the eye (0 shut, about 0.35 open; mean of both eyes), another one how far apart the lips are,
    in distances of the outer eye corners (0 shut, about 0.3 in speech). Reported are the
    mean absolute difference (good: 0) and the correlation over time with the original (Pearson,
    -1 to 1, good: near 1; measured where the original's own varies by ``MIN_EYE_DEVIATION`` or
    ``MIN_MOUTH_DEVIATION``).

    Own definitions. What they cannot say: faces smaller than about 60 pixels, profiles beyond
    45 degrees and dark glasses mislead them.
    """

    over_time = True
    columns = ("lids_result", "lids_original", "lips_result", "lips_original")
    metrics = (
        Metric("lid_opening", "lid opening difference", "eye width",
               apart("lids_result", "lids_original"), plot=("lids_result", "lids_original"),
               good=at_most(0.06)),
        # A blink that is not followed is seen.
        Metric("lids_follow", "lids over time", "correlation",
               correlation("lids_result", "lids_original", MIN_EYE_DEVIATION),
               good=at_least(0.7)),
        Metric("lip_opening", "lip opening difference", "eye distance",
               apart("lips_result", "lips_original"), plot=("lips_result", "lips_original"),
               good=at_most(0.05)),
        Metric("lips_follow", "lips over time", "correlation",
               correlation("lips_result", "lips_original", MIN_MOUTH_DEVIATION),
               good=at_least(0.85)),
    )  # fmt: skip

    def __init__(self) -> None:
        self._eye, self._mouth = OpeningReader(EYE_MODEL), OpeningReader(MOUTH_MODEL)

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        now = history.now
        pictures = now.pair.original, now.pair.result
        original, result = (
            float(self._eye(np.stack(eye_patches(one, now.smooth))).mean()) for one in pictures
        )
        closed, talking = (
            float(self._mouth(mouth_patch(one, now.smooth)[None])[0]) for one in pictures
        )
        return {
            "lids_original": original,
            "lids_result": result,
            "lips_original": closed,
            "lips_result": talking,
        }


class OpeningReader:
    """A network that reads an opening from patches.

    Args:
        path: Its ONNX file.

    Raises:
        InputError: ``damaged_weights``.
    """

    def __init__(self, path: Path) -> None:
        self._session = open_onnx(path, threads=1)

    def __call__(self, patches: Array) -> Array:
        """Return the openings (N,) float32 of (N, 32, 32, 3) uint8 RGB patches."""
        # The network takes one patch at a time.
        inputs = ({"patches": one[None].astype(np.float32)} for one in patches)
        return np.array([self._session.run(None, one)[0][0, 0] for one in inputs], np.float32)


def eye_patches(picture: Array, landmarks: Array) -> tuple[Array, Array]:
    """Return both eyes (32, 32, 3) uint8, the right one in the picture mirrored.

    Args:
        picture: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) in its pixels.
    """
    left, right = (
        _patch(picture, square, PATCH_SIZE) for square in (eye_square(landmarks, n) for n in (0, 1))
    )
    return left, np.ascontiguousarray(right[:, ::-1])


def mouth_patch(picture: Array, landmarks: Array) -> Array:
    """Return the mouth (32, 32, 3) uint8 RGB of a picture with (68, 2) landmarks."""
    return _patch(picture, mouth_square(landmarks), PATCH_SIZE)


def eye_square(landmarks: Array, number: int) -> Square:
    """Return the square around the left (0) or right (1) eye of the picture."""
    corners = landmarks[[36, 39]] if number == 0 else landmarks[[42, 45]]
    x, y = corners.astype(np.float64).mean(axis=0)
    angle, unit = _eye_line(landmarks)
    return Square(float(x), float(y), EYE_REACH * unit, angle)


def mouth_square(landmarks: Array) -> Square:
    """Return the square around the mouth; it does not move when the mouth opens."""
    angle, unit = _eye_line(landmarks)
    x, y = landmarks[[48, 54]].astype(np.float64).mean(axis=0)
    down = MOUTH_DROP * unit
    return Square(
        float(x - np.sin(angle) * down), float(y + np.cos(angle) * down), MOUTH_REACH * unit, angle
    )


def _eye_line(landmarks: Array) -> tuple[float, float]:
    """Return angle and length of the line between the outer eye corners."""
    across = landmarks[45].astype(np.float64) - landmarks[36]
    return float(np.arctan2(across[1], across[0])), max(float(np.hypot(*across)), 1.0)


def _patch(picture: Array, square: Square, size: int) -> Array:
    return warp(picture, square.to_region(size, -0.5), size)
