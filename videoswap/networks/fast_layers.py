"""Parts of the fast networks: maps as rows of channels, folded norms, tiles, convolutions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .aei_net import LEAK, upsample
from .cpu_layers import Conv, Linear, WinogradConv, can_pack

#: Bytes of a tile of the modulation's working set on a CPU, per thread.
TILE_BYTES = 1 << 20

#: A convolution or transposed convolution, and the batch norm behind it.
Normed = tuple[nn.Conv2d | nn.ConvTranspose2d, nn.BatchNorm2d]


def rows_of(x: Tensor) -> Tensor:
    """A channels-last map (B, C, H, W) as rows (B, H * W, C), without a copy."""
    b, c, h, w = x.shape
    return x.permute(0, 2, 3, 1).reshape(b, h * w, c)


def map_of(rows: Tensor, height: int) -> Tensor:
    """Rows (B, H * W, C) as a channels-last map (B, C, H, W), without a copy."""
    b, n, c = rows.shape
    return rows.view(b, height, n // height, c).permute(0, 3, 1, 2)


class Identified(Protocol):
    """A layer with a linear map of the identity."""

    id_weight: Tensor
    id_bias: Tensor


def joined_identity(layers: Sequence[Identified]) -> Linear:
    """Join the identity's linear maps of all layers into one; the layers give theirs up."""
    joined = Linear(
        torch.cat([layer.id_weight for layer in layers]),
        torch.cat([layer.id_bias for layer in layers]),
    )
    for layer in layers:
        del layer.id_weight, layer.id_bias
    return joined


def modulate(
    hn: Tensor, logits: Tensor, by_attributes: Tensor, by_identity: Tensor, out: Tensor
) -> None:
    """Mix two modulations by a mask and apply the mixture, with ReLU.

    Args:
        hn: (B, P, C) normalised rows.
        logits: (B, P, 1) of the mask.
        by_attributes: (B, P, 2C) scale and shift; overwritten.
        by_identity: (B, 1, 2C) scale and shift.
        out: (B, P, C) to write into.
    """
    mixed = by_attributes.lerp_(by_identity, torch.sigmoid(logits))
    scale, shift = mixed.chunk(2, dim=-1)
    torch.addcmul(shift, hn, scale, out=out).relu_()


@dataclass(frozen=True)
class Affine:
    """A factor and a shift for every channel, float64 (C,): what a batch norm is in eval mode."""

    factor: Tensor
    shift: Tensor

    @classmethod
    def of(cls, norm: nn.BatchNorm2d) -> Affine:
        """A whole batch norm."""
        plain, weight = cls.statistics_of(norm), norm.weight.double()
        return cls(weight * plain.factor, weight * plain.shift + norm.bias.double())

    @classmethod
    def statistics_of(cls, norm: nn.BatchNorm2d) -> Affine:
        """A batch norm without its own weights: it only centres and scales."""
        assert norm.running_mean is not None and norm.running_var is not None
        factor = torch.rsqrt(norm.running_var.double() + norm.eps)
        return cls(factor, -norm.running_mean.double() * factor)

    def after(self, other: Affine) -> Affine:
        """What takes values that went through ``other`` to where this takes plain ones."""
        factor = self.factor / other.factor
        return Affine(factor, self.shift - other.shift * factor)


def folded(conv: nn.Conv2d | nn.ConvTranspose2d, behind: Affine) -> tuple[Tensor, Tensor]:
    """Weight and bias, float32, of a convolution with a factor and a shift behind it."""
    shape = [1] * conv.weight.dim()
    shape[1 if isinstance(conv, nn.ConvTranspose2d) else 0] = -1
    bias = behind.shift if conv.bias is None else behind.shift + conv.bias * behind.factor
    return conv.weight.float() * behind.factor.float().view(shape), bias.float()


class Workspace:
    """Memory that all blocks write their branches into, one after the other.

    Fresh memory of this size costs more in page faults than what is written there.
    """

    def __init__(self, dtype: torch.dtype, device: torch.device) -> None:
        self.memory = torch.empty(0, dtype=dtype, device=device)

    def take(self, *shapes: tuple[int, ...]) -> list[Tensor]:
        """Tensors of these shapes; what was taken before is lost."""
        counts = [math.prod(shape) for shape in shapes]
        if sum(counts) > len(self.memory):
            self.memory = self.memory.new_empty(sum(counts))
        parts = torch.split(self.memory[: sum(counts)], counts)
        return [part.view(shape) for part, shape in zip(parts, shapes, strict=True)]

    def release(self) -> None:
        """Give the memory back."""
        self.memory = self.memory.new_empty(0)


