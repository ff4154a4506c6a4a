"""The sharpness of the film on a swap: lens, focus, motion and compression soften it alike.

An edge tells how blurred it is by how much it loses when it is blurred once more: its gradient
falls by sqrt((v + r) / v) for a blur of variance v and another one of r (Zhuo and Sim, "Defocus
map estimation from a single image", Pattern Recognition 2011). Edges of all directions together
give the covariance of the blur, so a head that moves sideways is blurred sideways.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..geometry import face_masks as masks
from ..records import Array

REBLUR_SIGMA = 1.5  # pixels, standard deviation of the blur that edges are tried with
BLUR_REACH = 10  # pixels, of both blurs and the gradient: around a face all is measured as inside
DENOISE_SIGMA = 0.7  # pixels, of the blur that takes noise away first
EDGE_SHARE = 0.12  # share of a face's pixels that count as edges, the strongest
MAX_SAMPLES = 8192  # pixels among which their least strength is found
MAX_EDGES = 4096  # of them, measured
# Faces are not made of steps; blurred by a known variance they show more of it by this factor.
EDGE_BIAS = 1.4
MIN_VARIANCE, MAX_DEVIATION = (
    0.15,
    0.04,
)  # of the blur put on: variance in pixels; deviation as share of the side
UNSHARP_SIGMA = 1.2  # pixels
MAX_SHARPENED = 1.0  # pixels, variance: an unsharp mask undoes no more
# Blurred by all that it lacks, a swap measures softer than the film; by this share, alike.
BLUR_TAKEN = 0.8
ITERATIONS = 4
DECIMALS = 5  # of a covariance
SHARP_DEVIATION = 1.6  # pixels: the most that `face_blur` finds on a sharp face
LEAST_FACE = 48  # pixels, side of a face whose blur is measured


def measure_blur(picture: Array, face: Array) -> Array:
    """Measure the blur of a face.

    Only the difference of two measurements of faces means something: it is the covariance of
    the Gaussian that makes the one as soft as the other.

    Args:
        picture: (H, W, 3) float32 RGB, 0 to 255.
        face: (H, W) float32, 0 to 1: where to look.

    Returns:
        (3,) float64: the covariance xx, xy, yy in pixels; 0 where there is no edge to see.
    """
    x, y, width, height = cv2.boundingRect((face > 0.5).astype(np.uint8))
    y0, x0 = max(0, y - BLUR_REACH), max(0, x - BLUR_REACH)
    part = np.s_[y0 : y + height + BLUR_REACH, x0 : x + width + BLUR_REACH]
    inside = np.flatnonzero(face[part] > 0.5)
    if len(inside) < 64:
        return np.zeros(3)
    green = cv2.GaussianBlur(cv2.extractChannel(picture[part], 1), (0, 0), DENOISE_SIGMA)
    again = cv2.GaussianBlur(green, (0, 0), REBLUR_SIGMA)
    (gx, gy), (rx, ry) = (
        (cv2.Sobel(one, cv2.CV_32F, 1, 0), cv2.Sobel(one, cv2.CV_32F, 0, 1))
        for one in (green, again)
    )
    size = cv2.magnitude(gx, gy).take(inside)
    some = size[:: max(1, len(size) // MAX_SAMPLES)]
    edge = np.flatnonzero(size >= max(_quantile(some, 1.0 - EDGE_SHARE), 2.0))
    edge = edge[:: max(1, len(edge) // MAX_EDGES)]
    length, places = size.take(edge), inside.take(edge)
    gx, gy, rx, ry = (gradient.take(places) for gradient in (gx, gy, rx, ry))
    ux, uy = gx / length, gy / length
    left = rx * ux + ry * uy
    found = (left > 0.0) & (left < 0.99 * length)
    if int(found.sum()) < 32:
        return np.zeros(3)
    ux, uy = ux[found], uy[found]
    lost = (length[found] / left[found]) ** 2 - 1.0
    variance = REBLUR_SIGMA**2 / np.maximum(lost, 0.02) / EDGE_BIAS
    return _covariance(np.stack([ux * ux, 2.0 * ux * uy, uy * uy]), variance)


def face_blur(picture: Array, landmarks: Array) -> float:
    """Return the standard deviation of the blur of a face in pixels, 0 where it cannot be told.

    Unlike the difference of two measurements it has a bias: a sharp face has 1.0 to
    ``SHARP_DEVIATION``.

    Args:
        picture: (H, W, 3) uint8 RGB.
        landmarks: (68, 2) in its pixels.
    """
    height, width = picture.shape[:2]
    low = np.maximum(np.floor(landmarks.min(axis=0)).astype(int), 0)
    high = np.minimum(np.ceil(landmarks.max(axis=0)).astype(int) + 1, (width, height))
    if (high - low).min() < LEAST_FACE:
        return 0.0
    part = picture[low[1] : high[1], low[0] : high[0]].astype(np.float32)
    face = masks.fill_hull(landmarks - low, int(max(part.shape)))[: part.shape[0], : part.shape[1]]
    found = measure_blur(part, face)
    return float(np.sqrt(max(float(found[0] + found[2]) / 2.0, 0.0)))


def _quantile(values: Array, share: float) -> float:
    """Return the value that a share of (N,) values does not exceed, without sorting all."""
    rank = int(share * (len(values) - 1))
    return float(np.partition(values, rank)[rank])


def _covariance(directions: Array, variance: Array) -> Array:
    """Fit the covariance to the variances seen along (3, N) directions; most of them count."""
    trust = np.ones_like(variance)
    ridge = 1e-6 * np.eye(3)
    fit: Array = np.zeros(3)
    for _ in range(ITERATIONS):
        weighted = directions * trust
        fit = np.linalg.solve(weighted @ directions.T + ridge, weighted @ variance)
        error = np.abs(variance - fit.astype(variance.dtype) @ directions)
        trust = 1.0 / (1.0 + (error * (1.0 / (_quantile(error, 0.5) + 1e-3))) ** 2)
    # Sums depend on where in memory the samples lie, by less than this.
    return np.round(fit, DECIMALS)


def soften(picture: Array, missing: Array) -> Array:
    """Blur a picture by a covariance.

    Args:
        picture: (S, S, 3) float32 RGB, 0 to 255.
        missing: (3,) covariance xx, xy, yy in pixels. Where it is negative in one direction that
            one is left alone; where it is in all, the picture is sharpened a little.

    Returns:
        (S, S, 3) float32; ``picture`` itself where nothing worth it is missing.
    """
    change = softening(missing, len(picture))
    if change.unsharp > 0.0:
        blurred = cv2.GaussianBlur(picture, (0, 0), UNSHARP_SIGMA)
        made = cv2.addWeighted(picture, 1.0 + change.unsharp, blurred, -change.unsharp, 0.0)
        return np.asarray(np.clip(made, 0.0, 255.0, out=made))
    if change.even > 0.0:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), change.even))
    if change.line is None:
        return picture
    return np.asarray(cv2.filter2D(picture, -1, change.line, borderType=cv2.BORDER_REFLECT_101))


@dataclass(frozen=True, slots=True, eq=False)
class Softening:
    """How a picture is blurred by a covariance, or sharpened a little.

    Attributes:
        unsharp: Share of what a blur of ``UNSHARP_SIGMA`` takes away that is added; 0 for none.
        even: Standard deviation of the blur of all directions in pixels; 0 for none.
        line: (N, N) float32 kernel of the blur in one direction; None for none.
    """

    unsharp: float = 0.0
    even: float = 0.0
    line: Array | None = None


def softening(missing: Array, side: int) -> Softening:
    """Decide how a picture of a side in pixels is blurred by a covariance, see `soften`."""
    values, axes = np.linalg.eigh([[missing[0], missing[1]], [missing[1], missing[2]]])
    if values[1] < -MIN_VARIANCE:
        # Undoes a slight blur to first order.
        undone = min(-MIN_VARIANCE - float(values[1]), MAX_SHARPENED)
        return Softening(unsharp=undone / UNSHARP_SIGMA**2)
    values = np.clip(values, 0.0, (MAX_DEVIATION * side) ** 2)
    if values[1] < MIN_VARIANCE:
        return Softening()
    even = float(np.sqrt(values[0]))
    along = values[1] - values[0]
    line = _line_kernel(along, axes[:, 1]) if along >= MIN_VARIANCE else None
    return Softening(even=even if even > 0.3 else 0.0, line=line)


def _line_kernel(variance: float, axis: Array) -> Array:
    """Return the kernel of a Gaussian along one axis, thin across it."""
    reach = int(np.ceil(2.5 * np.sqrt(variance)))
    line = np.arange(-reach, reach + 1, dtype=np.float64)
    x, y = np.meshgrid(line, line)
    along, across = x * axis[0] + y * axis[1], y * axis[0] - x * axis[1]
    kernel = np.exp(-0.5 * along**2 / variance - 0.5 * (across / 0.45) ** 2)
    return np.asarray(kernel / kernel.sum(), np.float32)
