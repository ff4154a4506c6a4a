"""Segments: the units in which a video is rendered, kept and joined."""

from __future__ import annotations

from dataclasses import dataclass

from ..records import Array


@dataclass(frozen=True, slots=True)
class Segment:
    """Consecutive frames that are encoded together.

    Attributes:
        number: Position among the segments, from 0.
        pts: Presentation times of its frames, ascending.
    """

    number: int
    pts: tuple[int, ...]


def plan_segments(pts: Array, scenes: Array, longest: int) -> tuple[Segment, ...]:
    """Cut a video at scene changes, but not into crumbs, and nowhere later than ``longest``.

    Args:
        pts: (N,) int64, ascending.
        scenes: (N,) numbers of the shots.
        longest: Most frames in a segment.
    """
    segments: list[Segment] = []
    first = 0
    for index in range(1, len(pts) + 1):
        length = index - first
        at_cut = index < len(pts) and scenes[index] != scenes[index - 1]
        if index == len(pts) or length == longest or (at_cut and 2 * length >= longest):
            times = tuple(int(value) for value in pts[first:index])
            segments.append(Segment(len(segments), times))
            first = index
    return tuple(segments)
