"""Likeness of proportions: the 3D shape of the face against the source's and the original's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...detection.dense_landmarks import DenseLandmarker
from ...geometry.face_mesh import BROWS, EYES, MEAN_SHAPE, OUTER_LIPS
from ...geometry.mesh_pose import RIGID_POINTS, fit_pose
from ...records import Array, Photo
from ..face_motion import FaceHistory
from .columns import Columns, mean, ratio
from .metric import Metric, at_most

RIGID = list(RIGID_POINTS)
MOUTH_GROWTH = 1.5  # of the hull of the lips, in which points follow the expression
LARGEST_TURN = 30.0  # degrees of yaw or pitch up to which the shape is read
ABSENT = "needs the dense landmarks (videoswap models download dense_landmarks)"


class ProportionsFamily:
    """The proportions of the swapped face between those of the original and of the source.

    Definition: the dense landmarks of result, original and source photo (`DenseLandmarker`), each
    brought onto the mean face by the 3D similarity of ``RIGID_POINTS``, so that pose and size go;
    brows, lids and what lies around the mouth are left out, since expressions move them. Reported
    are

    - proportions: how much of the way from the source's shape to the original's is left, 1 for the
      original's proportions, 0 for the source's (good: small). The way is that to the photo's shape
      from the mean of the original's up to this frame; what the result moved along it is its shape
      less the original's in the same frame, so that expressions and errors which both share
      cancel, and the landmarker's noise averages out,
    - shape to source: mean distance of result and source, root mean square over the points, in
      widths of the face (0 to about 0.05, good: small; 0.01 to 0.02 is the landmarker's own
      spread in a video).

    Frames whose face is turned by more than ``LARGEST_TURN`` degrees are left out. Own definition;
    the landmarker drives the engine `mesh` where its file is there, so what it misreads it may
    misread in the result too.
    """

    over_time = False
    columns = ("shape_moved", "shape_way", "shape_to_source")

    def __init__(self, photos: Sequence[Photo], landmarker: DenseLandmarker | None) -> None:
        """Prepare.

        Args:
            photos: A photo of every source, in order.
            landmarker: Reads the shapes; None where its file is absent.
        """
        self._landmarker = landmarker
        self._photos = [] if landmarker is None else [self._photo_shape(one) for one in photos]
        lacking = ABSENT if landmarker is None else ""
        self._sums: dict[int, tuple[Array, int]] = {}  # of the original's shapes by track
        self.metrics = (
            Metric("proportions", "proportions", "of the way", _left, good=at_most(0.7),
                   lacking=lacking),
            Metric("shape_to_source", "shape to source", "face widths", mean("shape_to_source"),
                   lacking=lacking, plot=("shape_to_source",)),
        )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        now = history.now
        source = None if now.source is None or not self._photos else self._photos[now.source]
        if source is None:
            return {}
        result, original = (
            self._shape(one, now.face.points5) for one in (now.pair.result, now.pair.original)
        )
        if result is None or original is None:
            return {}
        total, count = self._sums.get(now.track, (np.zeros_like(original), 0))
        self._sums[now.track] = total + original, count + 1
        way = source - (total + original) / (count + 1)
        return {
            "shape_moved": float(((result - original) * way).sum()),
            "shape_way": float((way * way).sum()),
            "shape_to_source": shape_distance(result, source),
        }

    def _photo_shape(self, photo: Photo) -> Array | None:
        dense = photo.face.dense_landmarks
        if dense is None:
            return self._shape(photo.pixels, photo.face.points5, np.inf)
        return neutral_shape(dense, np.inf)

    def _shape(self, picture: Array, points5: Array, turn: float = LARGEST_TURN) -> Array | None:
        assert self._landmarker is not None
        found = self._landmarker.landmarks(picture, points5)
        return None if found is None else neutral_shape(found.points, turn)


def _left(columns: Columns) -> float:
    return 1.0 - ratio("shape_moved", "shape_way")(columns)


def neutral_shape(points: Array, largest_turn: float = LARGEST_TURN) -> Array | None:
    """Return the points that expressions hardly move, without pose and size.

    Args:
        points: (478, 3) or (468, 3) dense landmarks, z in the scale of x and y.
        largest_turn: Degrees of yaw or pitch above which there is no answer.

    Returns:
        (N, 3) float64 in half widths of the mean face; None for a face that is turned too far.
    """
    mesh = points[: len(MEAN_SHAPE)].astype(np.float64)
    onto_mean = fit_pose(mesh[RIGID], MEAN_SHAPE[RIGID][None])
    rotation, scale = onto_mean.turn[0], onto_mean.scale[0]
    forward = rotation[2]  # the viewer's direction in the head's axes
    turn = np.degrees(np.arcsin(np.clip(np.abs(forward[:2]).max(), 0, 1)))
    if turn > largest_turn:
        return None
    moved = scale * (mesh - mesh[RIGID].mean(axis=0)) @ rotation.T
    return np.asarray(moved[STEADY_POINTS])


def shape_distance(one: Array, other: Array) -> float:
    """Return the root mean square distance of two shapes (N, 3) in widths of the face."""
    return float(np.sqrt(((one - other) ** 2).sum(axis=1).mean())) / 2


def _steady_points() -> Array:
    """Return the numbers of the points that are compared."""
    lips = MEAN_SHAPE[OUTER_LIPS, :2]
    middle, reach = lips.mean(axis=0), np.ptp(lips, axis=0) / 2 * MOUTH_GROWTH
    near = (((MEAN_SHAPE[:, :2] - middle) / reach) ** 2).sum(axis=1) < 1
    corners = {33, 133, 263, 362}
    moving = {*np.concatenate([*EYES, *BROWS]).tolist()} - corners
    return np.array(
        [number for number in range(len(MEAN_SHAPE)) if not near[number] and number not in moving]
    )


STEADY_POINTS = _steady_points()
