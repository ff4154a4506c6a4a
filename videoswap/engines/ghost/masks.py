"""GHOST's mask, from 106 landmarks of the swapped and of the target face.

Source: ai-forever/ghost, utils/inference/masks.py. The landmarks are in the order of insightface's
2d106det.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ...geometry.face_masks import fade_border
from ...records import Array, Crop, Fallback
from ...weights.onnx_models import open_insightface, provider_notes, providers_of
from ...weights.store import missing_files, require
from ..neural import MaskRule, outline_mask, resized, rounded
from .options import LANDMARKS

#: Side of the crop that the rules' pixels mean.
CROP_SIZE = 224

_BROWS = np.array([43, 48, 49, 51, 50, 102, 103, 104, 105, 101])
_EYE_TOPS = np.array([35, 41, 40, 42, 39, 89, 95, 94, 96, 93])
_LEFT_JAW, _RIGHT_JAW = [1, 2, 13], [17, 18, 29]


@dataclass(frozen=True, slots=True)
class GhostMaskRule:
    """How a mask is drawn; lengths in pixels of a crop of 224.

    Attributes:
        erode: Side of the square by which the face is made smaller; larger where negative.
        sigma_x: Blur along the rows.
        sigma_y: Blur along the columns; twice this is kept free at every border.
    """

    erode: int
    sigma_x: int
    sigma_y: int

    @property
    def brow_factor(self) -> float:
        """How far the brows are raised, in halves of their height over the eyes."""
        if self.erode == 15:
            return 2.7
        return 0.5 if self.erode < 0 else 2.0


def choose_rule(swapped: Array, target: Array) -> GhostMaskRule:
    """Choose by how much wider the swapped face is than the target's.

    Args:
        swapped: (106, 2) landmarks of the swapped face in a crop of 224.
        target: (106, 2) landmarks of the target's face in the same crop.
    """
    left = float((swapped[_LEFT_JAW, 0] - target[_LEFT_JAW, 0]).sum())
    right = float((target[_RIGHT_JAW, 0] - swapped[_RIGHT_JAW, 0]).sum())
    offset = max(left, right)
    if offset > 6:
        return GhostMaskRule(15, 15, 10)
    if offset > 3:
        return GhostMaskRule(10, 10, 8)
    if offset < -3:
        return GhostMaskRule(-5, 5, 10)
    return GhostMaskRule(5, 5, 5)


def draw_mask(landmarks: Array, rule: GhostMaskRule) -> Array:
    """Draw the mask (224, 224) uint8, 0 to 255.

    Args:
        landmarks: (106, 2) landmarks of the swapped face in a crop of 224.
        rule: From ``choose_rule``.
    """
    points = landmarks.astype(np.int32)  # whole pixels, as in the reference
    lift = rule.brow_factor * 0.5 * (points[_BROWS] - points[_EYE_TOPS])
    points[_BROWS] = (points[_BROWS] + lift).astype(np.int32)
    mask = np.zeros((CROP_SIZE, CROP_SIZE), np.uint8)
    cv2.fillConvexPoly(mask, cv2.convexHull(points), 255)
    square = np.ones((abs(rule.erode), abs(rule.erode)), np.uint8)
    mask = np.asarray(cv2.erode(mask, square) if rule.erode > 0 else cv2.dilate(mask, square))
    edge = 2 * rule.sigma_y
    mask[:edge] = mask[-edge:] = 0
    mask[:, :edge] = mask[:, -edge:] = 0
    return np.asarray(
        cv2.GaussianBlur(mask, (0, 0), sigmaX=rule.sigma_x, sigmaY=rule.sigma_y), np.uint8
    )


#: Finds (106, 2) float32 landmarks in a face crop (224, 224, 3) uint8 RGB.
Landmarks106 = Callable[[Array], Array]


class GhostMasks:
    """GHOST's mask, its rule chosen at a face's first swapped frame and then kept.

    The reference keeps it for the whole video; it means to choose again when the face comes
    back, but an error in it prevents that. Here every track gets its own.

    Args:
        landmarks: Finds the 106 landmarks.
        exact: Keep one rule per person for the whole run, and let the mask reach the border.
    """

    def __init__(self, landmarks: Landmarks106, exact: bool = False) -> None:
        self._landmarks = landmarks
        self._exact = exact
        self._rules: dict[int, GhostMaskRule] = {}

    def __call__(self, crop: Crop, swapped: Array) -> Array:
        """Draw the mask (S, S) float32 of a crop for its swapped picture (S, S, 3)."""
        points = self._landmarks(rounded(resized(swapped, CROP_SIZE)))
        who = crop.source if self._exact else crop.track
        if who not in self._rules:
            before = self._landmarks(rounded(resized(crop.pixels, CROP_SIZE)))
            self._rules[who] = choose_rule(points, before)
        drawn = draw_mask(points, self._rules[who]).astype(np.float32) / 255.0
        mask = resized(drawn, crop.pixels.shape[0])
        return mask if self._exact else fade_border(mask, 0.05 * len(mask))


class Face2d106:
    """insightface's 2d106 network on a local file.

    Args:
        path: ``2d106det.onnx``.
        providers: onnxruntime's execution providers, best first.

    Raises:
        ImportError: If insightface, or what it needs, is not installed.
        InputError: ``damaged_weights``.
    """

    def __init__(self, path: Path, providers: Sequence[str]) -> None:
        self._network = open_insightface("landmark", "Landmark", path, providers)
        self.notes = provider_notes(providers_of(self._network.session), providers, path.name)

    def __call__(self, picture: Array) -> Array:
        """Find (106, 2) float32 landmarks of the face that fills ``picture`` (uint8 RGB).

        A box as large as the crop makes insightface shrink it by 128/224 into the middle of its
        192 pixels, which is what GHOST does.
        """
        whole = _Box(np.array([0, 0, *picture.shape[1::-1]], np.float32))
        found = self._network.get(np.ascontiguousarray(picture[..., ::-1]), whole)
        return np.asarray(found, np.float32)


class _Box(dict[str, Any]):
    """The part of insightface's Face that its networks read and write."""

    def __init__(self, bbox: Array) -> None:
        super().__init__()
        self.bbox = bbox


def mask_rule(exact: bool, providers: Sequence[str]) -> tuple[MaskRule, tuple[Fallback, ...]]:
    """Choose the masks: GHOST's where its 106 landmarks can be had.

    Args:
        exact: See :class:`GhostMasks`.
        providers: onnxruntime's execution providers, best first.
    """
    reason = missing_files([LANDMARKS], LANDMARKS)
    if reason is None:
        try:
            landmarks = Face2d106(require(LANDMARKS), providers)
            return GhostMasks(landmarks, exact), landmarks.notes
        except ImportError as error:
            reason = f"insightface cannot be imported ({error})"
    note = Fallback("GHOST's mask", "the outline of the 68 landmarks as the mask", reason or "")
    return outline_mask, (note,)
