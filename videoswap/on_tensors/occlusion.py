"""Occlusion masks of batches over time and at the picture's edges.

The reference is ``occlusion.temporal``, ``guided_filter`` and ``carrying``. Connected regions are
found on the host, which gets two bits a pixel for it and only where something is in front.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from ..occlusion.guided_filter import (
    EPSILON,
    MASK_EPSILON,
    MIN_SIZE,
    RADIUS,
    SUBSAMPLING,
    solve,
)
from ..occlusion.segmenter import MIN_PEAK as LEAST_PEAK
from ..occlusion.temporal import (
    BORDER_GAIN,
    COMPARED_SIZE,
    MIN_PEAK,
    TOLERANCE,
    near_good_regions,
)
from .conversions import downloaded_bytes, uploaded_bytes
from .finishing import Neighbors, temporal_weights
from .resampling import resized


def stabilize(targets: Tensor, quarters: Tensor, masks: Tensor, around: Neighbors) -> Tensor:
    """Return the final occlusion masks of some faces, see ``stabilize_occlusion_mask``.

    Args:
        targets: (N, 3, S, S) the crops of all faces in view, 0 to 255.
        quarters: (N, 3, S / 4, S / 4) the same, smaller.
        masks: (N, 1, S, S), 0 to 1: what is in front of each, as its frame alone shows it.
        around: Which of them are asked for, and where their neighbors are.

    Returns:
        (B, 1, S, S), 0 to 1; 0 where nothing is in front.
    """
    size = targets.shape[2]
    small = resized(quarters, COMPARED_SIZE, COMPARED_SIZE)
    own = torch.as_tensor(around.own, device=targets.device)
    total = masks[own]
    weights = torch.ones_like(small[own, :1])
    for apart, rows, others in around.columns(targets.device):
        weight = temporal_weights(small[own[rows]], small[others], apart, TOLERANCE)
        weights = weights.index_add(0, rows, weight)
        total = total.index_add(0, rows, resized(weight, size, size) * masks[others])
    mean = total / resized(weights, size, size)
    mean = _without_small_regions(mean)
    refined = guided_filter(mean, targets[own])
    return ((refined - 0.5) * BORDER_GAIN + 0.5).clamp(0.0, 1.0)


def carry(quarters: Tensor, masks: Tensor, around: Neighbors) -> Tensor:
    """Return what is in front of faces by what is in front of others, see ``carrying.carry``.

    Args:
        quarters: (N, 3, S / 4, S / 4) the crops of all faces in view, 0 to 255.
        masks: (N, 1, S, S), 0 to 1: what is in front of those that were looked at.
        around: Which of them were not, and where each is in the frames beside it that were, at
            least in one.

    Returns:
        (B, 1, S, S), 0 to 1; 0 where nothing is in front.
    """
    size = masks.shape[2]
    small = resized(quarters, COMPARED_SIZE, COMPARED_SIZE)
    own = torch.as_tensor(around.own, device=masks.device)
    total = torch.zeros_like(masks[own])
    weights = torch.zeros_like(small[own, :1])
    for apart, rows, others in around.columns(masks.device):
        weight = temporal_weights(small[own[rows]], small[others], apart, TOLERANCE)
        weight = weight + 1e-4 / abs(apart)
        weights = weights.index_add(0, rows, weight)
        total = total.index_add(0, rows, resized(weight, size, size) * masks[others])
    mask = total / resized(weights, size, size)
    return torch.where(mask.amax(dim=(1, 2, 3), keepdim=True) >= LEAST_PEAK, mask, 0.0)


def _without_small_regions(masks: Tensor) -> Tensor:
    bits = (masks > 0.5).to(torch.uint8) + 2 * (masks >= MIN_PEAK).to(torch.uint8)
    kept = [_kept(one) for one in downloaded_bytes(bits[:, 0])[0]]
    near = uploaded_bytes(kept, masks.device)[:, None]
    return torch.where(near > 0, masks, 0.0)


def _kept(bits: np.ndarray) -> np.ndarray:
    near = near_good_regions(bits & 1, bits > 1)
    return np.zeros_like(bits) if near is None else near


def guided_filter(masks: Tensor, pictures: Tensor) -> Tensor:
    """Move the borders of masks to the edges of pictures, see ``guided_filter_refine``.

    Args:
        masks: (B, 1, S, S), 0 to 1.
        pictures: (B, 3, S, S) RGB, 0 to 255.

    Returns:
        (B, 1, S, S), 0 to 1.
    """
    from kornia.filters import box_blur

    size = masks.shape[2]
    side = max(MIN_SIZE, size // SUBSAMPLING)
    window = (2 * max(1, round(RADIUS * side)) + 1,) * 2

    def mean(values: Sequence[Tensor]) -> list[Tensor]:
        made = box_blur(torch.cat(list(values), dim=1), window, "reflect", separable=True)
        return list(torch.split(made, 1, dim=1))

    guide = list(torch.split(resized(pictures, side, side), 1, dim=1))
    small = resized(masks, side, side)
    pairs = [(0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2)]
    *means, mask_mean = mean([*guide, small])
    crossed = mean([*(color * small for color in guide), small * small])
    covariance = [one - m * mask_mean for one, m in zip(crossed[:3], means, strict=True)]
    squares = mean([guide[i] * guide[j] for i, j in pairs])
    variance = {
        (i, j): square - means[i] * means[j] + (EPSILON if i == j else 0.0)
        for (i, j), square in zip(pairs, squares, strict=True)
    }
    slope = solve(variance, covariance)
    offset = mask_mean - sum(s * m for s, m in zip(slope, means, strict=True))
    explained = sum(s * c for s, c in zip(slope, covariance, strict=True))
    explained = explained / (crossed[3] - mask_mean * mask_mean + MASK_EPSILON)
    smooth = torch.cat(mean([*slope, offset, explained]), dim=1)
    smooth = resized(smooth, size, size)
    filtered = (smooth[:, :3] * pictures).sum(dim=1, keepdim=True) + smooth[:, 3:4]
    share = (2.0 * smooth[:, 4:5]).clamp(0.0, 1.0)
    return masks + (filtered.clamp(0.0, 1.0) - masks) * share
