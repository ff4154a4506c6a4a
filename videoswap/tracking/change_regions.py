"""Where a frame shows something that the keyframes on both sides of it do not.

A face that comes and goes between two keyframes changes the picture there and back. The thumbs
that the cut detection makes anyway are enough to see where, so a still picture costs nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..records import Array
from .shots import Thumb

EVERY = 3  # frames: who shows for that long is seen in at least one frame looked at
LARGE = 0.15  # share of the picture above which the search is coarse, and once a window is enough
CHANGE = 0.04  # of the brightest, in any channel
PADDING = 2  # cells around a change, since a face needs its surroundings
MOST = 4  # regions of a frame


def change_regions(thumbs: Sequence[Thumb]) -> dict[int, list[Array]]:
    """Return the regions to be searched by place in the window.

    Args:
        thumbs: Of the keyframe before the window, and of its frames; the last is a keyframe.

    Returns:
        (4,) float64 boxes each, left, top, right, bottom in shares of the picture.
    """
    frames = len(thumbs) - 1
    found = {place: _regions(thumbs, place) for place in range(EVERY - 1, frames - 1, EVERY)}
    if any(_area(regions) > LARGE for regions in found.values()):
        middle = (frames - 1) // 2
        found = {middle: _regions(thumbs, middle)}
    return {place: regions for place, regions in found.items() if regions}


def _regions(thumbs: Sequence[Thumb], place: int) -> list[Array]:
    """Return the boxes of what is unlike both keyframes in a frame, the largest first."""
    now, keyframes = thumbs[place + 1], (thumbs[0], thumbs[-1])
    unlike = [np.abs(now.pixels - one.pixels).max(axis=2) for one in keyframes]
    changed = (np.minimum(*unlike) > CHANGE).astype(np.uint8)
    grown = cv2.dilate(changed, np.ones((2 * PADDING + 1,) * 2, np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(grown)
    order = sorted(range(1, len(stats)), key=lambda label: -int(stats[label, cv2.CC_STAT_AREA]))
    shape = np.array(changed.shape[::-1] * 2, np.float64)
    corners = stats[:, :4] + np.pad(stats[:, :2], ((0, 0), (2, 0)))
    return [corners[label] / shape for label in order[:MOST]]


def _area(regions: Sequence[Array]) -> float:
    """Return the sum of the areas of some regions, as a share of the picture."""
    return sum(float(np.prod(box[2:] - box[:2])) for box in regions)
