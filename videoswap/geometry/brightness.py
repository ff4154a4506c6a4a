"""Pictures compared by how many times brighter one is than the other.

Light multiplies, so two pictures of one thing in two lights differ by a factor, which in the
logarithm is a difference. Pictures are float32, 0 to 255.
"""

from __future__ import annotations

import numpy as np

from ..records import Array

RATIO_FLOOR = 12.0  # of 255: below this a ratio of two pixels is noise, so it is added to both


def log_ratio(picture: Array, other: Array) -> Array:
    """Return the logarithm of how many times brighter ``picture`` is, shaped like both."""
    return np.asarray(np.log((picture + RATIO_FLOOR) / (other + RATIO_FLOOR)))


def brightened(picture: Array, factor: Array) -> Array:
    """Make a picture ``factor`` times brighter, 0 to 255; undoes :func:`log_ratio`.

    Args:
        picture: Of any shape.
        factor: Shaped like the picture or spread over it, above 0.
    """
    return np.asarray(np.clip((picture + RATIO_FLOOR) * factor - RATIO_FLOOR, 0, 255))
