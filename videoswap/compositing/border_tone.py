"""The tone of a swap along the border of its mask, matched to the target's.

The difference in tone along the border is spread smoothly into the swap and fades within a short
way, like the membrane of Poisson blending (Perez et al., "Poisson image editing", SIGGRAPH 2003),
but without pulling the whole face along. Texture is not touched, nor are the brows, which make a
face as much as its eyes do.
"""

from __future__ import annotations

from functools import reduce

import cv2
import numpy as np

from ..geometry import face_masks as masks
from ..geometry.resample import resize
from ..records import Array

TONE_SIZE = 64  # side in pixels of the grid on which tones are compared
SPREAD = 0.035  # of the side, standard deviation of how far a difference is spread
#: Of 255: a larger difference is less and less one of tone, but a collar or hair.
MAX_TONE_DIFFERENCE = 60.0
MIN_BORDER = 0.05  # weight against following a border that is hardly there

_NEAR = np.ones((3, 3), np.uint8)


def match_border_tone(
    swap: Array, target: Array, mask: Array, occluder: Array | None, landmarks: Array
) -> Array:
    """Give a swap its target's tone along the border of its mask.

    Not along an occluder: that has a tone of its own, which would lie on the face around it like
    a glow.

    Args:
        swap: (S, S, 3) float32 RGB, 0 to 255.
        target: (S, S, 3) float32 RGB, 0 to 255.
        mask: (S, S) float32, 0 to 1: what of the swap will be seen where nothing is in front.
        occluder: (S, S) float32, 0 to 1: what is in front of the face; None for nothing.
        landmarks: (68, 2) in pixels of the pictures.

    Returns:
        (S, S, 3) float32 RGB, 0 to 255.
    """
    difference = resize(target, TONE_SIZE, TONE_SIZE) - resize(swap, TONE_SIZE, TONE_SIZE)
    soft = resize(mask, TONE_SIZE, TONE_SIZE)
    border = 4.0 * soft * (1.0 - soft)  # most where both are seen alike
    if occluder is not None:
        small = resize(occluder, TONE_SIZE, TONE_SIZE)
        border *= 1.0 - cv2.dilate(small, np.ones((3, 3), np.uint8))
    largest = reduce(cv2.max, cv2.split(np.abs(difference)))
    border *= np.clip(2.0 - largest / MAX_TONE_DIFFERENCE, 0.0, 1.0)
    sigma = SPREAD * TONE_SIZE
    near = cv2.GaussianBlur(border, (0, 0), sigma)[..., None]
    share = np.minimum(near / (0.3 * max(float(near.max()), MIN_BORDER)), 1.0) / (near + MIN_BORDER)
    share *= 1.0 - brow_mask(landmarks * (TONE_SIZE / len(mask)))[..., None]
    tone = cv2.GaussianBlur(difference * border[..., None], (0, 0), sigma) * share
    # What that smoothed over is followed in color. In luma it would carry flicker into the face.
    left = difference - tone
    left -= cv2.cvtColor(left, cv2.COLOR_RGB2GRAY)[..., None]
    tone += cv2.GaussianBlur(left * border[..., None], (0, 0), sigma) * share
    matched = cv2.add(swap, resize(tone, len(swap), len(swap)))
    return np.asarray(np.clip(matched, 0.0, 255.0, out=matched))


def brow_mask(landmarks: Array) -> Array:
    """Return the soft mask (TONE_SIZE, TONE_SIZE) of the brows of (68, 2) points in that size."""
    drawn = np.zeros((TONE_SIZE, TONE_SIZE), np.uint8)
    for brow in (landmarks[17:22], landmarks[22:27]):
        masks.draw_hull(drawn, masks.scale_points(brow, 1.25))
    soft = cv2.dilate(drawn, _NEAR) * np.float32(1.0 / 255.0)
    return np.asarray(cv2.GaussianBlur(soft, (0, 0), 0.02 * TONE_SIZE))
