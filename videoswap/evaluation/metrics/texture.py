"""Texture: sharpness and noise of the face against its surroundings."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np

from ...records import Array
from ..face_motion import FaceHistory
from .columns import geometric_mean, mean
from .metric import Metric, between

DETAIL_SIGMA = 1.5  # pixels; finer than this is called detail
FACE_INSET = 0.08  # of the window: the face is measured this far inside its outline
RING_DISTANCES = 0.03, 0.16  # of the window: distances from the face between which the ring lies
MIN_PIXELS = 100  # pixels that face and ring need
FLAT_FRACTION = 0.5  # share of the pixels, the smoothest ones, by which noise is measured
# Immerkaer, "Fast Noise Variance Estimation", CVIU 1996: blind to constant and linear parts.
NOISE_KERNEL = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32)
NOISE_KERNEL_NORM = 6.0  # root of the sum of its squares
NORMAL_MEDIAN = 0.6745  # of |x| of a normal distribution, in standard deviations


class TextureFamily:
    """Sharpness and noise of the face relative to the ring of its surroundings.

    Definition: detail is the root mean square of luma minus its Gaussian blur of ``DETAIL_SIGMA``
    pixels; noise is the robust standard deviation of Immerkaer's residual (median of its size
    over the smoother half of the pixels). Each is taken inside the face and in a ring around
    it, for both videos, and divided: face to ring. Reported is the quotient of result and
    original, 0 to infinity, geometric mean over the frames (good: near 1; above 1 the face is
    sharper or grainier than the film, below 1 softer or cleaner), and the detail and the noise
    of both faces in levels of 0 to 255.
    """

    over_time = False
    columns = (
        "sharpness", "grain", "detail_result", "detail_original", "noise_result", "noise_original",
        "softness_off",
    )  # fmt: skip
    metrics = (
        # A quarter sharper or softer than its surroundings, and half as much more or less noise
        # (3.5 dB), is about where a face begins to stand out.
        Metric("sharpness", "sharpness to surroundings", "x original",
               geometric_mean("sharpness"),
               plot=("detail_result", "detail_original"), worst="softness_off",
               good=between(0.75, 1.33)),
        Metric("grain", "noise to surroundings", "x original",
               geometric_mean("grain"),
               plot=("noise_result", "noise_original"), good=between(0.67, 1.5)),
        Metric("detail_result", "detail of the face", "levels", mean("detail_result")),
        Metric("detail_original", "the original's own", "levels", mean("detail_original")),
        Metric("noise_result", "noise of the face", "levels", mean("noise_result")),
        Metric("noise_original", "the original's own", "levels", mean("noise_original")),
    )  # fmt: skip

    def measure(self, history: FaceHistory) -> Mapping[str, float]:
        """See Family."""
        now = history.now
        face, ring = regions(now.inside, now.mask)
        if min(np.count_nonzero(face), np.count_nonzero(ring)) < MIN_PIXELS:
            return {}
        parts = []
        for picture in (now.result, now.original):
            luma = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
            parts.append([rule(luma, where) for where in (face, ring) for rule in (detail, noise)])
        result, original = np.array(parts)
        # A level below a tenth is no more than rounding.
        log = np.log(np.maximum(result, 0.1)) - np.log(np.maximum(original, 0.1))
        return {
            "sharpness": log[0] - log[2],
            "grain": log[1] - log[3],
            "softness_off": abs(log[0] - log[2]),
            "detail_result": result[0],
            "detail_original": original[0],
            "noise_result": result[1],
            "noise_original": original[1],
        }


def regions(inside: Array, mask: Array | None) -> tuple[Array, Array]:
    """Return the middle of the face and the ring around it, (S, S) bool each."""
    side = len(inside)
    deep = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 3)
    away = cv2.distanceTransform((~inside).astype(np.uint8), cv2.DIST_L2, 3)
    ring = (away > RING_DISTANCES[0] * side) & (away < RING_DISTANCES[1] * side)
    if mask is not None:
        ring &= mask == 0
    return deep > FACE_INSET * side, ring


def detail(luma: Array, where: Array) -> float:
    """Return the root mean square of what is finer than ``DETAIL_SIGMA``, in levels."""
    fine = luma - cv2.GaussianBlur(luma, (0, 0), DETAIL_SIGMA)
    return float(np.sqrt((fine[where] ** 2).mean()))


def noise(luma: Array, where: Array) -> float:
    """Return the standard deviation of the noise of (S, S) float32 luma, in levels."""
    residual = np.abs(cv2.filter2D(luma, cv2.CV_32F, NOISE_KERNEL))[where] / NOISE_KERNEL_NORM
    smooth = cv2.GaussianBlur(luma, (0, 0), 2 * DETAIL_SIGMA)
    slope = np.hypot(*(cv2.Sobel(smooth, cv2.CV_32F, *axis) for axis in ((1, 0), (0, 1))))[where]
    flat = slope <= np.quantile(slope, FLAT_FRACTION)
    return float(np.median(residual[flat]) / NORMAL_MEDIAN)
