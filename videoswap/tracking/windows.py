"""Groups frames into windows of one shot, with the places where something passing may show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass

from ..detection.face_view import FramePicture
from .shots import CutState, Thumb, with_cuts


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Consecutive frames of one shot; the last one is a keyframe.

    Attributes:
        frames: The frames.
        begins_scene: Whether a shot begins with the first of them.
        thumbs: Their thumbs, preceded by that of the frame before, if it is of this shot.
        cuts: What is known of the shot after them.
    """

    frames: tuple[FramePicture, ...]
    begins_scene: bool
    thumbs: tuple[Thumb, ...]
    cuts: CutState


def windows(pictures: Iterable[FramePicture], cuts: CutState, interval: int) -> Iterator[Window]:
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
                yield Window(tuple(group), begins, tuple(thumbs), known)
                group = []
            if not group:
                begins, thumbs = cut, [] if cut else thumbs[-1:]
            group.append(frame)
            thumbs.append(after.last)
            known = after
            if cut or len(group) == interval:
                yield Window(tuple(group), begins, tuple(thumbs), known)
                group = []
        if group:
            yield Window(tuple(group), begins, tuple(thumbs), known)
