"""Templates and similarity transforms: from a face in a picture to an aligned square crop.

An affine matrix is (2, 3) float64 and maps (x, y) column vectors; pixel centres lie at integers.
Where shapes begin with dots there may be stacks of matrices and points, (B, 2, 3) and (B, N, 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..records import Array

# Five points (eye, eye, nose, mouth corner, mouth corner; image left first) in the unit square.
# Source of the numbers: facefusion 3.8.1 (arcface_128, ffhq_512), insightface (arcface_112_v2).
TEMPLATES: dict[str, Array] = {
    "arcface_112_v1": np.array(
        [
            [0.35473214, 0.45658929],
            [0.64526786, 0.45658929],
            [0.50000000, 0.61154464],
            [0.37913393, 0.77687500],
            [0.62086607, 0.77687500],
        ]
    ),
    "arcface_112_v2": np.array(
        [
            [0.34191607, 0.46157411],
            [0.65653393, 0.45983393],
            [0.50022500, 0.64050536],
            [0.37097589, 0.82469196],
            [0.63151696, 0.82325089],
        ]
    ),
    "arcface_128": np.array(
        [
            [0.36167656, 0.40387734],
            [0.63696719, 0.40235469],
            [0.50019687, 0.56044219],
            [0.38710391, 0.72160547],
            [0.61507734, 0.72034453],
        ]
    ),
    "ffhq_512": np.array(
        [
            [0.37691676, 0.46864664],
            [0.62285697, 0.46912813],
            [0.50123859, 0.61331904],
            [0.39308822, 0.72541100],
            [0.61150205, 0.72490465],
        ]
    ),
}

# Left profile, left, frontal, right and right profile; (5, 5, 2) in the unit square. Source of the
# numbers: insightface 0.2.1, by which GHOST cuts the best fitting one of them.
POSES: Array = (
    np.array(
        [
            [
                [51.642, 50.115],
                [57.617, 49.990],
                [35.740, 69.007],
                [51.157, 89.050],
                [57.025, 89.702],
            ],
            [
                [45.031, 50.118],
                [65.568, 50.872],
                [39.677, 68.111],
                [45.177, 86.190],
                [64.246, 86.758],
            ],
            [
                [39.730, 51.138],
                [72.270, 51.138],
                [56.000, 68.493],
                [42.463, 87.010],
                [69.537, 87.010],
            ],
            [
                [46.845, 50.872],
                [67.382, 50.118],
                [72.737, 68.111],
                [48.167, 86.758],
                [67.236, 86.190],
            ],
            [
                [54.796, 49.990],
                [60.771, 50.115],
                [76.673, 69.007],
                [55.388, 89.702],
                [61.257, 89.050],
            ],
        ]
    )
    / 112.0
)


def five_points(landmarks: Array) -> Array:
    """Reduce landmarks (..., 68, 2) to the templates' five points (..., 5, 2), same dtype."""
    return np.stack(
        [
            landmarks[..., 36:42, :].mean(axis=-2),
            landmarks[..., 42:48, :].mean(axis=-2),
            landmarks[..., 30, :],
            landmarks[..., 48, :],
            landmarks[..., 54, :],
        ],
        axis=-2,
    )


def similarity(source: Array, target: Array) -> Array:
    """Return the least-squares similarity transform that takes source points to target points.

    Args:
        source: (..., N, 2) points.
        target: (..., N, 2) points.

    Returns:
        (..., 2, 3) float64 matrix of rotation, one scale and translation, never a mirror image.
        Source: Umeyama, "Least-squares estimation of transformation parameters", 1991.

    Raises:
        ValueError: If all source points coincide.
    """
    a = np.asarray(source, np.float64)
    b = np.asarray(target, np.float64)
    a_mean, b_mean = a.mean(axis=-2), b.mean(axis=-2)
    a, b = a - a_mean[..., None, :], b - b_mean[..., None, :]
    norm = (a * a).sum(axis=(-2, -1))
    if not np.all(norm):
        raise ValueError("all source points coincide")
    cos = (a * b).sum(axis=(-2, -1)) / norm
    sin = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum(axis=-1) / norm
    made = np.empty((*np.shape(cos), 2, 3))
    made[..., 0, 0] = made[..., 1, 1] = cos
    made[..., 1, 0], made[..., 0, 1] = sin, -sin
    made[..., 2] = b_mean - (made[..., :2] @ a_mean[..., None])[..., 0]
    return made


def crop_matrix(points5: Array, template: Array, size: int | Array) -> Array:
    """Return the (..., 2, 3) matrix from picture pixels to a ``size`` x ``size`` aligned crop.

    Args:
        points5: (..., 5, 2) points of the face in the picture.
        template: (..., 5, 2) points in the unit square.
        size: Side of the crop in pixels.
    """
    return similarity(points5, template * size)


