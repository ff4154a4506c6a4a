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
        before: Those of the frames of the same shot just before it, which filters over time look
            at; ascending.
        after: Those just after it.
    """

    number: int
    pts: tuple[int, ...]
    before: tuple[int, ...] = ()
    after: tuple[int, ...] = ()


def plan_segments(pts: Array, scenes: Array, longest: int, context: int = 0) -> tuple[Segment, ...]:
    """Cut a video at scene changes, but not into crumbs, and nowhere later than ``longest``.

    Args:
        pts: (N,) int64, ascending.
        scenes: (N,) numbers of the shots.
        longest: Most frames in a segment.
        context: Most neighbouring frames that a segment names on either side.
    """
    segments: list[Segment] = []
    first = 0
    for index in range(1, len(pts) + 1):
        length = index - first
        at_cut = index < len(pts) and scenes[index] != scenes[index - 1]
        if index == len(pts) or length == longest or (at_cut and 2 * length >= longest):
            before = _same_shot(pts, scenes, first, range(max(0, first - context), first))
            after = _same_shot(pts, scenes, index - 1, range(index, min(len(pts), index + context)))
            times = tuple(int(value) for value in pts[first:index])
            segments.append(Segment(len(segments), times, before, after))
            first = index
    return tuple(segments)


def _same_shot(pts: Array, scenes: Array, frame: int, others: range) -> tuple[int, ...]:
    return tuple(int(pts[other]) for other in others if scenes[other] == scenes[frame])
