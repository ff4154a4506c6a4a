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
    outlier: float = 0.75
    local_sigma: float = 0.10
    limit: float = 1.6


def match_light(
    swap: Array, target: Array, skin: Array, border: Array, settings: LightSettings
) -> tuple[Array, Array]:
    """Give a warped source face the light and colour of the target.

    Args:
        swap: (S, S, 3) float32 RGB, 0 to 255: the source in the target's pose.
        target: (S, S, 3) float32 RGB, 0 to 255.
        skin: (N, N) float32, 0 to 1, of any size: where both show plain skin.
        border: (N, N) float32, 0 to 1, of any size: where the target's tone has to be met.
        settings: How closely.

    Returns:
        The picture (S, S, 3) float32 RGB, 0 to 255, and the agreement, shaped like ``skin``: 1
        where the target looks like the lit source, 0 where it shows something else, like hair.
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
        np.exp(gain).astype(np.float32), swap.shape[1::-1], interpolation=cv2.INTER_LINEAR
    )
    lit = swap + np.float32(_FLOOR)
    np.multiply(lit, factor, out=lit)
    np.subtract(lit, np.float32(_FLOOR), out=lit)
    np.clip(lit, 0.0, 255.0, out=lit)
    strange = np.abs(left_over).mean(axis=2) / settings.outlier
    agreement = np.clip(2.0 - 2.0 * strange, 0.0, 1.0)
    return lit, cv2.resize(agreement, skin.shape[1::-1], interpolation=cv2.INTER_LINEAR)


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

    The share of fine in coarse detail tells the blur of either; what the swap has more of it
    is turned into the Gaussian that takes it away.

    Args:
        swap: (S, S, 3) float32 RGB, 0 to 255.
        target: (S, S, 3) float32 RGB, 0 to 255.
        face: (S, S) float32, 0 to 1: where to compare.

    Returns:
        (S, S, 3) float32 RGB; ``swap`` itself where the target is not softer.
    """
    excess = _fineness(swap, face) - _fineness(target, face)
    # Fitted to photos of faces blurred by 0.5 to 3 pixels.
    variance = 1.6 * excess * np.exp(0.9 * min(excess, 1.5)) if excess > 0.0 else 0.0
    if variance < 0.1:
        return swap
    return np.asarray(cv2.GaussianBlur(swap, (0, 0), min(float(np.sqrt(variance)), 3.0)))


def _fineness(picture: Array, face: Array) -> float:
    """Return the log ratio of detail under 1 pixel to that of 4 to 8, in the middle of a face."""
    quarter = picture.shape[0] // 4
    middle = slice(quarter, picture.shape[0] - quarter)
    weight = face[middle, middle]
    green = cv2.extractChannel(picture[middle, middle], 1)
    fine = green - cv2.GaussianBlur(green, (0, 0), 1.0)
    small = (max(1, green.shape[1] // 4), max(1, green.shape[0] // 4))
    broad = cv2.resize(green, small, interpolation=cv2.INTER_AREA)
    broad = cv2.GaussianBlur(broad, (0, 0), 0.95)  # with the averaging about 4 pixels
    coarse = broad - cv2.GaussianBlur(broad, (0, 0), 3.0**0.5)
    have = _energy(fine, weight)
    base = _energy(coarse, cv2.resize(weight, small, interpolation=cv2.INTER_AREA))
    return float(np.log(max(have, 1e-3) / max(base, 1e-3)))


def _energy(detail: Array, weight: Array) -> float:
    """Return the root mean square of a band."""
    return cv2.norm(cv2.multiply(detail, weight), cv2.NORM_L2) / float(np.sqrt(detail.size))
