"""Steps of the finisher on batches: the filter over time, the tone along the border, the grain.

The reference is ``temporal_filter``, ``border_tone`` and ``grain`` of ``compositing``. Branches on
values are ``torch.where`` or weights, so nothing waits for the device.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..compositing.border_tone import (
    MAX_TONE_DIFFERENCE,
    MIN_BORDER,
    SPREAD,
    TONE_SIZE,
)
from ..compositing.grain import BAND_SIGMAS, INLIER, MIN_DIFFERENCE, OUTLIER
from ..compositing.temporal_filter import MIN_WEIGHT, TOLERANCE
from ..occlusion.temporal import SIGMA
from .resampling import blurred, dilated, gray, resized


@dataclass(frozen=True, slots=True, eq=False)
class Neighbors:
    """Which faces of a batch are asked for, and where the same face is in frames around.

    Attributes:
        own: Place of each of B faces among all N in view.
        others: For a distance in frames, the places of the same faces so far away; -1 where there
            is none.
    """

    own: Sequence[int]
    others: Mapping[int, Sequence[int]]

    def columns(self, device: torch.device) -> Iterator[tuple[int, Tensor, Tensor]]:
        """Yield distances with who of the B faces has a neighbor there, and its place."""
        for apart, places in self.others.items():
            pairs = [(row, place) for row, place in enumerate(places) if place >= 0]
            if pairs:
                rows, found = zip(*pairs, strict=True)
                yield apart, torch.tensor(rows, device=device), torch.tensor(found, device=device)


def temporal_weights(pictures: Tensor, others: Tensor, apart: int, tolerance: float) -> Tensor:
    """Return how much neighbors count (B, 1, h, w), see ``occlusion.temporal.temporal_weight``.

    Args:
        pictures: (B, 3, h, w), 0 to 255, small enough to be free of grain.
        others: Their neighbors, likewise.
        apart: How many frames these come later.
        tolerance: Change, of 255, at which a weight falls to 0.6 of what it would be.
    """
    change = dilated((pictures - others).abs().amax(dim=1, keepdim=True), 3)
    return torch.exp(-0.5 * ((change / tolerance) ** 2 + (apart / SIGMA) ** 2))


def temporal_filter(
    quarters: Tensor, swaps: Tensor, masks: Tensor, around: Neighbors
) -> tuple[Tensor, Tensor]:
    """Filter swaps over time, weighted by how little their targets changed.

    Args:
        quarters: (N, 3, S / 4, S / 4) the crops of all faces in view, 0 to 255.
        swaps: (N, 3, S, S) what was made of them.
        masks: (N, 1, S, S), 0 to 1.
        around: Which are filtered, and with which others.

    Returns:
        (B, 3, S, S) and (B, 1, S, S).
    """
    size = swaps.shape[2]
    own = torch.as_tensor(around.own, device=swaps.device)
    pixels, soft = swaps[own], masks[own]
    total, seen = torch.ones_like(soft), soft
    for apart, rows, others in around.columns(swaps.device):
        weight = temporal_weights(quarters[own[rows]], quarters[others], apart, TOLERANCE)
        counts = weight.amax(dim=(1, 2, 3), keepdim=True) >= MIN_WEIGHT
        weight = resized(torch.where(counts, weight, 0.0), size, size)
        total = total.index_add(0, rows, weight)
        pixels = pixels.index_add(0, rows, weight * swaps[others])
        soft = soft.index_add(0, rows, weight * masks[others])
        seen = seen.index_add(0, rows, masks[others])
    pixels = torch.where(seen > 0.0, pixels / total, swaps[own])
    inner = torch.zeros_like(soft)
    inner[..., 1:-1, 1:-1] = 1.0
    return pixels, torch.where(inner > 0.0, soft / total, masks[own])


def match_border_tone(
    swaps: Tensor, targets: Tensor, masks: Tensor, brows: Tensor, occluders: Tensor | None = None
) -> Tensor:
    """Give swaps their targets' tone along the border of their masks.

    Args:
        swaps: (B, 3, S, S) RGB, 0 to 255.
        targets: Likewise.
        masks: (B, 1, S, S), 0 to 1: what of the swap is seen where nothing is in front.
        brows: (B, 1, TONE_SIZE, TONE_SIZE), 0 to 1: where the brows are, which keep their tone.
        occluders: (B, 1, S, S), 0 to 1; None for nothing.

    Returns:
        (B, 3, S, S).
    """
    size = swaps.shape[2]
    difference = resized(targets, TONE_SIZE, TONE_SIZE) - resized(swaps, TONE_SIZE, TONE_SIZE)
    soft = resized(masks, TONE_SIZE, TONE_SIZE)
    border = 4.0 * soft * (1.0 - soft)
    if occluders is not None:
        border = border * (1.0 - dilated(resized(occluders, TONE_SIZE, TONE_SIZE), 3))
    largest = difference.abs().amax(dim=1, keepdim=True)
    border = border * (2.0 - largest / MAX_TONE_DIFFERENCE).clamp(0.0, 1.0)
    sigma = SPREAD * TONE_SIZE
    near = blurred(border, sigma)
    most = near.amax(dim=(1, 2, 3), keepdim=True).clamp(min=MIN_BORDER)
    share = (near / (0.3 * most)).clamp(max=1.0) / (near + MIN_BORDER)
    share = share * (1.0 - brows)
    tone = blurred(difference * border, sigma) * share
    left = difference - tone
    left = left - gray(left)
    tone = tone + blurred(left * border, sigma) * share
    return (swaps + resized(tone, size, size)).clamp(0.0, 255.0)


#: Pixels of a face from which on its grain is measured.
LEAST_PIXELS = 64


def match_grain(swaps: Tensor, targets: Tensor, faces: Tensor) -> Tensor:
    """Give swaps the fine detail that their targets' film has on skin, no less and no more.

    Args:
        swaps: (B, 3, h, w) RGB, 0 to 255, in the frame's own pixels.
        targets: Likewise.
        faces: (B, 1, h, w), 0 to 1: where to measure; all of it, not some of it as in numpy.

    Returns:
        (B, 3, h, w).
    """
    inside = faces > 0.5
    enough = inside.sum(dim=(1, 2, 3), keepdim=True) >= LEAST_PIXELS
    rest, film_rest = gray(swaps), gray(targets)
    change = torch.zeros_like(rest)
    for sigma in BAND_SIGMAS:
        soft, film_soft = blurred(rest, sigma), blurred(film_rest, sigma)
        own, film = rest - soft, film_rest - film_soft
        rest, film_rest = soft, film_soft
        have, want = _deviation(own, inside), _deviation(film, inside)
        part = _without_edges(film, want)
        power = _inner(part, part, inside).clamp(min=1e-6)
        lacking = (have / want).clamp(max=1.0)
        shared = torch.minimum((_inner(own, part, inside) / power).clamp(min=0.0), lacking)
        added = part * ((shared**2 + 1.0 - lacking**2).sqrt() - shared)
        taken = _without_edges(own, have) * (want / have - 1.0)
        step = torch.where(want > have, added, taken)
        change = change + torch.where((have - want).abs() < MIN_DIFFERENCE, 0.0, step)
    return torch.where(enough, (swaps + change).clamp(0.0, 255.0), swaps)


def _inner(one: Tensor, other: Tensor, inside: Tensor) -> Tensor:
    return (one * other * inside).sum(dim=(1, 2, 3), keepdim=True)


def _without_edges(band: Tensor, spread: Tensor) -> Tensor:
    fade = 1.0 / (OUTLIER - INLIER)
    return band * (OUTLIER * fade - band.abs() * (fade / spread)).clamp(0.0, 1.0)


def _deviation(band: Tensor, inside: Tensor) -> Tensor:
    """Return the standard deviation (B, 1, 1, 1) that the middle of a band has."""
    values = torch.where(inside, band.abs(), torch.nan).flatten(1)
    middle = values.nanmedian(dim=1).values.nan_to_num(0.0)
    return (1.4826 * middle).clamp(min=1e-6).view(-1, 1, 1, 1)
