"""No step where a swap ends: its tone along the mask's border becomes the target's.

What differs there in tone is spread smoothly into the swap and fades within a short way, like the
membrane of Poisson blending (Perez et al., SIGGRAPH 2003), but without pulling the whole face
along. Texture is not touched, nor are the brows, which make a face as much as its eyes do.
"""

from __future__ import annotations

from functools import reduce

import cv2
import numpy as np

from ..geometry import face_masks as masks
from ..records import Array

SIDE = 64  # pixels of the grid on which tones are compared
REACH = 0.035  # of the side, standard deviation of how far a difference is spread
LIMIT = 60.0  # of 255: a larger difference is less and less one of tone, but a collar or hair
DOUBT = 0.05  # weight against following a border that is hardly there


def match_border_tone(
    swap: Array, target: Array, mask: Array, front: Array | None, landmarks: Array
) -> Array:
    """Give a swap its target's tone along the border of its mask.

    Not along a hand or thing in front of it: that has a tone of its own, which would lie on the
    face around it like a glow.

    Args:
        swap: (S, S, 3) float32 RGB, 0 to 255.
        target: (S, S, 3) float32 RGB, 0 to 255.
        mask: (S, S) float32, 0 to 1: what of the swap will be seen where nothing is in front.
        front: (S, S) float32, 0 to 1: what is in front; None for nothing.
        landmarks: (68, 2) in pixels of the pictures.

    Returns:
        (S, S, 3) float32 RGB, 0 to 255.
    """
    small = (SIDE, SIDE)
    tones = [cv2.resize(one, small, interpolation=cv2.INTER_AREA) for one in (target, swap)]
    apart = np.subtract(*tones)
    soft = cv2.resize(mask, small, interpolation=cv2.INTER_AREA)
    border = 4.0 * soft * (1.0 - soft)  # most where both are seen alike
    if front is not None:
        there = cv2.resize(front, small, interpolation=cv2.INTER_AREA)
        border *= 1.0 - cv2.dilate(there, np.ones((3, 3), np.uint8))
    most = reduce(cv2.max, cv2.split(np.abs(apart)))
    border *= np.clip(2.0 - most / LIMIT, 0.0, 1.0)
    sigma = REACH * SIDE
    near = cv2.GaussianBlur(border, (0, 0), sigma)[..., None]
    share = np.minimum(near / (0.3 * max(float(near.max()), DOUBT)), 1.0) / (near + DOUBT)
    share *= 1.0 - _brows(landmarks * (SIDE / len(mask)))[..., None]
    tone = cv2.GaussianBlur(apart * border[..., None], (0, 0), sigma) * share
    # What that smoothed over is followed in colour. In luma it would carry flicker into the face.
    left = apart - tone
    left -= cv2.cvtColor(left, cv2.COLOR_RGB2GRAY)[..., None]
    tone += cv2.GaussianBlur(left * border[..., None], (0, 0), sigma) * share
    change = cv2.resize(tone, swap.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    made = cv2.add(swap, change)
    return np.asarray(np.clip(made, 0.0, 255.0, out=made))


def _brows(landmarks: Array) -> Array:
    """Return the soft mask (SIDE, SIDE) of the brows."""
    sides = (landmarks[17:22], landmarks[22:27])
    drawn = np.maximum(*(masks.hull(masks.grown(brow, 1.25), SIDE) for brow in sides))
    return np.asarray(cv2.GaussianBlur(cv2.dilate(drawn, np.ones((3, 3))), (0, 0), 0.02 * SIDE))
