"""How well a swapper does on held-out faces, in numbers and as a sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from ...detection.landmarks import DlibLandmarker
from ...evaluation.encoders import CROP_SIZE, FaceEncoder, open_encoder
from ...geometry.affine import TEMPLATES, similarity, transform
from ...geometry.face_masks import face_height
from ...geometry.head_pose import head_angles
from ...geometry.resample import resize
from ...records import Array
from ..sheets import grid
from .pairs import FacePairs

#: Swaps sources onto targets, (N, S, S, 3) uint8 RGB both: results, and the targets' attribute
#: maps (N, C, h, w), from coarse to fine.
Swapper = Callable[[Array, Array], tuple[Array, list[Tensor]]]

MOST_PAIRS, SHEET_ROWS, AT_ONCE = 32, 8, 8
_FRAMING = "arcface_112_v2"


@dataclass(slots=True, eq=False)
class _Known:
    """What the judges say of a picture.

    Attributes:
        embedding: (D,).
        landmarks: (68, 2) in its pixels.
        angles: Yaw, pitch and roll in degrees, or None.
    """

    embedding: Array
    landmarks: Array
    angles: Array | None


class HeldOutSwaps:
    """Measures and draws swaps of held-out pairs.

    Args:
        pairs: Where they are from, in ArcFace's framing.
        size: Side of the pictures.
        judge: Name of the encoder that measures identity, another one than taught.

    Raises:
        InputError: If a file of the judge is missing.
    """

    def __init__(self, pairs: FacePairs, size: int, judge: str) -> None:
        step = max(1, len(pairs.held) // MOST_PAIRS)
        chosen = pairs.held[::step][:MOST_PAIRS]
        self._sources, self._targets = (
            np.stack([pairs.picture(pair[side], size) for pair in chosen])
            if chosen
            else np.zeros((0, size, size, 3), np.uint8)
            for side in (0, 1)
        )
        self._judge: FaceEncoder | None = open_encoder(judge) if chosen else None
        self._landmarker = DlibLandmarker() if chosen else None
        self._known = [
            [self._look(one) for one in pictures] for pictures in (self._sources, self._targets)
        ]

    def measure(self, swap: Swapper) -> dict[str, float]:
        """Measure what a generator makes of them.

        Returns:
            ``identity``: similarity of result and source by the judge, as it gives it (see
            :meth:`FaceEncoder.similarity`), larger is better. ``target identity``: the same of
            result and target, smaller is better. ``pose``: mean difference of yaw, pitch and roll
            from the target in degrees. ``expression``: mean distance of the landmarks from the
            target's after the best similarity transform, in face heights. ``reconstruction``: mean
            absolute difference from the target, 0 to 255, where it is swapped with itself. Nothing
            if there are no held-out pairs.
        """
        if self._judge is None:
            return {}
        results = self._swapped(swap, self._sources)
        again = self._swapped(swap, self._targets)
        sources, targets = self._known
        made = [self._look(one) for one in results]
        return {
            "identity": self._alike(made, sources),
            "target identity": self._alike(made, targets),
            "pose": float(np.mean([_turned(*two) for two in zip(made, targets, strict=True)])),
            "expression": float(np.mean([_moved(*two) for two in zip(made, targets, strict=True)])),
            "reconstruction": float(np.abs(again.astype(np.int16) - self._targets).mean()),
        }

    def draw(self, swap: Swapper) -> Array | None:
        """Draw a row a pair: source, target, result, and a coarse and a fine attribute map."""
        if not len(self._targets):
            return None
        sources, targets = self._sources[:SHEET_ROWS], self._targets[:SHEET_ROWS]
        results, maps = swap(sources, targets)
        shown = [one.mean(dim=1).cpu().numpy() for one in (maps[len(maps) // 2], maps[-1])]
        rows: list[Sequence[Array]] = [
            (*pictures, *(_as_grey(one[place], targets.shape[1]) for one in shown))
            for place, pictures in enumerate(zip(sources, targets, results, strict=True))
        ]
        return grid(rows)

    def _swapped(self, swap: Swapper, sources: Array) -> Array:
        parts = [
            swap(sources[first : first + AT_ONCE], self._targets[first : first + AT_ONCE])[0]
            for first in range(0, len(sources), AT_ONCE)
        ]
        return np.concatenate(parts)

    def _look(self, picture: Array) -> _Known:
        assert self._judge is not None and self._landmarker is not None
        crop = resize(picture, CROP_SIZE, CROP_SIZE)
        points = (TEMPLATES[_FRAMING] * CROP_SIZE).astype(np.float32)
        landmarks = self._landmarker.landmarks(crop, points)
        angles = head_angles(landmarks, CROP_SIZE, CROP_SIZE)
        return _Known(self._judge.embed(crop), landmarks, angles)

    def _alike(self, ones: Sequence[_Known], others: Sequence[_Known]) -> float:
        assert self._judge is not None
        sides = (np.stack([one.embedding for one in side]) for side in (ones, others))
        return float(self._judge.similarity(*sides).mean())


def _turned(one: _Known, other: _Known) -> float:
    """Return the mean difference of the angles in degrees; 90 where no head fits."""
    if one.angles is None or other.angles is None:
        return 90.0
    return float(np.abs((one.angles - other.angles + 180) % 360 - 180).mean())


def _moved(one: _Known, other: _Known) -> float:
    laid = transform(similarity(one.landmarks, other.landmarks), one.landmarks)
    unit = np.linalg.norm(face_height(other.landmarks))
    return float(np.linalg.norm(laid - other.landmarks, axis=1).mean() / unit)


def _as_grey(level: Array, side: int) -> Array:
    """Return a map (h, w) as a picture (side, side, 3) uint8, from its lowest to its highest."""
    low, high = float(level.min()), float(level.max())
    grey = ((level - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    large = cv2.resize(grey, (side, side), interpolation=cv2.INTER_NEAREST)
    return np.repeat(large[..., None], 3, axis=2)
