"""BlendFace's blending: a face pasted onto another person's picture, in that picture's colours.

It makes the training pictures of BlendFace's encoder: the pasted face keeps its label. Source:
mapooon/BlendFace, training/dataset.py, as described in the contract (TRAINING.md).
"""

from __future__ import annotations

import cv2
import numpy as np

from ...records import Array

#: Parsing labels that are pasted: skin, brows, eyes, glasses, nose, lips, mouth.
LABELS = (1, 2, 3, 4, 5, 6, 10, 11, 12, 13)


def face_region(parsing: Array) -> Array:
    """Return where a parsing map (H, W) shows the face that is pasted: (H, W) bool."""
    return np.isin(parsing, LABELS)


def colour_transfer(
    source: Array, target: Array, source_region: Array, target_region: Array
) -> Array:
    """Give a face mean and spread of another one's colours, in Lab.

    Args:
        source: (H, W, 3) uint8 RGB that is changed.
        target: (H, W, 3) uint8 RGB that gives the colours.
        source_region: (H, W) bool, where the source's colours are measured.
        target_region: (H, W) bool, where the target's are.

    Returns:
        (H, W, 3) float32 RGB, 0 to 255.
    """
    lab, other = (
        cv2.cvtColor(picture.astype(np.float32) / 255.0, cv2.COLOR_RGB2LAB)
        for picture in (source, target)
    )
    have, want = lab[source_region], other[target_region]
    spread = want.std(axis=0) / np.maximum(have.std(axis=0), 1e-6)
    moved = (lab - have.mean(axis=0)) * spread + want.mean(axis=0)
    return np.asarray(cv2.cvtColor(moved.astype(np.float32), cv2.COLOR_LAB2RGB) * 255.0)


def paste_mask(source_region: Array, target_region: Array) -> Array | None:
    """Return the soft mask (H, W) float32, 0 to 1, of what both faces cover.

    None if that is not more than half of the larger face: such a pair is not blended.
    """
    both = source_region & target_region
    if 2 * int(both.sum()) <= max(int(source_region.sum()), int(target_region.sum())):
        return None
    core = _blurred(both.astype(np.float32)) == 1.0
    if not core.any():
        return None
    return _blurred(core.astype(np.float32))


def blend(source: Array, target: Array, source_parsing: Array, target_parsing: Array) -> Array:
    """Paste the face of ``source`` onto ``target``; the result counts as a picture of ``source``.

    Args:
        source: (H, W, 3) uint8 RGB.
        target: (H, W, 3) uint8 RGB of the same size, aligned in the same way.
        source_parsing: (H, W) parsing labels.
        target_parsing: (H, W) parsing labels.

    Returns:
        (H, W, 3) uint8 RGB; ``source`` itself if the faces do not cover each other.
    """
    source_region, target_region = face_region(source_parsing), face_region(target_parsing)
    mask = paste_mask(source_region, target_region)
    if mask is None:
        return source
    matched = colour_transfer(source, target, source_region, target_region)
    weight = mask[..., None]
    return np.clip(np.rint(matched * weight + target * (1.0 - weight)), 0, 255).astype(np.uint8)


def _blurred(mask: Array) -> Array:
    soft = np.asarray(cv2.GaussianBlur(mask, (11, 11), 0))
    return np.asarray(soft / soft.max(), np.float32)
