"""Likeness: identity without light and color, and identity of the eye region."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import cv2
import numpy as np

from ...detection.base import Recognizer
from ...geometry.resample import crop_box
from ...records import Array, Photo
from ..face_motion import FaceHistory
from .columns import mean
from .metric import GoodRange, Metric

GAMMAS = 1.0, 0.7, 1.4  # of the grey copies
LIGHT_SLOPES = -0.4, 0.4  # by which the left side of a grey copy is lighter than its middle
CROP_MARGIN = 1.0  # of the landmarks' size, kept around a face on every side
EYE_REGION_SIZE = (
    1.7,
    0.75,
)  # width and height of the eye region in distances of the outer eye corners
EYE_REGION_RISE = 0.05  # of that distance by which its middle lies above the line of the corners
EYE_REGION_FEATHER = 0.05  # sigma of its border
OUTSIDE_BLUR = 0.35  # sigma of what lies outside of it


class LikenessFamily:
    """Identity without light and color, and identity of the eye region.

    Definition: faces of the result, the original and the source photo are embedded several
    times, and the distances are those of `IdentityFamily`, in the encoder's unit.

    - Light-blind: the mean embedding of grey copies, at the gammas of ``GAMMAS`` and with light
      from either side (``LIGHT_SLOPES``). An encoder rewards the photo's own light and color a
      little; the mean of copies that have every light does not (good: smaller to the source than to
      the original).
    - Eye region: the embedding of the face with all but brows and eyes blurred until only light
      and color are left. It tells people apart less well than the whole face does (good: smaller
      to the source than to the original; a swap that keeps the target's eyes does not reach that).

    Own definitions.
    """

    over_time = False
    columns = ("blind_source", "blind_original", "eyes_source", "eyes_original")
    metrics = (
        Metric("light_blind_to_source", "distance to source, light-blind", "dlib",
               mean("blind_source"), plot=("blind_source", "blind_original"),
               worst="blind_source"),
        # The same without the photo's own light and color.
        Metric("light_blind_to_original", "distance to original, light-blind", "dlib",
               mean("blind_original"),
               good=GoodRange("> to source", above="light_blind_to_source")),
        Metric("eyes_to_source", "eyes: distance to source", "dlib", mean("eyes_source"),
               plot=("eyes_source", "eyes_original")),
        Metric("eyes_to_original", "eyes: distance to original", "dlib", mean("eyes_original")),
    )  # fmt: skip

    def __init__(self, photos: Sequence[Photo], recognizer: Recognizer) -> None:
        """Prepare.

        Args:
            photos: A photo of every source, in order.
            recognizer: The encoder.
        """
        self._recognizer = recognizer
        self._photos = [self._embeddings(one.pixels, one.face.landmarks) for one in photos]

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        now = history.now
        if now.source is None:
            return {}
        original, result = (
            self._embeddings(picture, points)
            for picture, points in zip(
                (now.pair.original, now.pair.result), now.landmarks, strict=True
            )
        )
        distance = self._recognizer.distance
        source = self._photos[now.source]
        return {
            "blind_source": distance(result[0], source[0]),
            "blind_original": distance(result[0], original[0]),
            "eyes_source": distance(result[1], source[1]),
            "eyes_original": distance(result[1], original[1]),
        }

    def _embeddings(self, picture: Array, landmarks: Array | None) -> tuple[Array, Array]:
        """Return the light-blind embedding and that of the eye region, (D,) float32 each."""
        assert landmarks is not None  # photos and face pairs have them
        low, high = landmarks.min(axis=0), landmarks.max(axis=0)
        margin = CROP_MARGIN * float((high - low).max())
        left, top = np.floor(low - margin).astype(int)
        right, bottom = np.ceil(high + margin).astype(int)
        window = crop_box(picture, (int(left), int(top), int(right), int(bottom)))
        points = (landmarks - (left, top)).astype(np.float32)
        embed = self._recognizer.embed
        blind = np.mean([embed(one, points) for one in relit_copies(window)], axis=0)
        return np.asarray(blind, np.float32), embed(eyes_alone(window, points), points)


def relit_copies(picture: Array) -> Iterator[Array]:
    """Yield grey copies (H, W, 3) uint8 of an RGB picture in other light."""
    grey: Array = np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)).astype(np.float32) / 255
    for gamma in GAMMAS:
        yield _as_rgb(grey**gamma)
    for slope in LIGHT_SLOPES:
        yield _as_rgb(grey * np.linspace(1 + slope, 1 - slope, grey.shape[1], dtype=np.float32))


def eyes_alone(picture: Array, landmarks: Array) -> Array:
    """Return a picture (H, W, 3) uint8 RGB that is blurred but for brows and eyes.

    Args:
        picture: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) float32 in its pixels.
    """
    left, right = landmarks[36], landmarks[45]
    across = right - left
    unit = max(float(np.hypot(*across)), 1.0)
    down = np.array([-across[1], across[0]]) / unit
    middle = (left + right) / 2 - EYE_REGION_RISE * unit * down
    half = EYE_REGION_SIZE[0] / 2 * across, EYE_REGION_SIZE[1] / 2 * unit * down
    corners = [middle + x * half[0] + y * half[1] for x, y in ((-1, -1), (1, -1), (1, 1), (-1, 1))]
    mask: Array = np.zeros(picture.shape[:2], np.float32)
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 1.0)
    mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), EYE_REGION_FEATHER * unit))[..., None]
    blurred = cv2.GaussianBlur(picture, (0, 0), OUTSIDE_BLUR * unit)
    return np.round(mask * picture + (1 - mask) * blurred).astype(np.uint8)


def _as_rgb(grey: Array) -> Array:
    return np.dstack([np.round(np.clip(grey, 0, 1) * 255).astype(np.uint8)] * 3)
