"""How much of a face something is before."""

from __future__ import annotations

import numpy as np

from ..geometry import face_masks as masks
from ..records import Array


def hidden_share(front: Array, landmarks: Array) -> float:
    """Return how much of a face something is before.

    Args:
        front: (SIDE, SIDE) float32, 0 to 1, of the framed face.
        landmarks: (68, 2) in its pixels.
    """
    outline = np.vstack([landmarks, masks.forehead(landmarks, 0.1)])
    face = masks.hull(outline, len(front)) > 0.5
    return float((front[face] > 0.5).mean()) if face.any() else 0.0
