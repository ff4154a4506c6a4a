"""Swaps blended into the planes of their frames' boxes, in batches; see ``video.planes``.

Frames stay on the host: the samples of each face's box go up, blended samples and an 8-bit mask
come down, so nothing else can change. Planes are (B, h, w) float32 samples, luma first.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..video.color import Color
from ..video.pixel_formats import Layout
from ..video.planes import color_matrices
from .finishing import match_grain
from .resampling import resized, shrunk, warp_back


def to_rgb(planes: Sequence[Tensor], form: Layout, color: Color) -> Tensor:
    """Return (B, 3, h, w) RGB, 0 to 255, of the planes of boxes; see ``planes.read_rgb``.

    Args:
        planes: Y, U, V; or G, B, R; or luma alone: (B, h, w), chroma in its own size.
        form: Their layout.
        color: Their color; its transfer has to be ``sdr``.
    """
    if form.model == "gray":
        merged = torch.stack([planes[0]] * 3, dim=1)
    elif form.model == "rgb":
        merged = torch.stack([planes[index] for index in (2, 0, 1)], dim=1)
    else:
        height, width = planes[0].shape[1:]
        parts = [planes[0]]
        for chroma in planes[1:3]:
            size = chroma.shape[2] * form.sub_x, chroma.shape[1] * form.sub_y
            # OpenCV interpolates whole numbers and rounds them, halves up.
            large = (resized(chroma[:, None], *size)[:, 0] + 0.5).floor()
            parts.append(large[:, :height, :width])
        merged = torch.stack(parts, dim=1)
    return _transformed(merged, color_matrices(form, color)[0]).clamp(0.0, 255.0)


def blended(
    planes: Sequence[Tensor], rgb: Tensor, mask: Tensor, form: Layout, color: Color
) -> list[Tensor]:
    """Blend pictures into planes; see ``planes.write_rgb``.

    Args:
        planes: As :func:`to_rgb` takes them.
        rgb: (B, 3, h, w), 0 to 255.
        mask: (B, 1, h, w), whole numbers from 0 (keep the frame) to 255 (take the picture).
        form: Layout of the planes.
        color: Their color.

    Returns:
        The new planes, whole numbers. Samples under mask 0 are what they were.
    """
    new = _transformed(rgb, color_matrices(form, color)[1])
    weight = mask / 255.0
    top = float((1 << form.depth) - 1)
    if form.model != "yuv":
        order = {"gray": (0,), "rgb": (2, 0, 1)}[form.model]
        made = list(planes)
        for place, index in enumerate(order):
            change = (new[:, place] - planes[index]) * weight[:, 0]
            made[index] = (planes[index] + change).round().clamp(0.0, top)
        return made
    luma = planes[0] + (new[:, 0] - planes[0]) * weight[:, 0]
    small = _mean(weight, form)
    parts = _mean(new[:, 1:] * weight, form)
    chroma = [
        planes[index] + (parts[:, index - 1] - small[:, 0] * planes[index]) for index in (1, 2)
    ]
    return [*((one.round().clamp(0.0, top)) for one in (luma, *chroma)), *planes[3:]]


def composited(
    planes: Sequence[Tensor],
    swaps: Tensor,
    masks: Tensor,
    matrices: Tensor,
    form: Layout,
    color: Color,
    *,
    cubic: bool = False,
    grain: bool = False,
) -> tuple[list[Tensor], Tensor]:
    """Blend swaps into the boxes that they were cut from; see ``compositing.composite``.

    Args:
        planes: As :func:`to_rgb` takes them.
        swaps: (B, 3, S, S) RGB, 0 to 255.
        masks: (B, 1, S, S), 0 to 1.
        matrices: (B, 2, 3) from pixels of the boxes to those of the crops.
        form: Layout of the planes.
        color: Their color.
        cubic: Whether swaps are enlarged by cubic interpolation.
        grain: Whether they get the grain of the pixels that they cover.

    Returns:
        The new planes, and the masks (B, 1, h, w) as whole numbers from 0 to 255.
    """
    height, width = planes[0].shape[1:]
    weight = warp_back(masks, matrices, width, height, black_outside=True)
    weight = (weight * 255.0 + 0.5).clamp(0.0, 255.0).floor()
    rgb = warp_back(swaps, matrices, width, height, cubic=cubic)
    if grain:
        rgb = match_grain(rgb, to_rgb(planes, form, color), weight / 255.0)
    return blended(planes, rgb, weight, form, color), weight


def _transformed(pictures: Tensor, matrix: object) -> Tensor:
    """Apply a (C', 4) affine map of colors to (B, 3, h, w)."""
    rows = torch.as_tensor(matrix, dtype=torch.float32, device=pictures.device)
    made = torch.einsum("dc,bchw->bdhw", rows[:, :3], pictures)
    return made + rows[:, 3].view(1, -1, 1, 1)


def _mean(values: Tensor, form: Layout) -> Tensor:
    """Average (B, C, h, w) over the luma samples of each chroma sample."""
    height, width = values.shape[2:]
    right, below = -width % form.sub_x, -height % form.sub_y
    if right or below:
        values = F.pad(values, (0, right, 0, below), mode="replicate")
    return shrunk(values, values.shape[3] // form.sub_x, values.shape[2] // form.sub_y)
