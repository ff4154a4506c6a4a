"""Groups of frames that end with a keyframe, and where a frame between two keyframes differs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import cv2
import numpy as np

from ..detection.face_view import FramePicture
from ..records import Array
from .shots import FrameFeatures, ShotState, with_cuts


@dataclass(frozen=True, slots=True, eq=False)
class KeyframeGroup:
    """Consecutive frames of one shot; the last one is a keyframe.

    Attributes:
        frames: The frames.
        begins_scene: Whether a shot begins with the first of them.
        thumbs: Their thumbs, preceded by that of the frame before, if it is of this shot.
        cuts: What is known of the shot after them.
    """

    frames: tuple[FramePicture, ...]
    begins_scene: bool
    thumbs: tuple[FrameFeatures, ...]
    cuts: ShotState


def keyframe_groups(
    pictures: Iterable[FramePicture], cuts: ShotState, interval: int
) -> Iterator[KeyframeGroup]:
    """Group frames: the first frame of a shot alone, then ``interval`` frames each.

    Args:
        pictures: The frames in order.
        cuts: The shot so far.
        interval: Frames of a window.
    """
    group: list[FramePicture] = []
    thumbs = [] if cuts.last is None else [cuts.last]
    begins, known = False, cuts
    frames = with_cuts(pictures, lambda frame: frame.picture, cuts)
    with closing(frames):  # type: ignore[type-var]
        for frame, cut, after in frames:
            assert after.last is not None
            if group and cut:
                yield KeyframeGroup(tuple(group), begins, tuple(thumbs), known)
                group = []
            if not group:
                begins, thumbs = cut, [] if cut else thumbs[-1:]
            group.append(frame)
            thumbs.append(after.last)
            known = after
            if cut or len(group) == interval:
                yield KeyframeGroup(tuple(group), begins, tuple(thumbs), known)
                group = []
        if group:
            yield KeyframeGroup(tuple(group), begins, tuple(thumbs), known)


EVERY = 3  # frames: who shows for that long is seen in at least one frame looked at


LARGE = 0.15  # share of the picture above which the search is coarse, and once a window is enough


CHANGE = 0.04  # of the brightest, in any channel


PADDING = 2  # cells around a change, since a face needs its surroundings


MOST = 4  # regions of a frame


def change_regions(thumbs: Sequence[FrameFeatures]) -> dict[int, list[Array]]:
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


def _regions(thumbs: Sequence[FrameFeatures], place: int) -> list[Array]:
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