def tiles(b: int, p: int, row_bytes: int, tile_bytes: int | None) -> Iterator[tuple[slice, slice]]:
    """Cut (B, P) rows into tiles: several whole samples, or a part of one."""
    if tile_bytes is None or b * p * row_bytes <= tile_bytes:
        yield slice(0, b), slice(0, p)
        return
    if p * row_bytes <= tile_bytes:
        step = tile_bytes // (p * row_bytes)
        yield from ((slice(n, min(n + step, b)), slice(0, p)) for n in range(0, b, step))
        return
    step = max(1, tile_bytes // row_bytes)
    for n in range(b):
        yield from ((slice(n, n + 1), slice(k, min(k + step, p))) for k in range(0, p, step))


def winograd_pays(weight: Tensor, size: int) -> bool:
    """Whether Winograd's way is the quickest for a 3 x 3 convolution of maps of this size.

    Measured on two cores: its additions pay from 256 x 256 channels, and where the map is large
    enough that reading the weights is not what takes the time.
    """
    many = weight.shape[0] * weight.shape[1] >= 256 * 256
    fits = can_pack(weight) and weight.dtype == torch.float32
    return many and fits and size >= 16 and size % 4 == 0


def conv_3x3(weight: Tensor, size: int, bias: Tensor | None = None) -> Callable[[Tensor], Tensor]:
    """A 3 x 3 convolution, padding 1, of channels-last maps of this size, the quickest exact way.

    Args:
        weight: (out, in, 3, 3); its type is the arithmetic's.
        size: Height and width of the maps.
        bias: (out,) or None.
    """
    if winograd_pays(weight, size):
        return WinogradConv(weight, 4 if size >= 32 else 2, bias)
    return Conv(weight, bias, 1, 1, size=size)


def four_pixels(
    weight: Tensor, size: int, bias: Tensor | None = None
) -> Callable[[Tensor], Tensor]:
    """A 3 x 3 convolution to few channels that computes 2 x 2 pixels at a time.

    With three output channels the processor's lanes stay mostly empty; with twelve they do not.
    """
    c_out, c_in = weight.shape[:2]
    wide = weight.new_zeros(c_out, 2, 2, c_in, 4, 4)
    for i in (0, 1):
        for j in (0, 1):
            wide[:, i, j, :, i : i + 3, j : j + 3] = weight
    wide_bias = None if bias is None else bias.repeat_interleave(4)
    conv = Conv(wide.reshape(4 * c_out, c_in, 4, 4), wide_bias, 2, 1, size=size)
    return lambda x: F.pixel_shuffle(conv(x), 2)


class FastEncoder:
    """U-Net or LinkNet with the batch norms folded into the convolutions.

    Args:
        down: Layers of the way down, from fine to coarse; all halve.
        up: Layers of the way up, from coarse to fine; all double.
        concatenate: Finer maps are put behind the channels (U-Net), otherwise added.
        size: Pixels on a side of the picture.
        dtype: Of weights and maps.
    """

    def __init__(
        self,
        down: Sequence[Normed],
        up: Sequence[Normed],
        concatenate: bool,
        size: int,
        dtype: torch.dtype,
    ) -> None:
        self.concatenate = concatenate
        self.down, self.up = [], []
        for conv, norm in down:
            weight, bias = (part.to(dtype) for part in folded(conv, Affine.of(norm)))
            self.down.append(Conv(weight, bias, 2, 1, LEAK, False, size))
            size //= 2
        for conv, norm in up:
            weight, bias = (part.to(dtype) for part in folded(conv, Affine.of(norm)))
            self.up.append(Conv(weight, bias, 2, 1, LEAK, True, size))
            size *= 2

    def __call__(self, target: Tensor) -> list[Tensor]:
        """Attribute maps of ``target`` (B, 3, S, S), channels-last, from coarse to fine."""
        x, skips = target, []
        for conv in self.down:
            x = conv(x)
            skips.append(x)
        maps = [skips.pop()]
        for conv in self.up:
            x, skip = conv(x), skips.pop()
            x = torch.cat([x, skip], dim=1) if self.concatenate else x.add_(skip)
            maps.append(x)
        return [*maps, upsample(x)]
