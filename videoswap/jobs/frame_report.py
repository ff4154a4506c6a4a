"""Which frames of a video kept the film's own pixels, and how fast a run was."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

import numpy as np

from ..records import Array
from ..report import Stretch
from ..video.probe import VideoInfo


def stretches_of(chosen: Array, pts: Array, info: VideoInfo) -> tuple[Stretch, ...]:
    """Sum up frames that follow each other.

    Args:
        chosen: (n,) bool, the frames that are meant.
        pts: (n,) int64, all frames, ascending.
        info: The video, for its times.
    """
    steps = np.flatnonzero(np.diff(np.concatenate([[False], chosen, [False]]).astype(np.int8)))

    def seconds(index: int) -> Fraction:
        return (int(pts[index]) - info.start_pts) * info.time_base

    return tuple(
        Stretch(seconds(first), seconds(end - 1), end - first)
        for first, end in steps.reshape(-1, 2).tolist()
    )


def throughput(seconds: Mapping[str, float], frames: Mapping[str, int]) -> dict[str, float]:
    """Return the frames a second of the parts of a run; a part that did nothing is left out.

    Args:
        seconds: Wall time of each part.
        frames: Frames that each went through.
    """
    return {
        part: round(count / seconds[part], 3)
        for part, count in frames.items()
        if count and seconds.get(part)
    }
