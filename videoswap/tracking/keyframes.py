"""Groups of frames that end with a keyframe, and where a frame between two keyframes differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import cv2
import numpy as np

from ..detection.face_view import FramePicture
from ..records import Array
from .shots import FrameFeatures, ShotDetector, ShotState

COMPARED_EVERY = 3  # frames: whoever shows for that long is in at least one compared frame
LARGE_CHANGE = 0.15  # fraction of the picture above which only one frame of a group is searched
LEAST_CHANGE = 0.04  # of the brightest, in any channel
PADDING = 2  # cells around a change, since a face needs its surroundings
MAX_REGIONS = 4  # of a frame


@dataclass(frozen=True, slots=True, eq=False)
class KeyframeGroup:
    """Consecutive frames of one shot; the last one is a keyframe.

    Attributes:
        frames: The frames.
        begins_shot: Whether a shot begins with the first of them.
        features: Their features, preceded by those of the frame before, if it is of this shot.
        shot: What is known of the shot after them.
    """

    frames: tuple[FramePicture, ...]
    begins_shot: bool
    features: tuple[FrameFeatures, ...]
    shot: ShotState


def keyframe_groups(
    pictures: Iterable[FramePicture], shot: ShotState, interval: int
) -> Iterator[KeyframeGroup]:
    """Group frames: the first frame of a shot alone, then ``interval`` frames each.

    Args:
        pictures: The frames in order.
        shot: What is known of the shot before them.
        interval: Frames of a group.
    """
    group: list[FramePicture] = []
    features = [] if shot.last is None else [shot.last]
    begins, known = False, shot
    detector = ShotDetector()
    detector.state = shot
    marked = detector.mark(pictures, lambda frame: frame.picture)
    with closing(marked):
        for frame, is_first in marked:
            after = detector.state
            assert after.last is not None
            if group and is_first:
                yield KeyframeGroup(tuple(group), begins, tuple(features), known)
                group = []
            if not group:
                begins, features = is_first, [] if is_first else features[-1:]
            group.append(frame)
            features.append(after.last)
            known = after
            if is_first or len(group) == interval:
                yield KeyframeGroup(tuple(group), begins, tuple(features), known)
                group = []
        if group:
            yield KeyframeGroup(tuple(group), begins, tuple(features), known)


def change_regions(features: Sequence[FrameFeatures]) -> dict[int, list[Array]]:
    """Return the regions of a group that differ from both keyframes around it.

    Who comes and goes between two keyframes changes the picture there and back.

    Args:
        features: Of the keyframe before the group, and of its frames; the last is a keyframe.

    Returns:
        By index in the group, (4,) float64 boxes: left, top, right, bottom as fractions of the
        picture.
    """
    frames = len(features) - 1
    compared = range(COMPARED_EVERY - 1, frames - 1, COMPARED_EVERY)
    found = {index: _regions(features, index) for index in compared}
    if any(_area(regions) > LARGE_CHANGE for regions in found.values()):
        middle = (frames - 1) // 2
        found = {middle: _regions(features, middle)}
    return {index: regions for index, regions in found.items() if regions}


def _regions(features: Sequence[FrameFeatures], index: int) -> list[Array]:
    """Return the boxes of what is unlike both keyframes in a frame, the largest first."""
    now, keyframes = features[index + 1], (features[0], features[-1])
    unlike = [np.abs(now.pixels - one.pixels).max(axis=2) for one in keyframes]
    changed = (np.minimum(*unlike) > LEAST_CHANGE).astype(np.uint8)
    grown = cv2.dilate(changed, np.ones((2 * PADDING + 1,) * 2, np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(grown)
    order = sorted(range(1, len(stats)), key=lambda label: -int(stats[label, cv2.CC_STAT_AREA]))
    shape = np.array(changed.shape[::-1] * 2, np.float64)
    corners = stats[:, :4] + np.pad(stats[:, :2], ((0, 0), (2, 0)))
    return [corners[label] / shape for label in order[:MAX_REGIONS]]


def _area(regions: Sequence[Array]) -> float:
    """Return the sum of the areas of some regions, as a fraction of the picture."""
    return sum(float(np.prod(box[2:] - box[:2])) for box in regions)
