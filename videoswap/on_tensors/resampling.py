"""Warps, sizes and blurs of batches, as ``geometry.resample`` and OpenCV do them one by one.

Pictures are (B, C, H, W) float32. Matrices are (B, 2, 3) float32 as in ``geometry.affine``: (x, y)
columns, pixel centres at integers. Nothing waits for the device: sizes come from shapes alone.
kornia is imported when it is first needed.
"""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor


def inverted(matrices: Tensor) -> Tensor:
    """Return the inverses of affine matrices (B, 2, 3)."""
    a, b, c, d = matrices[:, 0, 0], matrices[:, 0, 1], matrices[:, 1, 0], matrices[:, 1, 1]
    turn = torch.stack([d, -b, -c, a], dim=1).view(-1, 2, 2) / (a * d - b * c).view(-1, 1, 1)
    return torch.cat([turn, -turn @ matrices[:, :, 2:]], dim=2)


def warp_back(
    pictures: Tensor,
    matrices: Tensor,
    width: int,
    height: int,
    *,
    black_outside: bool = False,
    cubic: bool = False,
) -> Tensor:
    """Warp pictures to where they came from, see ``geometry.resample.warp_back``.

    Args:
        pictures: (B, C, H, W).
        matrices: (B, 2, 3) from pixels of the results to those of the pictures.
        width: Of the results.
        height: Of the results.
        black_outside: Whether what lies outside the pictures is 0; else their border is continued.
        cubic: Whether interpolation is cubic, with OpenCV's kernel (a = -0.75).

    Returns:
        (B, C, height, width).
    """
    from kornia.geometry.transform import warp_affine

    return warp_affine(  # type: ignore[no-any-return]
        pictures,
        inverted(matrices),
        (height, width),
        mode="bicubic" if cubic else "bilinear",
        padding_mode="zeros" if black_outside else "border",
        align_corners=True,
    )


def warp(
    pictures: Tensor,
    matrices: Tensor,
    size: int,
    factor: int = 1,
    *,
    black_outside: bool = False,
) -> Tensor:
    """Warp pictures to squares, see ``geometry.resample.warp`` with ``average_all``.

    Args:
        pictures: (B, C, H, W).
        matrices: (B, 2, 3) from their pixels to those of the results.
        size: Side of the results.
        factor: By which the pictures are made smaller first, so that nothing aliases: the whole
            number of pixels that become one, at least 1.
        black_outside: As in :func:`warp_back`.
    """
    if factor >= 2:
        height, width = (max(1, side // factor) for side in pictures.shape[2:])
        across, down = pictures.shape[3] / width, pictures.shape[2] / height
        pictures = shrunk(pictures, width, height)
        # compose(matrix, resize_matrix(across, down))
        enlarged = matrices.new_tensor([across, down])
        turn = matrices[:, :, :2] * enlarged
        middle = (enlarged - 1.0) / 2.0
        shift = matrices[:, :, 2:] + matrices[:, :, :2] @ middle.view(1, 2, 1)
        matrices = torch.cat([turn, shift], dim=2)
    return warp_back(pictures, inverted(matrices), size, size, black_outside=black_outside)


def resized(pictures: Tensor, width: int, height: int) -> Tensor:
    """Resize as ``geometry.resample.resize``: means where it shrinks, linear where it grows."""
    if height <= pictures.shape[2] and width <= pictures.shape[3]:
        return shrunk(pictures, width, height)
    return F.interpolate(pictures, (height, width), mode="bilinear", align_corners=False)


def shrunk(pictures: Tensor, width: int, height: int) -> Tensor:
    """Resize to at most the same size by means over areas, as OpenCV's INTER_AREA."""
    if pictures.shape[2] == height and pictures.shape[3] == width:
        return pictures
    if pictures.shape[2] % height == 0 and pictures.shape[3] % width == 0:
        return F.avg_pool2d(pictures, (pictures.shape[2] // height, pictures.shape[3] // width))
    rows = _area_weights(pictures.shape[2], height, pictures.device)
    columns = _area_weights(pictures.shape[3], width, pictures.device)
    return rows @ pictures @ columns.T


@lru_cache(maxsize=64)
def _area_weights(given: int, wanted: int, device: torch.device) -> Tensor:
    """Return (wanted, given): how much of each sample lies in each new one."""
    edges = torch.arange(wanted + 1, dtype=torch.float64) * (given / wanted)
    samples = torch.arange(given, dtype=torch.float64)
    low = torch.maximum(edges[:-1, None], samples)
    high = torch.minimum(edges[1:, None], samples + 1.0)
    return ((high - low).clamp(min=0.0) * (wanted / given)).to(device, torch.float32)


def blurred(pictures: Tensor, sigma: float) -> Tensor:
    """Blur by a Gaussian, as ``cv2.GaussianBlur(picture, (0, 0), sigma)`` of float pictures."""
    from kornia.filters import gaussian_blur2d

    side = round(8.0 * sigma + 1.0) | 1  # OpenCV's own choice for float pictures
    side = min(side, 2 * min(pictures.shape[2:]) - 1)
    return gaussian_blur2d(  # type: ignore[no-any-return]
        pictures, (side, side), (sigma, sigma), border_type="reflect"
    )


def dilated(masks: Tensor, side: int) -> Tensor:
    """Return the largest value (B, C, H, W) in squares of ``side`` pixels, as ``cv2.dilate``."""
    return F.max_pool2d(masks, side, stride=1, padding=side // 2)


def feather(depths: Tensor, width: float) -> Tensor:
    """Return a smooth ramp from 0 at depth 0 to 1 at ``width``, as ``face_masks.feather``."""
    ramp = (depths / max(width, 1.0)).clamp(max=1.0)
    return ramp * ramp * (3.0 - 2.0 * ramp)


def fade_border(masks: Tensor, width: float) -> Tensor:
    """Let masks (B, 1, S, S) fall to 0 towards the border, as ``face_masks.fade_border``."""
    line = torch.arange(masks.shape[2], dtype=masks.dtype, device=masks.device)
    ramp = feather(torch.minimum(line, line.flip(0)), width)
    return masks * torch.minimum(ramp[:, None], ramp[None, :])


def covered_rectangles(masks: Tensor) -> Tensor:
    """Return x, y, width, height (B, 4) int64 of where masks (B, 1, H, W) are above 0."""
    starts, lengths = [], []
    for axis in (2, 3):  # of which nothing is left
        line = (masks > 0.0).any(dim=axis)[:, 0].to(torch.uint8)
        first = line.argmax(dim=1)
        end = line.shape[1] - line.flip(1).argmax(dim=1)
        some = line.amax(dim=1) > 0
        starts.append(torch.where(some, first, 0))
        lengths.append(torch.where(some, end - first, 0))
    return torch.stack([*starts, *lengths], dim=1)


def gray(pictures: Tensor) -> Tensor:
    """Return the luma (B, 1, H, W) of RGB (B, 3, H, W), as ``cv2.COLOR_RGB2GRAY``."""
    weights = pictures.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    return (pictures * weights).sum(dim=1, keepdim=True)
