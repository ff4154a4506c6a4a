"""Smooth dense warps from landmarks, without a loop over triangles."""

from __future__ import annotations

import cv2
import numpy as np

from ...records import Array


class ThinPlateSpline:
    """Smooth map of the plane that takes points to points.

    Source: Bookstein, "Principal warps: thin-plate splines and the decomposition of
    deformations", 1989; with the usual ridge term against contradicting points.
    """

    def __init__(self, points: Array, values: Array, ridge: float) -> None:
        """Fit the spline.

        Args:
            points: (N, 2) positions, of the order of 1.
            values: (N, 2) where they go.
            ridge: Stiffness; 0 interpolates exactly.
        """
        count = len(points)
        system = np.zeros((count + 3, count + 3))
        system[:count, :count] = _kernel(points, points) + ridge * np.eye(count)
        system[:count, count] = system[count, :count] = 1.0
        system[:count, count + 1 :] = points
        system[count + 1 :, :count] = points.T
        right = np.zeros((count + 3, 2))
        right[:count] = values
        self._points = np.asarray(points, np.float64)
        self._weights = np.linalg.solve(system, right)

    def __call__(self, positions: Array) -> Array:
        """Map (M, 2) positions; returns (M, 2) float64."""
        count = len(self._points)
        bent = _kernel(positions, self._points) @ self._weights[:count]
        return np.asarray(bent + self._weights[count] + positions @ self._weights[count + 1 :])


def _kernel(a: Array, b: Array) -> Array:
    """Return r^2 log r^2 between (N, 2) and (M, 2) points."""
    squared = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)[None, :] - 2.0 * (a @ b.T)
    squared = np.maximum(squared, 1e-12)
    return np.asarray(squared * cv2.log(squared))


def dense_map(spline: ThinPlateSpline, size: int, knots: int) -> tuple[Array, Array]:
    """Evaluate a spline over a square of the unit plane.

    Args:
        spline: Maps the unit square to the unit square.
        size: Side of the result in pixels.
        knots: The spline is evaluated on this many points a side, the rest interpolated.

    Returns:
        The map (size, size, 2) float32 in the unit square, one entry per pixel, and the
        determinant of its Jacobian (knots, knots) float32: negative where it folds, small
        where it stretches the source.
    """
    line = (np.arange(knots) + 0.5) / knots
    grid = np.stack(np.meshgrid(line, line), axis=2)
    coarse: Array = spline(grid.reshape(-1, 2)).reshape(knots, knots, 2).astype(np.float32)
    (ux, vx), (uy, vy) = (
        np.moveaxis(np.asarray(np.gradient(coarse, axis=axis)) * knots, 2, 0) for axis in (1, 0)
    )
    area = ux * vy - vx * uy
    return cv2.resize(coarse, (size, size), interpolation=cv2.INTER_LINEAR), area


_KNOTS = 33  # the warp is evaluated on so many points a side
_RIDGE = 2e-4


def warp_tps(picture: Array, source: Array, target: Array, size: int) -> tuple[Array, Array]:
    """Warp a square picture so that its control points land on other ones.

    Args:
        picture: (S, S, 3) uint8 or float32.
        source: (N, 2) control points of the picture in the unit square.
        target: (N, 2) where they go, in the unit square.
        size: Side of the result.

    Returns:
        (size, size, 3) float32, and the warp's area factor, see ``dense_map``.
    """
    dense, area = dense_map(ThinPlateSpline(target, source, _RIDGE), size, _KNOTS)
    # The map in pixels, in one pass over it.
    columns, rows = cv2.split(cv2.addWeighted(dense, picture.shape[0], dense, 0.0, -0.5))
    warped = cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return warped.astype(np.float32), area
