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
from ...geometry.resample import warp
from ...records import Array
from ..sheets import grid
from .pairs import FacePairs

#: Swaps faces, as the identity encoder sees them, onto targets: results like the targets,
#: (N, S, S, 3) float32 in [0, 1], and the targets' attribute maps (N, C, h, w) from coarse to fine.
Swapper = Callable[[Array, Array], tuple[Array, list[Tensor]]]

MOST_PAIRS, SHEET_ROWS, AT_ONCE = 32, 8, 8
_JUDGED = ("arcface", CROP_SIZE)


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
        pairs: Where they are from.
        shown: Framing and side of what is swapped.
        face: Framing and side of what the identity encoder sees.
        judge: Name of the encoder that measures identity, another one than taught.
        most: Pairs that are measured at most.

    Raises:
        InputError: If a file of the judge is missing.
    """

    def __init__(
        self,
        pairs: FacePairs,
        shown: tuple[str, int],
        *,
        face: tuple[str, int],
        judge: str,
        most: int = MOST_PAIRS,
    ) -> None:
        step = max(1, len(pairs.held) // most)
        chosen = pairs.held[::step][:most]
        if not chosen:
            self._judge: FaceEncoder | None = None
            return
        self._judge, self._landmarker = open_encoder(judge), DlibLandmarker()
        sources, targets = zip(*chosen, strict=True)
        self._sources, self._targets = (
            np.stack([pairs.picture(row, *shown) for row in rows]) for rows in (sources, targets)
        )
        self._faces, self._own_faces = (
            np.stack([pairs.picture(row, *face) for row in rows]) for rows in (sources, targets)
        )
        # Where the crop of the judge lies in each picture.
        self._source_crops, self._target_crops = (
            [pairs.between(row, shown, _JUDGED) for row in rows] for rows in (sources, targets)
        )
        self._known_sources = self._look(self._sources, self._source_crops)
        self._known_targets = self._look(self._targets, self._target_crops)

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
        results = self._swapped(swap, self._faces)
        again = self._swapped(swap, self._own_faces)
        sources, targets = self._known_sources, self._known_targets
        made = self._look(results, self._target_crops)
        return {
            "identity": self._alike(made, sources),
            "target identity": self._alike(made, targets),
            "pose": float(np.mean([_turned(*two) for two in zip(made, targets, strict=True)])),
            "expression": float(np.mean([_moved(*two) for two in zip(made, targets, strict=True)])),
            "reconstruction": float(255 * np.abs(again - self._targets).mean()),
        }

    def draw(self, swap: Swapper) -> Array | None:
        """Draw a row a pair: source, target, result, and a coarse and a fine attribute map."""
        if self._judge is None:
            return None
        results, maps = swap(self._faces[:SHEET_ROWS], self._targets[:SHEET_ROWS])
        shown = [one.mean(dim=1).cpu().numpy() for one in (maps[len(maps) // 2], maps[-1])]
        side = results.shape[1]
        return grid(
            [
                [
                    *(_levels(one[row]) for one in (self._sources, self._targets, results)),
                    *(_as_grey(one[row], side) for one in shown),
                ]
                for row in range(len(results))
            ]
        )

    def _swapped(self, swap: Swapper, faces: Array) -> Array:
        parts = [
            swap(faces[first : first + AT_ONCE], self._targets[first : first + AT_ONCE])[0]
            for first in range(0, len(faces), AT_ONCE)
        ]
        return np.concatenate(parts)

    def _look(self, pictures: Array, matrices: Sequence[Array]) -> list[_Known]:
        assert self._judge is not None
        found = []
        points = (TEMPLATES["arcface_112_v2"] * CROP_SIZE).astype(np.float32)
        for picture, matrix in zip(pictures, matrices, strict=True):
            crop = warp(_levels(picture), matrix, CROP_SIZE)
            landmarks = self._landmarker.landmarks(crop, points)
            angles = head_angles(landmarks, CROP_SIZE, CROP_SIZE)
            found.append(_Known(self._judge.embed(crop), landmarks, angles))
        return found

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


def _levels(picture: Array) -> Array:
    return np.asarray(np.rint(255 * picture), np.uint8)


def _as_grey(level: Array, side: int) -> Array:
    """Return a map (h, w) as a picture (side, side, 3) uint8, from its lowest to its highest."""
    low, high = float(level.min()), float(level.max())
    grey = ((level - low) / max(high - low, 1e-12) * 255).astype(np.uint8)
    large = cv2.resize(grey, (side, side), interpolation=cv2.INTER_NEAREST)
    return np.repeat(large[..., None], 3, axis=2)
