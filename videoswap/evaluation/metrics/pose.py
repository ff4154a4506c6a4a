"""Head pose: differences of yaw, pitch and roll."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ...geometry.head_pose import head_angles
from ...records import Array
from ..face_motion import FaceHistory
from .columns import apart, mean
from .metric import Metric, at_most

AXES = ("yaw", "pitch", "roll")


class PoseFamily:
    """Pose of the head: yaw, pitch and roll.

    Definition: the angles of ``geometry.head_pose.head_angles`` at fresh landmarks, in degrees.
    Reported are the mean absolute differences of result and original, and the mean of their
    length (0 to 180, good: a few degrees). Single angles depend on how much a head is like the
    average one; differences hardly do.
    """

    over_time = False
    columns = (*(f"{axis}_{which}" for axis in AXES for which in ("result", "original")), "pose")
    metrics = (
        # Two to three degrees are the spread of the landmarks alone.
        Metric("pose", "pose difference", "degrees", mean("pose"), worst="pose",
               good=at_most(6.0)),
        *(
            Metric(axis, f"{axis} difference", "degrees",
                   apart(f"{axis}_result", f"{axis}_original"),
                   plot=(f"{axis}_result", f"{axis}_original"), good=at_most(5.0))
            for axis in AXES
        ),
    )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        height, width = history.now.pair.original.shape[:2]
        angles = [head_angles(points, width, height) for points in history.now.landmarks]
        if any(one is None for one in angles):
            return {}
        original, result = (np.asarray(one) for one in angles)
        values = {"pose": float(np.linalg.norm(_between(result, original)))}
        for place, axis in enumerate(AXES):
            values[f"{axis}_result"] = float(result[place])
            values[f"{axis}_original"] = float(original[place])
        return values


def _between(one: Array, other: Array) -> Array:
    """Return differences of angles, from -180 to 180 degrees."""
    return np.asarray((one - other + 180) % 360 - 180)
