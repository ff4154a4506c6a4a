"""The light and colour of one face put onto another, in a way that shadows and hair do not spoil.

Both faces are compared at low resolution in the logarithm of each channel, where a change of
light is a sum. A smooth function is fitted to the difference with weights that drop what does
not follow it (brows, hair, a beard, a highlight), the way robust photometric fits do; what is
left over is followed locally, but only where the pixels agree that it is light.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..records import Array

_FLOOR = 12.0  # of 255: below this a ratio of two pixels is noise


@dataclass(frozen=True, slots=True)
class LightSettings:
    """How closely the target's light is followed.

    Attributes:
        grid: Side of the low-resolution comparison in pixels.
        outlier: Difference in log units at which a pixel counts for nothing.
        local_sigma: Width of the local part as a share of the crop.
        limit: Largest gain in log units.
    """

    grid: int = 32
    outlier: float = 0.55
    local_sigma: float = 0.10
    limit: float = 1.6


def match_light(
    swap: Array, target: Array, skin: Array, border: Array, settings: LightSettings
) -> tuple[Array, Array]:
    """Give a warped source face the light and colour of the target.

    Args:
        swap: (S, S, 3) float32 RGB, 0 to 255: the source in the target's pose.
        target: (S, S, 3) float32 RGB, 0 to 255.
        skin: (S, S) float32, 0 to 1: where both show plain skin.
        border: (S, S) float32, 0 to 1: where the result has to meet the target's tone.
        settings: How closely.

    Returns:
        The picture (S, S, 3) float32 RGB, 0 to 255, and the agreement (S, S) float32: 1 where
        the target looks like the lit source, 0 where it shows something else, such as hair.
    """
    grid = settings.grid
    small = (grid, grid)
    weights = cv2.resize(skin, small, interpolation=cv2.INTER_AREA)
    edge = cv2.resize(border, small, interpolation=cv2.INTER_AREA)[..., None]
    log_swap = np.log(cv2.resize(swap, small, interpolation=cv2.INTER_AREA) + _FLOOR)
    log_target = np.log(cv2.resize(target, small, interpolation=cv2.INTER_AREA) + _FLOOR)
    difference = log_target - log_swap
    if float(weights.sum()) < 8.0:
        return swap, np.ones_like(skin)
    smooth, trust = _robust_fit(difference, weights, settings.outlier)
    sigma = settings.local_sigma * grid
    left_over = difference - smooth
    held = cv2.GaussianBlur(trust, (0, 0), sigma)[..., None]
    local = cv2.GaussianBlur(left_over * trust[..., None], (0, 0), sigma)
    gain = smooth + local.reshape(left_over.shape) / (held + 0.1)
    remaining = np.clip(difference - gain, -settings.outlier, settings.outlier)
    near = cv2.GaussianBlur(edge, (0, 0), 1.0)[..., None]
    seam = cv2.GaussianBlur(remaining * edge, (0, 0), 1.0) / (near + 0.1)
    gain = np.clip(gain + seam * np.minimum(near, 1.0), -settings.limit, settings.limit)
    factor = cv2.resize(
        np.exp(gain).astype(np.float32), swap.shape[1::-1], interpolation=cv2.INTER_CUBIC
    )
    lit = cv2.multiply(swap + np.float32(_FLOOR), factor)
    lit = np.clip(lit - np.float32(_FLOOR), 0.0, 255.0)
    strange = np.abs(left_over).mean(axis=2) / settings.outlier
    agreement = cv2.resize(
        np.clip(2.0 - 2.0 * strange, 0.0, 1.0), swap.shape[1::-1], interpolation=cv2.INTER_LINEAR
    )
    return np.asarray(lit, np.float32), agreement


def _robust_fit(difference: Array, weights: Array, outlier: float) -> tuple[Array, Array]:
    """Fit a quadratic surface per channel by reweighted least squares (Tukey's biweight).

    Returns the surface, shaped like ``difference``, and the final weights (grid, grid).
    """
    basis = _quadratic_basis(len(weights))
    values = difference.reshape(-1, 3)
    base = weights.reshape(-1)
    trust = base
    penalty = np.diag([1e-6, 1e-2, 1e-2, 0.1, 0.1, 0.1]) * float(base.sum())
    # Start wide so that a badly lit half of the face is not mistaken for an outlier.
    for width in (4.0 * outlier, 2.0 * outlier, outlier, outlier):
        weighted = basis * trust[:, None]
        coefficients = np.linalg.solve(weighted.T @ basis + penalty, weighted.T @ values)
        error = np.abs(values - basis @ coefficients).mean(axis=1)
        trust = base * np.maximum(1.0 - (error / width) ** 2, 0.0) ** 2
    surface = (basis @ coefficients).reshape(difference.shape)
    return surface.astype(np.float32), trust.reshape(weights.shape).astype(np.float32)


def _quadratic_basis(grid: int) -> Array:
    axis = np.linspace(-1.0, 1.0, grid)
    x, y = (part.reshape(-1) for part in np.meshgrid(axis, axis))
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)


def match_sharpness(swap: Array, target: Array, face: Array) -> Array:
    """Soften a swap that is sharper than the picture it goes into.

    Sharpness is how fast the detail falls off from coarse to fine bands, so stubble on one face
    and smooth skin on the other do not count, only blur does.

    Args:
        swap: (S, S, 3) float32 RGB, 0 to 255.
        target: (S, S, 3) float32 RGB, 0 to 255.
        face: (S, S) float32, 0 to 1: where to compare.

    Returns:
        (S, S, 3) float32 RGB; ``swap`` itself where the target is not softer.
    """
    have, want = _band_energies(swap, face), _band_energies(target, face)
    middle = _ratio(want[1] * have[2], have[1] * want[2])
    fine = middle * _ratio(want[0] * have[1], have[0] * want[1])
    if fine > 0.97:
        return swap
    soft = cv2.GaussianBlur(swap, (0, 0), 1.0)
    softer = cv2.GaussianBlur(soft, (0, 0), _SECOND)
    mixed = cv2.addWeighted(soft, middle - fine, softer, 1.0 - middle, 0.0)
    return np.asarray(cv2.scaleAdd(swap, fine, mixed))


_SECOND, _THIRD = 3.0**0.5, 12.0**0.5  # blurs that add up to 1, 2 and 4 pixels


def _band_energies(picture: Array, face: Array) -> tuple[float, float, float]:
    """Measure three octaves of detail, finest first, in the middle of the face."""
    quarter = picture.shape[0] // 4
    middle = slice(quarter, picture.shape[0] - quarter)
    face = face[middle, middle]
    green = cv2.extractChannel(picture[middle, middle], 1)
    first = cv2.GaussianBlur(green, (0, 0), 1.0)
    second = cv2.GaussianBlur(first, (0, 0), _SECOND)
    third = cv2.GaussianBlur(second, (0, 0), _THIRD)
    bands = (green - first, first - second, second - third)
    fine, mid, coarse = (cv2.norm(cv2.multiply(band, face), cv2.NORM_L1) for band in bands)
    return fine, mid, coarse


def _ratio(want: float, have: float) -> float:
    return min(1.0, want / have) if have > 0.0 else 1.0
