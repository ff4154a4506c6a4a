"""Embedded faces of a track, and the frame at which a track switches to another person."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..detection.face_view import ncc
from ..records import Array

STRANGE_BELOW = 0.65  # correlation with every embedded face of a track below which the face is new
STEP_BELOW = 0.75  # correlation of two frames below which it may be another face
QUIET_ABOVE, CALMER_ABOVE = (
    0.9,
    0.85,
)  # correlation of frames while nothing happens, and soon after a step

STEP_SPAN = 7  # frames around a step
CALM_FRAMES = 4  # frames without a change after which a face counts as settled

ThumbnailTrail = tuple[tuple[int, Array], ...]  # pts and (16, 16) int8 thumbnail, by pts


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One embedded face of a track.

    Attributes:
        pts: Frame.
        embedding: (D,) float32.
        quality: How well the face could be seen, 0 to 1.
        thumbnail: (16, 16) int8, see `face_thumbnail`; None for samples read back from the store.
        covered: The face is occluded, so its embedding does not identify the person.
    """

    pts: int
    embedding: Array
    quality: float
    thumbnail: Array | None = None
    covered: bool = False


def mean_embedding(samples: Sequence[Sample]) -> Array:
    """Return (D,) float32: the mean, weighted by quality, of the samples near their middle.

    The middle is the sample with the least sum of distances to the others; the worst quarter
    away from it is left out.
    """
    vectors = np.stack([sample.embedding for sample in samples]).astype(np.float64)
    weights = np.array([max(sample.quality, 1e-3) for sample in samples])
    apart = np.linalg.norm(vectors[:, None] - vectors[None], axis=2)
    middle = int(np.argmin(apart @ weights))
    keep = np.argsort(apart[middle], kind="stable")[: len(samples) - len(samples) // 4]
    return np.asarray(np.average(vectors[keep], axis=0, weights=weights[keep]), np.float32)


def best_ncc(samples: Sequence[Sample], thumbnail: Array) -> float:
    """Return the correlation of a thumbnail with the most similar of some samples, -1 to 1."""
    return max(
        (ncc(s.thumbnail, thumbnail) for s in samples if s.thumbnail is not None), default=-1.0
    )


def settled(trail: ThumbnailTrail) -> bool:
    """Tell whether the face has settled: it does not change, not even slowly."""
    slowly = trail[-2 * CALM_FRAMES - 1 :: CALM_FRAMES]
    near = [*_steps(trail[-CALM_FRAMES - 1 :]), *_steps(slowly), ncc(slowly[0][1], slowly[-1][1])]
    return len(near) == CALM_FRAMES + 3 and min(near) > QUIET_ABOVE


def step_in(trail: ThumbnailTrail) -> bool:
    """Tell whether the face changes abruptly between two frames and then stays the same.

    A head that moves or turns changes over several frames. The second frame after the step does
    not count: the detector has to find its place on the new face.
    """
    near = _steps(trail)
    return any(
        near[k] < STEP_BELOW
        and min(near[k - 2 : k]) > QUIET_ABOVE
        and min(near[k + 2 : k + 4]) > CALMER_ABOVE
        and ncc(trail[k][1], trail[k + 4][1]) < STEP_BELOW
        for k in range(2, len(near) - 3)
    )


def _steps(trail: ThumbnailTrail) -> list[float]:
    """Return the correlation of each frame with the next."""
    return [ncc(one, other) for (_, one), (_, other) in pairwise(trail)]


def change_point(trail: ThumbnailTrail, before: Sequence[Sample], after: Sequence[Sample]) -> int:
    """Return the pts from which a face is more like the later samples than like the earlier.

    Args:
        trail: The frames among which the change lies.
        before: Samples of the one.
        after: Samples of the other; the change is not later than the first of them.
    """
    latest = after[0].pts
    frames = [(pts, thumbnail) for pts, thumbnail in trail if pts <= latest]
    if not frames:
        return latest
    gain = np.array(
        [best_ncc(before, thumbnail) - best_ncc(after, thumbnail) for _, thumbnail in frames]
    )
    # Best division: most like the earlier samples in front of it, the later samples behind it.
    place = int(np.argmax(np.concatenate([[0.0], np.cumsum(gain)[:-1]])))
    return frames[place][0]
