"""Crops to what generators take and back, and pixel boost, on the device.

The bytes of a batch go up as they are, from pinned memory; everything else (order of axes, range,
sub-images, the grid between them) happens there. The steps and their order are those of
``tensors`` and ``engines.pixel_boost``, which are the reference.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..geometry.face_masks import Rectangle
from ..records import Array
from .resampling import blurred, shrunk

#: Pixels of a sub-image over which its difference from the others is taken for the grid.
REACH = 1.0


def uploaded(images: Sequence[Array], device: torch.device) -> Tensor:
    """Return images (S, S, 3) of one size, uint8 or float32, as (B, 3, S, S) float32, 0 to 255."""
    return uploaded_bytes(images, device).permute(0, 3, 1, 2).to(torch.float32)


def uploaded_bytes(images: Sequence[Array], device: torch.device) -> Tensor:
    """Return arrays of one shape and type as one tensor of that type, (B, ...)."""
    kind = torch.from_numpy(images[0][:0]).dtype
    shape = (len(images), *images[0].shape)
    held = torch.empty(shape, dtype=kind, pin_memory=device.type == "cuda")
    view = held.numpy()
    for number, image in enumerate(images):
        view[number] = image
    return held.to(device, non_blocking=True)


def uploaded_parts(
    parts: Sequence[Array], rectangles: Sequence[Rectangle], size: int, device: torch.device
) -> Tensor:
    """Return squares that are 0 but for a part of each; what is 0 in all of them is not sent.

    Args:
        parts: (h, w) float32 each.
        rectangles: x, y, width and height of each in its square.
        size: Side of the squares in pixels.
        device: Where to.

    Returns:
        (B, size, size) float32.
    """
    left, top = (min(one[axis] for one in rectangles) for axis in (0, 1))
    right, bottom = (max(one[axis] + one[axis + 2] for one in rectangles) for axis in (0, 1))
    shape = len(parts), bottom - top, right - left
    held = torch.empty(shape, dtype=torch.float32, pin_memory=device.type == "cuda")
    view = held.numpy()
    view[...] = 0.0
    for square, part, (x, y, width, height) in zip(view, parts, rectangles, strict=True):
        square[y - top : y - top + height, x - left : x - left + width] = part
    around = left, size - right, top, size - bottom
    return F.pad(held.to(device, non_blocking=True), around)


def downloaded_bytes(*values: Tensor) -> list[Array]:
    """Return tensors of any type on the host, when all that leads to them is done."""
    if values[0].device.type != "cuda":
        return [np.asarray(one.numpy()) for one in values]
    held = [torch.empty(one.shape, dtype=one.dtype, pin_memory=True) for one in values]
    for here, there in zip(held, values, strict=True):
        here.copy_(there, non_blocking=True)
    torch.cuda.current_stream().synchronize()
    return [np.asarray(one.numpy()) for one in held]


def downloaded(pictures: Tensor) -> Array:
    """Return pictures (B, 3, S, S) as (B, S, S, 3) float32 on the host."""
    return downloaded_bytes(pictures.permute(0, 2, 3, 1).to(torch.float32).contiguous())[0]


def downloaded_with_masks(made: Tensor) -> tuple[Array, Array]:
    """Return pictures with masks (B, 4, S, S) as (B, S, S, 3) and (B, S, S) float32 on the host."""
    pictures = made[:, :3].permute(0, 2, 3, 1).contiguous()
    pictures_here, masks = downloaded_bytes(pictures, made[:, 3].contiguous())
    return pictures_here, masks


def to_range(pictures: Tensor, low: float, high: float) -> Tensor:
    """Bring 0 to 255 into the range of a network, see ``tensors.to_planar``."""
    unit = pictures / 255.0
    if (low, high) == (0, 1):
        return unit
    middle = float(np.float32(low / (low - high)))
    return (unit - middle) / float(np.float32(1 / (high - low)))


def from_range(made: Tensor, low: float, high: float) -> Tensor:
    """Bring what a network gave to 0 to 255 and clip it, see ``tensors.from_planar``."""
    unit = made.to(torch.float32)
    if (low, high) != (0, 1):
        unit = unit * float(np.float32(1 / (high - low)))
        unit = unit + float(np.float32(low / (low - high)))
    return (unit * 255.0).clamp(0.0, 255.0)


def taken_apart(pictures: Tensor, parts: int) -> Tensor:
    """Take pictures (B, C, S, S) apart; (B * parts * parts, C, S / parts, S / parts)."""
    batch, channels, size, _ = pictures.shape
    side = size // parts
    blocks = pictures.reshape(batch, channels, side, parts, side, parts)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(batch * parts**2, channels, side, side)


def joined(pieces: Tensor, parts: int) -> Tensor:
    """Put interleaved pictures back together, the inverse of :func:`taken_apart`."""
    count, channels, side, _ = pieces.shape
    blocks = pieces.reshape(count // parts**2, parts, parts, channels, side, side)
    whole = blocks.permute(0, 3, 4, 1, 5, 2)
    return whole.reshape(count // parts**2, channels, side * parts, side * parts)


def without_grid(pictures: Tensor, targets: Tensor, parts: int) -> Tensor:
    """Take the grid between sub-images out, see ``engines.pixel_boost.without_grid``.

    Args:
        pictures: (B, 3, S, S) joined pictures, 0 to 255.
        targets: (B, 3, S, S) the crops that they were made of.
        parts: Sub-images a side.
    """
    if parts == 1:
        return pictures
    grid, own = _grid(pictures, parts), _grid(targets, parts)  # (B, parts * parts, 3, h, w)
    both = blurred((grid * own).sum(dim=(1, 2))[:, None], 2.0 * REACH)
    alike = both / (blurred((own * own).sum(dim=(1, 2))[:, None], 2.0 * REACH) + 1e-6)
    kept = own * alike.clamp(0.0, 1.0)[:, None]
    return (pictures - joined((grid - kept).flatten(0, 1), parts)).clamp(0.0, 255.0)


def _grid(pictures: Tensor, parts: int) -> Tensor:
    """Return the part of pictures close to the grid's frequencies, by sub-images."""
    ones = np.ones(parts)
    line = pictures.new_tensor(np.convolve(ones, ones) / parts**2)
    channels, reach = pictures.shape[1], parts - 1
    smooth = F.pad(pictures, (reach, reach, reach, reach), mode="reflect")
    across = line.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    smooth = F.conv2d(smooth, across, groups=channels)
    smooth = F.conv2d(smooth, across.transpose(2, 3), groups=channels)
    pieces = blurred(taken_apart(pictures - smooth, parts), REACH)
    grid = pieces.view(len(pictures), parts**2, *pieces.shape[1:])
    return grid - grid.mean(dim=1, keepdim=True)


def scaled_down(pictures: Tensor, size: int) -> Tensor:
    """Make crops smaller by means over areas; the same crops if they have that size."""
    return shrunk(pictures, size, size)


def enlarged(pictures: Tensor, size: int) -> Tensor:
    """Make crops larger by cubic interpolation, clipped to 0 to 255."""
    if pictures.shape[2] == size:
        return pictures
    made = F.interpolate(pictures, (size, size), mode="bicubic", align_corners=False)
    return made.clamp(0.0, 255.0)
