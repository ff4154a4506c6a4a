"""A small network that corrects swaps (`networks.correction`), run by onnxruntime.

It sees swaps and says in maps of 48 x 48 what to change; the finisher steadies the maps over time
and applies them (`compositing.correction`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ...compositing.correction import GAIN, OFFSET
from ...compositing.kept_regions import open_mask
from ...fingerprint import file_digest
from ...geometry.face_masks import fill_polygon, scale_points
from ...geometry.face_mesh import EYES
from ...geometry.resample import blur, resize
from ...paths import AnyPath
from ...records import Array, Crop, SwappedCrop
from ...weights.onnx_models import open_onnx
from ...weights.store import require

#: Name in the manifest of weights.
MESH_CORRECTION = "mesh_correction"
#: Side of the pictures that the network sees.
INPUT_SIZE = 96
#: Share by which eyes stay as they are drawn: what is lit as a photo has it looks pale or black.
EYES_SPARED, EYE_GROWTH = 0.8, 1.5
#: Of the side: color is changed at no finer size.
COLOR_SIZE = 1 / 8


class Corrector:
    """The network on one thread of the CPU.

    Args:
        path: ONNX file as ``videoswap train lite`` writes it; None takes it from the folder of
            weights.

    Raises:
        InputError: ``missing_weights`` or ``damaged_weights``.
    """

    def __init__(self, path: AnyPath | None = None) -> None:
        file = require(MESH_CORRECTION) if path is None else Path(path)
        self._session = open_onnx(file, threads=1)
        self.key = f"correction {file_digest(file)}"

    def maps(
        self,
        crops: Sequence[Crop],
        swaps: Sequence[SwappedCrop],
        descriptors: Sequence[Array],
        keeps: frozenset[str],
    ) -> Array:
        """Say what to change in swaps.

        Args:
            crops: Crops of any sizes.
            swaps: What was made of them.
            descriptors: dlib's descriptor (128,) of the source of each.
            keeps: What the target keeps in all of them.

        Returns:
            (N, 8, 48, 48) float32, see `networks.correction.CorrectionNetwork`.
        """
        seen = np.stack([_input(*pair, keeps) for pair in zip(crops, swaps, strict=True)])
        inputs = {"pictures": seen, "descriptor": np.stack(descriptors).astype(np.float32)}
        maps = np.asarray(self._session.run(["maps"], inputs)[0], np.float32)
        for own, swap in zip(maps, swaps, strict=True):
            for part in (GAIN, OFFSET):
                own[part] = evenly_colored(own[part], swap.mask)
        eyes = np.stack([_eyes(*pair, maps.shape[-1]) for pair in zip(crops, swaps, strict=True)])
        neutral = np.zeros((maps.shape[1], 1, 1), np.float32)
        neutral[GAIN] = 1.0
        return maps + EYES_SPARED * eyes[:, None] * (neutral - maps)


def evenly_colored(change: Array, mask: Array) -> Array:
    """Let a change keep its brightness, and of its color what is wide: no nose is made red.

    Args:
        change: (3, N, N) float32, of the channels.
        mask: (S, S) float32, 0 to 1, of the swap.

    Returns:
        (3, N, N) float32.
    """
    side = change.shape[-1]
    inside = resize(mask, side, side)[..., None] + np.float32(1e-3)
    common = change.mean(axis=0, keepdims=True)
    color = np.moveaxis(change - common, 0, -1)
    both = blur(np.dstack([color * inside, inside]), COLOR_SIZE * side)
    return np.asarray(common + np.moveaxis(both[..., :3] / both[..., 3:], -1, 0))


def _eyes(crop: Crop, swap: SwappedCrop, side: int) -> Array:
    """Return where eyes are drawn, (N, N) float32, 0 to 1."""
    points = (swap.reshaped or crop).dense_landmarks
    mask = np.zeros((side, side), np.float32)
    if points is None:
        return mask
    places = (points[:, :2] + 0.5) * (side / len(crop.pixels)) - 0.5
    for eye in EYES:
        mask = np.maximum(mask, fill_polygon(scale_points(places[eye], EYE_GROWTH), side))
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.7))


def _input(crop: Crop, swap: SwappedCrop, keeps: frozenset[str]) -> Array:
    """Return target, swap and mask as the network sees them, (96, 96, 7) float32."""
    bottom = swap.reshaped or crop
    mask = open_mask(bottom, swap.mask, swap.keeps | keeps)
    if bottom.occluder_mask is not None:
        mask = mask * (1.0 - bottom.occluder_mask)
    pictures = (bottom.pixels, swap.pixels, mask)
    small = [resize(one, INPUT_SIZE, INPUT_SIZE) for one in pictures]
    return np.dstack(small).astype(np.float32)
