"""The light and color of one face put onto another, in a way that shadows and hair do not spoil.

Both faces are compared at low resolution in the logarithm of each channel, where a change of
light is a sum. A smooth function is fitted to the difference with weights that drop what does
not follow it (brows, hair, a beard, a highlight), the way robust photometric fits do; what is
left over is followed locally, but only where the pixels agree that it is light.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ...geometry.brightness import RATIO_FLOOR
from ...geometry.resample import blur
from ...records import Array

LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_DARKEST = 3  # percentile
_AROUND = 0.1  # of the side, by which the face reaches further than its plain skin
_FREE = 0.9  # a pixel with more in front of it says nothing about the light's haze


@dataclass(frozen=True, slots=True)
class LightSettings:
    """How closely the target's light is followed.

    Attributes:
        grid: Side of the low-resolution comparison in pixels.
        outlier: Difference in log units at which a pixel counts for nothing.
        local_sigma: Width of the local part as a share of the crop.
        limit: Largest gain in log units.
        veil: How much of the target's haze is laid over the swap, 0 to 1.
        disagreement: Difference in log units at which a pixel shows something else than lit skin.
    """

    grid: int = 32
    outlier: float = 0.75
    local_sigma: float = 0.10
    limit: float = 1.6
    veil: float = 0.8
    disagreement: float = 0.75


def match_light(
    swap: Array, target: Array, free: Array, skin: Array, settings: LightSettings
) -> tuple[Array, Array]:
    """Give a warped source face the light and color of the target.

    Args:
        swap: (S, S, 3) float32 RGB, 0 to 255: the source in the target's pose.
        target: (N, N, 3) float32 RGB, 0 to 255, smaller.
        free: (N, N) float32, 0 to 1: where nothing is in front of the target's face.
        skin: (N, N) float32, 0 to 1: where both show plain skin.
        settings: How closely.

    Returns:
        The picture (S, S, 3) float32 RGB, 0 to 255, and the agreement, shaped like ``skin``: 1
        where the target looks like the lit source, 0 where it shows something else, like hair.
    """
    skin = skin * free
    veil = _veil(swap, target, skin, free > _FREE, settings.veil)
    grid = settings.grid
    small = (grid, grid)
    weights = cv2.resize(skin, small, interpolation=cv2.INTER_AREA)
    log_swap = np.log(cv2.resize(swap, small, interpolation=cv2.INTER_AREA) + RATIO_FLOOR)
    unveiled = cv2.resize(target, small, interpolation=cv2.INTER_AREA) - veil
    log_target = np.log(np.maximum(unveiled, 0.0) + RATIO_FLOOR)
    difference = log_target - log_swap
    if float(weights.sum()) < 8.0:
        return swap, np.ones_like(skin)
    smooth, trust = _robust_fit(difference, weights, settings.outlier)
    sigma = settings.local_sigma * grid
    left_over = difference - smooth
    # Where it cannot be followed nearby, the light of the wider surroundings holds.
    wide = spread_out(left_over, trust, 3.0 * sigma, 0.0, 0.02)
    gain = smooth + spread_out(left_over, trust, sigma, wide, 0.1)
    gain = np.clip(gain, -settings.limit, settings.limit)
    lit = with_gains(swap, np.exp(gain).astype(np.float32), veil)
    strange = np.abs(left_over).mean(axis=2) / settings.disagreement
    agreement = np.clip(2.0 - 2.0 * strange, 0.0, 1.0)
    return lit, cv2.resize(agreement, skin.shape[1::-1], interpolation=cv2.INTER_LINEAR)


def with_gains(pixels: Array, gains: Array, veil: Array) -> Array:
    """Multiply a face (S, S, 3) float32 by gains (N, N, 3) of a smaller size, and add a haze (3,).

    The gains are for levels ``RATIO_FLOOR`` higher.
    """
    factor = cv2.resize(gains, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    lit = pixels + np.float32(RATIO_FLOOR)
    np.multiply(lit, factor, out=lit)
    # OpenCV adds a color ten times as fast as numpy spreads it.
    added = np.append(veil - RATIO_FLOOR, 0.0).astype(np.float64)
    lit = np.asarray(cv2.add(lit, added, dst=lit))
    return np.clip(lit, 0.0, 255.0, out=lit)


def spread_out(
    values: Array, trust: Array, sigma: float, otherwise: Array | float, doubt: float
) -> Array:
    """Average (N, N, 3) values around every place by trust (N, N), or say what holds otherwise."""
    trust = trust[..., None]
    both = blur(np.concatenate([values * trust, trust], axis=2), sigma)  # in one go
    return np.asarray((both[..., :-1] + doubt * otherwise) / (both[..., -1:] + doubt))


def _veil(swap: Array, target: Array, skin: Array, free: Array, share: float) -> Array:
    """Measure the light that haze, fog, flare or a raised black level lays over the target.

    Neither shades the face: both add to its dark parts. The darkest of a face (brows, lashes,
    nostrils) against its middle tone tells how much: what the target has there beyond the swap
    is the veil (the thought of the dark channel prior: He et al., CVPR 2009).

    Returns:
        (3,) float32 RGB, 0 to 255.
    """
    side = len(skin)
    face = cv2.GaussianBlur(skin, (0, 0), _AROUND * side) > 0.25  # with eyes, brows and mouth
    small = cv2.resize(swap, (side, side), interpolation=cv2.INTER_AREA)
    return veil_between(small, target, face & free, share)


def veil_between(small: Array, target: Array, face: Array, share: float) -> Array:
    """Return the haze (3,) of a target over a source, both (N, N, 3), where the face (N, N) is."""
    if not face.any():
        return np.zeros(3, np.float32)
    count = int(face.sum())
    darkest, middle = round(_DARKEST / 100 * (count - 1)), count // 2
    ranked = [
        np.partition(np.stack([part[face] for part in cv2.split(one)]), (darkest, middle), axis=1)
        for one in (small, target)
    ]
    own, seen = (one[:, darkest] / np.maximum(one[:, middle], 1.0) for one in ranked)
    lifted = np.clip((seen - own) / np.maximum(1.0 - own, 0.05), 0.0, 0.8)
    return np.asarray(share * lifted * ranked[1][:, middle], np.float32)


def _robust_fit(difference: Array, weights: Array, outlier: float) -> tuple[Array, Array]:
    """Fit a quadratic surface per channel by reweighted least squares (Tukey's biweight).

    Returns the surface, shaped like ``difference``, and the final weights (grid, grid).
    """
    basis = quadratic_basis(len(weights))
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


def quadratic_basis(grid: int) -> Array:
    """Return 1, x, y, xy, x², y² (grid * grid, 6) over a square grid, x and y from -1 to 1."""
    axis = np.linspace(-1.0, 1.0, grid)
    x, y = (part.reshape(-1) for part in np.meshgrid(axis, axis))
    return np.stack([np.ones_like(x), x, y, x * y, x * x, y * y], axis=1)
