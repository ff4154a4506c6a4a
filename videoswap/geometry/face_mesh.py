"""The mesh over the dense landmarks: triangles, chart, rasterizer, normals.

The mesh has MediaPipe's 468 points and 898 triangles and a ring of 36 points around its outline,
so that maps go on past the face. The chart is a cylinder around the head, unrolled into the unit
square. `face_mesh.npz` is made by ``scripts/make_face_mesh.py``.

Points are (x, y, z): x right, y down, z away from the viewer. Seen from the front the corners of
every triangle go clockwise as displayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from ..records import Array

MESH_POINTS = 468
OUTLINE = np.array(
    [
        *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
        *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
    ]
)
# Closed outlines; image left first.
EYES = (
    np.array([33, 246, 161, 160, 159, 158, 157, 173, 133, 155, 154, 153, 145, 144, 163, 7]),
    np.array([362, 398, 384, 385, 386, 387, 388, 466, 263, 249, 390, 373, 374, 380, 381, 382]),
)
BROWS = (
    np.array([70, 63, 105, 66, 107, 55, 65, 52, 53, 46]),
    np.array([276, 283, 282, 295, 285, 336, 296, 334, 293, 300]),
)
OUTER_LIPS = np.array(
    [
        *(61, 185, 40, 39, 37, 0, 267, 269, 270, 409),
        *(291, 375, 321, 405, 314, 17, 84, 181, 91, 146),
    ]
)
INNER_LIPS = np.array(
    [
        *(78, 191, 80, 81, 82, 13, 312, 311, 310, 415),
        *(308, 324, 318, 402, 317, 14, 87, 178, 88, 95),
    ]
)
NOSE_TIP, BRIDGE = 4, 9
RING_REACH = 1.22  # of the outline's distance from its middle
AXIS_BEHIND_EARS = 0.14  # half widths of the face: where the cylinder's axis runs
CHART_MARGIN = 0.01  # of the unit square
EDGE_TOLERANCE = 1e-4  # in barycentric weights, so that no pixel falls between two triangles
LEAST_AREA = 1e-3  # square pixels, twice a triangle's area, from which it is drawn


def _load() -> tuple[Array, Array, Array]:
    with np.load(Path(__file__).with_name("face_mesh.npz"), allow_pickle=False) as held:
        shape = held["shape"].astype(np.float64)
        return shape, held["triangles"].astype(np.intp), held["mirror"].astype(np.intp)


def _ring_triangles() -> Array:
    """Return the triangles (72, 3) between the outline, clockwise, and the ring."""
    inner, outer = OUTLINE, MESH_POINTS + np.arange(len(OUTLINE))
    after, beyond = np.roll(inner, -1), np.roll(outer, -1)
    return np.vstack(
        [np.column_stack([inner, outer, after]), np.column_stack([after, outer, beyond])]
    )


def with_ring(values: Array, reach: float = RING_REACH) -> Array:
    """Add the ring's 36 points to the mesh's.

    Args:
        values: (468, D) coordinates.
        reach: How far out the ring lies: 1 is the outline itself.

    Returns:
        (504, D) in the dtype of ``values``.
    """
    middle = values[OUTLINE].mean(axis=0)
    ring = middle + (values[OUTLINE] - middle) * reach
    return np.concatenate([values, ring.astype(values.dtype)])


def _chart() -> Array:
    """Return the chart coordinates (504, 2) in the unit square of mesh and ring."""
    axis = MEAN_SHAPE[[234, 454], 2].mean() + AXIS_BEHIND_EARS
    angle = np.arctan2(MEAN_SHAPE[:, 0], axis - MEAN_SHAPE[:, 2])
    points = with_ring(np.column_stack([angle, MEAN_SHAPE[:, 1]]))
    low, high = points.min(axis=0), points.max(axis=0)
    inside = 1 - 2 * CHART_MARGIN
    return np.asarray(CHART_MARGIN + inside * (points - low) / (high - low))


#: (468, 3) float64: symmetric mean face; the unit is half the width at the ears.
#: (898, 3): the triangles.
#: (468,): every point's mirror image.
MEAN_SHAPE, FACE_TRIANGLES, MIRRORED = _load()
#: (970, 3): those of the face, then those of the ring.
TRIANGLES = np.vstack([FACE_TRIANGLES, _ring_triangles()])
#: (504, 2) float64: where mesh and ring lie in the chart; symmetric about x = 0.5.
CHART = _chart()


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """Which triangle each pixel of a square picture shows, and where in it.

    Attributes:
        triangles: (S, S) intp, the number of the triangle, -1 for none.
        weights: (S, S, 3) float32, the barycentric weights of its corners.
    """

    triangles: Array
    weights: Array

    @property
    def face(self) -> Array:
        """Return where the face itself is drawn, not the ring, (S, S) bool."""
        return np.asarray((self.triangles >= 0) & (self.triangles < len(FACE_TRIANGLES)))

    def interpolate(self, values: Array) -> Array:
        """Return values (504, D) of mesh and ring at every pixel, (S, S, D) float32; 0 at none."""
        # One gather of all corners' values is twice as fast as one of corners and one of values.
        corners = values.astype(np.float32)[TRIANGLES].reshape(len(TRIANGLES), -1)
        held = corners.take(self.triangles, axis=0, mode="wrap")
        made = np.einsum("yxc,yxcd->yxd", self.weights, held.reshape(*self.weights.shape, -1))
        made[self.triangles < 0] = 0.0
        return np.asarray(made)


def rasterize(points: Array, side: int) -> Raster:
    """Draw the mesh into a square picture; what is nearer covers what is behind it.

    Triangles seen from behind are left out, and the ring lies behind the face. There is no loop
    over them: the span of every row of every triangle is found at once, in the order of depth.

    Args:
        points: (504, 2) or (504, 3) mesh and ring in pixels, whose centres are whole numbers;
            without depth later triangles cover earlier ones.
        side: Side of the picture.
    """
    corners = points[TRIANGLES, :2].astype(np.float64)
    first, across, along = (
        corners[:, 0],
        corners[:, 1] - corners[:, 0],
        corners[:, 2] - corners[:, 0],
    )
    area = across[:, 0] * along[:, 1] - across[:, 1] * along[:, 0]
    low = np.maximum(np.ceil(corners.min(axis=1) - EDGE_TOLERANCE), 0).astype(np.intp)
    high = np.minimum(np.floor(corners.max(axis=1) + EDGE_TOLERANCE), side - 1).astype(np.intp)
    extent = np.maximum(high - low + 1, 0)
    order = np.flatnonzero((area > LEAST_AREA) & (extent.min(axis=1) > 0))
    ring = order >= len(FACE_TRIANGLES)
    if points.shape[1] > 2:
        depth = points[TRIANGLES[order], 2].mean(axis=1)
        order = order[np.lexsort((-depth, ~ring))]
    else:
        order = order[np.argsort(~ring, kind="stable")]
    low, width = low[order], extent[order, 0]
    # Weights of the second and third corner: at the box's first pixel, and their slopes.
    start = low - first[order]
    across, along, area = across[order], along[order], area[order, None]
    slopes = (
        np.concatenate([along[:, 1:], -along[:, :1], -across[:, 1:], across[:, :1]], axis=1) / area
    )
    second = (slopes[:, :2] * start).sum(axis=1)
    third = (slopes[:, 2:] * start).sum(axis=1)
    # One entry for every row of every box: weights of all corners at its first pixel, and slopes.
    rows = extent[order, 1]
    triangle = np.repeat(np.arange(len(order)), rows)
    row = np.arange(len(triangle)) - np.repeat(np.cumsum(rows) - rows, rows)
    b = second[triangle] + slopes[triangle, 1] * row
    c = third[triangle] + slopes[triangle, 3] * row
    across_b, across_c = slopes[triangle, 0], slopes[triangle, 2]
    begin, end = np.zeros(len(row)), width[triangle] - 1.0
    for weight, slope in ((b, across_b), (c, across_c), (1 - b - c, -across_b - across_c)):
        with np.errstate(divide="ignore", invalid="ignore"):
            edge = (-EDGE_TOLERANCE - weight) / slope
        begin = np.where(slope > 0, np.maximum(begin, edge), begin)
        end = np.where(slope < 0, np.minimum(end, edge), end)
        end = np.where((slope == 0) & (weight < -EDGE_TOLERANCE), -1.0, end)
    begin = np.ceil(begin).astype(np.intp)
    count = np.maximum(np.floor(end).astype(np.intp) - begin + 1, 0)
    # Then one for every pixel of these spans.
    span = np.repeat(np.arange(len(row), dtype=np.int32), count)
    column = np.arange(len(span)) + (begin - np.cumsum(count) + count)[span]
    b = (b[span] + across_b[span] * column).astype(np.float32)
    c = (c[span] + across_c[span] * column).astype(np.float32)
    which = triangle[span]
    pixel = ((low[triangle, 1] + row) * side + low[triangle, 0])[span] + column

    shown = np.full(side * side, -1, np.intp)
    weights = np.zeros((side * side, 3), np.float32)
    # Of several triangles at a pixel numpy keeps the last one given, which is the nearest.
    shown[pixel] = order[which]
    weights[pixel] = np.column_stack([1 - b - c, b, c])
    return Raster(shown.reshape(side, side), weights.reshape(side, side, 3))


def normals(points: Array) -> Array:
    """Return the unit normals (468, 3) float64 of a mesh (468, 3); z < 0 faces the viewer."""
    a, b, c = (points[FACE_TRIANGLES[:, corner]] for corner in range(3))
    # The cross product's length is twice the area, by which triangles count.
    flat = np.cross(c - a, b - a)
    total = np.empty((MESH_POINTS, 3))
    for axis in range(3):
        per_corner = np.repeat(flat[:, axis], 3)
        total[:, axis] = np.bincount(FACE_TRIANGLES.reshape(-1), per_corner, MESH_POINTS)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.asarray(total / np.maximum(length, 1e-12))


@cache
def outwardness() -> Array:
    """Return how far out each point (468,) of the mesh lies: 0 at the nose, 1 on the outline."""
    from_nose = CHART[:MESH_POINTS] - CHART[NOSE_TIP]
    angle, length = np.arctan2(from_nose[:, 1], from_nose[:, 0]), np.hypot(*from_nose.T)
    order = np.argsort(angle[OUTLINE])
    at, reach = angle[OUTLINE][order], length[OUTLINE][order]
    return np.asarray(length / np.interp(angle, at, reach, period=2 * np.pi))
