"""Masks of the engine ghost: GHOST's own where 106 landmarks can be had."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...geometry.face_masks import fade_border
from ...records import Array, Crop
from ...weights.onnx_models import open_insightface
from ..neural import resized, rounded
from .mask_rule import (
    SIDE,
    GhostMaskRule,
    choose_rule,
    draw_mask,
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
        points = self._landmarks(rounded(resized(swapped, SIDE)))
        who = crop.source if self._exact else crop.track
        if who not in self._rules:
            before = self._landmarks(rounded(resized(crop.pixels, SIDE)))
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