def pose_errors(points5: Array, poses: Array = POSES) -> Array:
    """Return how badly each template fits, after the best similarity transform onto it.

    Args:
        points5: (5, 2) points of the face in the picture.
        poses: (N, 5, 2) templates in the unit square.

    Returns:
        (N,) float64 sums of the five distances, in sides of the crop.
    """
    fitted = [
        transform(crop_matrix(points5, pose, 1), np.asarray(points5, float)) for pose in poses
    ]
    return np.asarray(np.linalg.norm(np.stack(fitted) - poses, axis=2).sum(axis=1))


def nearest_pose(points5: Array, poses: Array = POSES) -> Array:
    """Return the (5, 2) template that fits best, GHOST's rule."""
    return np.asarray(poses[int(np.argmin(pose_errors(points5, poses)))])


def blended_pose(points5: Array, poses: Array = POSES, softness: float = 0.02) -> Array:
    """Return the (5, 2) mean of the templates, those that fit best counting most.

    A head that turns from one template to the next would jump to another framing with
    ``nearest_pose``; here it glides. Where one template is clearly best, it is that one.

    Args:
        points5: (5, 2) points of the face in the picture.
        poses: (N, 5, 2) templates in the unit square.
        softness: Difference of two errors at which a template counts 1/e of the better one.
    """
    errors = pose_errors(points5, poses)
    weights = np.exp((errors.min() - errors) / softness)
    return np.asarray(np.tensordot(weights / weights.sum(), poses, axes=1))


def scale_of(matrix: Array) -> float:
    """Return how many target pixels one source pixel becomes (geometric mean over directions)."""
    return float(scales_of(matrix))


def scales_of(matrices: Array) -> Array:
    """Return `scale_of` for each of (..., 2, 3) matrices."""
    return np.asarray(np.sqrt(np.abs(np.linalg.det(matrices[..., :2]))))


def compose(outer: Array, inner: Array) -> Array:
    """Return the (..., 2, 3) matrix that applies ``inner`` first and ``outer`` after it."""
    made = outer[..., :2] @ inner
    made[..., 2] += outer[..., 2]
    return np.asarray(made)


def invert(matrix: Array) -> Array:
    """Return the inverse of an affine matrix (..., 2, 3)."""
    linear = np.linalg.inv(matrix[..., :2])
    return np.concatenate([linear, -(linear @ matrix[..., 2:])], axis=-1)


def resize_matrix(across: float, down: float) -> Array:
    """Return the (2, 3) matrix from a picture to the same one so many times as wide and as high."""
    return np.array([[across, 0.0, (across - 1) / 2], [0.0, down, (down - 1) / 2]])


def shifted(matrix: Array, dx: float | Array, dy: float | Array) -> Array:
    """Return ``matrix`` for input coordinates whose origin lies at (dx, dy) of the old ones.

    Args:
        matrix: (..., 2, 3).
        dx: A number, or (...) one for each matrix.
        dy: Likewise.
    """
    made = np.array(matrix, np.float64)
    made[..., 2] += (matrix[..., :2] @ np.stack([dx, dy], axis=-1)[..., None])[..., 0]
    return made


def transform(matrix: Array, points: Array) -> Array:
    """Apply an affine matrix (..., 2, 3) to points (..., N, 2), or (2,), and keep their dtype."""
    shift = matrix[:, 2] if matrix.ndim == 2 else matrix[..., None, :, 2]
    made = points @ np.swapaxes(matrix[..., :2], -1, -2) + shift
    return np.asarray(made.astype(points.dtype))


def transform_dense(matrix: Array, points: Array) -> Array:
    """Apply an affine matrix to (N, 3) points whose depth grows with the picture's scale."""
    depth = points[:, 2:] * scale_of(matrix)
    return np.hstack([transform(matrix, points[:, :2]), depth.astype(points.dtype)])


@dataclass(frozen=True, slots=True)
class Square:
    """A turned square in a picture.

    Attributes:
        x: Centre in pixels.
        y: Centre in pixels.
        side: Length of a side in pixels.
        angle: Angle of its x axis to the picture's, clockwise as displayed, in radians.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    def to_region(self, side: float, margin: float) -> Array:
        """Return the (2, 3) float64 matrix from picture pixels to pixels of a crop.

        Args:
            side: Length the square gets in the crop.
            margin: Distance of the square to the left and upper border of the crop.
        """
        scale = side / self.side
        cos, sin = scale * np.cos(self.angle), scale * np.sin(self.angle)
        middle = margin + side / 2
        turn = np.array([[cos, sin], [-sin, cos]])
        shift = np.array([middle, middle]) - turn @ np.array([self.x, self.y])
        return np.column_stack([turn, shift])
