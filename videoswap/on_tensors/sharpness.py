"""The sharpness of the film on batches of swaps; the reference is ``compositing.sharpness``.

Edges are measured on the device. What follows from them for each face, three numbers, comes to the
host once a batch, since sizes of kernels depend on it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..compositing.sharpness import (
    DECIMALS,
    DENOISE_SIGMA,
    EDGE_BIAS,
    EDGE_SHARE,
    ITERATIONS,
    MAX_EDGES,
    MAX_SAMPLES,
    REBLUR_SIGMA,
    UNSHARP_SIGMA,
    softening,
)
from ..records import Array
from .resampling import blurred

LEAST_PIXELS, LEAST_EDGES = 64, 32


def measure_blur(pictures: Tensor, faces: Tensor) -> Tensor:
    """Measure the blur of faces, see ``compositing.sharpness.measure_blur``.

    Args:
        pictures: (B, 3, S, S) RGB, 0 to 255.
        faces: (B, 1, S, S), 0 to 1: where to look.

    Returns:
        (B, 3) float64: the covariances xx, xy, yy in pixels; 0 where there is no edge to see.
    """
    from kornia.filters import spatial_gradient

    inside = (faces > 0.5).flatten(1)
    green = blurred(pictures[:, 1:2], DENOISE_SIGMA)
    both = torch.cat([green, blurred(green, REBLUR_SIGMA)], dim=1)
    slopes = spatial_gradient(both, mode="sobel", normalized=False).flatten(1, 2).flatten(2)
    size = torch.hypot(slopes[:, 0], slopes[:, 1])
    (some,), known = _packed([size], inside, MAX_SAMPLES)
    least = _ranked(some, known, 1.0 - EDGE_SHARE).clamp(min=2.0)
    edges = inside & (size >= least)
    gathered, valid = _packed([size, *slopes.unbind(1)], edges, MAX_EDGES)
    length, gx, gy, rx, ry = gathered
    length = torch.where(valid, length, 1.0)
    ux, uy = gx / length, gy / length
    left = rx * ux + ry * uy
    found = valid & (left > 0.0) & (left < 0.99 * length)
    lost = (length / torch.where(found, left, length)) ** 2 - 1.0
    variance = REBLUR_SIGMA**2 / lost.clamp(min=0.02) / EDGE_BIAS
    fit = _covariance(torch.stack([ux * ux, 2.0 * ux * uy, uy * uy], dim=1), variance, found)
    enough = (inside.sum(dim=1) >= LEAST_PIXELS) & (found.sum(dim=1) >= LEAST_EDGES)
    return torch.where(enough[:, None], fit, 0.0)


def _packed(values: Sequence[Tensor], wanted: Tensor, most: int) -> tuple[list[Tensor], Tensor]:
    """Take every nth of the pixels that are wanted, n so that about ``most`` are left.

    Args:
        values: (B, N) each.
        wanted: (B, N) bool.
        most: As numpy's reference has it; up to twice as many are left.

    Returns:
        The values (B, 2 * most), and which of these places are filled.
    """
    rank = wanted.cumsum(dim=1) - 1
    step = (wanted.sum(dim=1, keepdim=True) // most).clamp(min=1)
    taken = wanted & (rank % step == 0)
    place = torch.where(taken, rank // step, 2 * most)  # the last place is thrown away
    shape = len(wanted), 2 * most + 1
    made = [one.new_zeros(shape).scatter_(1, place, one)[:, :-1] for one in values]
    filled = torch.zeros(shape, dtype=torch.bool, device=wanted.device)
    return made, filled.scatter_(1, place, taken)[:, :-1]


def _ranked(values: Tensor, known: Tensor, share: float) -> Tensor:
    """Return the values (B, 1) that a share of the known ones of (B, M) does not exceed."""
    order = torch.where(known, values, torch.inf).sort(dim=1).values
    last = (known.sum(dim=1, keepdim=True) - 1).clamp(min=0)
    found = order.gather(1, (last * share).long())
    return torch.where(found.isinf(), 0.0, found)


def _covariance(directions: Tensor, variance: Tensor, found: Tensor) -> Tensor:
    """Fit covariances (B, 3) to variances (B, M) seen along (B, 3, M); most of them count."""
    trust = found.to(variance.dtype)
    ridge = 1e-6 * torch.eye(3, dtype=torch.float64, device=variance.device)
    fit = torch.zeros(len(variance), 3, dtype=torch.float64, device=variance.device)
    for _ in range(ITERATIONS):
        weighted = directions * trust[:, None]
        squares = (weighted @ directions.mT).double() + ridge
        wanted = (weighted @ variance[:, :, None]).double()
        fit = torch.linalg.solve_ex(squares, wanted).result[:, :, 0]
        error = (variance - (fit.to(variance.dtype)[:, None] @ directions)[:, 0]).abs()
        middle = _ranked(error, found, 0.5) + 1e-3
        trust = torch.where(found, 1.0 / (1.0 + (error / middle) ** 2), 0.0)
    return fit.round(decimals=DECIMALS)


def soften(pictures: Tensor, missing: Array) -> Tensor:
    """Blur pictures by covariances, see ``compositing.sharpness.soften``.

    Args:
        pictures: (B, 3, S, S) RGB, 0 to 255.
        missing: (B, 3) covariances xx, xy, yy in pixels, on the host.

    Returns:
        (B, 3, S, S); ``pictures`` itself where nothing worth it is missing.
    """
    changes = [softening(one, pictures.shape[2]) for one in np.asarray(missing, np.float64)]
    made = pictures
    sharpened = {k: one.unsharp for k, one in enumerate(changes) if one.unsharp > 0.0}
    if sharpened:
        some = made[list(sharpened)]
        share = _column(list(sharpened.values()), some)
        some = some + share * (some - blurred(some, UNSHARP_SIGMA))
        made = _with(made, list(sharpened), some.clamp(0.0, 255.0))
    even = {k: one.even for k, one in enumerate(changes) if one.even > 0.0}
    if even:
        made = _with(made, list(even), _blurred_each(made[list(even)], list(even.values())))
    lines = {k: one.line for k, one in enumerate(changes) if one.line is not None}
    if lines:
        made = _with(made, list(lines), _filtered_each(made[list(lines)], list(lines.values())))
    return made


def _with(pictures: Tensor, places: list[int], some: Tensor) -> Tensor:
    made = pictures.clone()
    made[places] = some
    return made


def _column(values: Sequence[float], like: Tensor) -> Tensor:
    return like.new_tensor(values).view(-1, 1, 1, 1)


def _blurred_each(pictures: Tensor, sigmas: Sequence[float]) -> Tensor:
    from kornia.filters import filter2d_separable  # gaussian_blur2d would wait for the device

    reach = min(round(4.0 * max(sigmas)) + 1, min(pictures.shape[2:]) - 1)
    line = np.arange(-reach, reach + 1)
    made = np.exp(-0.5 * (line / np.asarray(sigmas)[:, None]) ** 2)
    kernels = torch.from_numpy(made / made.sum(axis=1, keepdims=True)).to(pictures)
    return filter2d_separable(  # type: ignore[no-any-return]
        pictures, kernels, kernels, border_type="reflect"
    )


def _filtered_each(pictures: Tensor, kernels: Sequence[Array]) -> Tensor:
    from kornia.filters import filter2d

    side = max(len(one) for one in kernels)
    large = [np.pad(one, (side - len(one)) // 2) for one in kernels]
    weights = torch.from_numpy(np.stack(large)).to(pictures)
    return filter2d(pictures, weights, border_type="reflect")  # type: ignore[no-any-return]
