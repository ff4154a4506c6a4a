"""The frames in which a result is worst, and their pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from ..records import Array
from ..video.planes import Box
from ..video.probe import probe
from .face_pair import cut
from .pairs import Pair, read_pairs
from .report import Evaluation, Group

EACH = 2  # frames shown of every metric
APART = 0.4  # seconds between two of them
SIDE = 256  # pixels of a picture


@dataclass(frozen=True, slots=True)
class Worst:
    """A frame that shows why a number is bad.

    Attributes:
        reasons: What is bad.
        pts: The frame.
        seconds: Its time from the first frame of the original.
        box: Where to look, upright pixels; None for the whole frame.
    """

    reasons: tuple[str, ...]
    pts: int
    seconds: float
    box: Box | None


def worst_frames(evaluation: Evaluation) -> tuple[Worst, ...]:
    """Return the worst frames of every metric that names them, by time."""
    groups = evaluation.groups
    found: dict[tuple[int, Box | None], list[str]] = {}
    seconds: dict[int, float] = {}
    for group in (*groups.people, *groups.others, groups.whole):
        for value in group.values:
            column = value.metric.worst
            for row in _largest(group, column) if column else ():
                pts = int(group.columns["pts"][row])
                seconds[pts] = float(group.columns["seconds"][row])
                reason = f"{group.name}: {value.metric.label} ({group.columns[column][row]:.3g})"
                found.setdefault((pts, _box(group, row)), []).append(reason)
    ordered = sorted(found, key=lambda place: place[0])
    return tuple(Worst(tuple(found[one]), one[0], seconds[one[0]], one[1]) for one in ordered)


def _largest(group: Group, column: str) -> list[int]:
    """Return the rows with the largest values above 0, some way apart in time."""
    values, times = group.columns[column], group.columns["seconds"]
    chosen: list[int] = []
    for row in np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable"):
        if len(chosen) == EACH or not values[row] > 0:
            break
        if all(abs(times[row] - times[other]) >= APART for other in chosen):
            chosen.append(int(row))
    return chosen


def _box(group: Group, row: int) -> Box | None:
    left, top, side = (group.columns[name][row] for name in ("left", "top", "side"))
    if not np.isfinite(side):
        return None
    return int(left), int(top), int(left + side), int(top + side)


def pictures(
    evaluation: Evaluation, wanted: Sequence[Worst]
) -> Iterator[tuple[Worst, tuple[Array, ...]]]:
    """Yield frames with the pictures of original, result and, where there are masks, mask.

    Pictures are (h, w, 3) uint8 RGB, at most ``SIDE`` rows. The videos are read a second time.

    Args:
        evaluation: Names the videos.
        wanted: The frames, by time.
    """
    masks = None if evaluation.masks is None else probe(Path(evaluation.masks))
    infos = probe(Path(evaluation.original)), probe(Path(evaluation.result))
    last = max((one.pts for one in wanted), default=-1)
    by_pts = {one.pts: [other for other in wanted if other.pts == one.pts] for one in wanted}
    if not wanted:
        return
    for pair in read_pairs(*infos, masks, evaluation.part):
        for one in by_pts.get(pair.pts, ()):
            yield one, _shown(pair, one.box)
        if pair.pts >= last:
            return


def _shown(pair: Pair, box: Box | None) -> tuple[Array, ...]:
    whole = [pair.original, pair.result]
    if pair.mask is not None:
        whole.append(cv2.cvtColor(pair.mask, cv2.COLOR_GRAY2RGB))
    shown = []
    for picture in whole:
        part = picture if box is None else cut(picture, box)
        scale = SIDE / part.shape[0]
        size = max(1, round(part.shape[1] * scale)), SIDE
        shrink = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        shown.append(np.asarray(cv2.resize(part, size, interpolation=shrink)))
    return tuple(shown)
