"""Convolutions and linear layers for inference on a CPU: packed weights, and Winograd.

On a CPU, torch hands convolutions to oneDNN, which wants the weights in blocks. ``F.conv2d`` makes
that copy at every call; for the coarse levels of AEI-Net, whose weights outweigh their maps, it
costs several times the arithmetic. Here the copy is made at construction, and a leaky ReLU is
applied while the result is still in registers. The operators are those that torch's own compiler
emits; where they are missing or do not know a type, the public ones take their place.

`WinogradConv` is Winograd's minimal filtering for 3 x 3 convolutions in float32 (Lavin and Gray,
2015, arXiv 1509.09308): an m x m patch of the output needs (m + 2)^2 products per pair of channels
instead of 9 m^2. That is 2.25 times fewer for m = 2 and 4 times fewer for m = 4, at the price of
additions before and after, and of rounding errors, which grow with m. The additions run over strips
of the map that stay in the processor's cache; the products are matrix products.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_log = logging.getLogger(__name__)

Run = Callable[[Tensor], Tensor]


def _onednn() -> bool:
    return bool(torch.backends.mkldnn.is_available())  # type: ignore[no-untyped-call]


def can_pack(weight: Tensor) -> bool:
    """Whether weights of this type on this device can be laid out for oneDNN."""
    if weight.device.type != "cpu" or not _onednn():
        return False
    if weight.dtype == torch.float32:
        return True
    return weight.dtype == torch.bfloat16 and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _or_plain(packed: Callable[[], Run], plain: Run, weight: Tensor) -> Run:
    """The packed form if this torch and this processor offer it, otherwise the plain one."""
    if not can_pack(weight):
        return plain
    try:
        return packed()
    except (AttributeError, NotImplementedError, RuntimeError, TypeError) as error:
        _log.info("no packed weights on this torch: %s", error)
        return plain


class Conv:
    """A convolution or transposed convolution with fixed weights.

    Args:
        weight: As for ``F.conv2d`` or ``F.conv_transpose2d``; its type is the arithmetic's.
        bias: One number per output channel, or None.
        stride: Of both axes.
        padding: Of both axes.
        leak: Slope of a leaky ReLU behind it; None for none.
        transposed: True for a transposed convolution.
        size: Height and width of the input it will mostly see.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        stride: int = 1,
        padding: int = 0,
        leak: float | None = None,
        transposed: bool = False,
        size: int = 16,
    ) -> None:
        weight = weight.clone(memory_format=torch.channels_last)  # the module may go on changing

        def plain(x: Tensor) -> Tensor:
            conv = F.conv_transpose2d if transposed else F.conv2d
            y = conv(x, weight, bias, stride, padding)
            return y if leak is None else F.leaky_relu_(y, leak)

        def packed() -> Run:
            ops = torch.ops.mkldnn
            strides, pads, ones = [stride] * 2, [padding] * 2, [1, 1]
            c_in = weight.shape[0 if transposed else 1]
            shape = [1, c_in, size, size]
            after: tuple[Any, ...] = ("none", [], "")
            if leak is not None:
                after = ("leaky_relu", [leak], "")
            if transposed:
                laid = ops._reorder_convolution_transpose_weight(
                    weight, pads, [0, 0], strides, ones, 1, shape
                )
                rest: tuple[Any, ...] = (bias, pads, [0, 0], strides, ones, 1, *after)
                operator = ops._convolution_transpose_pointwise
            else:
                laid = ops._reorder_convolution_weight(weight, pads, strides, ones, 1, shape)
                rest = (bias, pads, strides, ones, 1, *after)
                operator = ops._convolution_pointwise
            probe = torch.zeros(shape, dtype=weight.dtype)
            operator(probe.contiguous(memory_format=torch.channels_last), laid, *rest)

            def run(x: Tensor) -> Tensor:
                y: Tensor = operator(x, laid, *rest)
                return y

            return run

        self._run = _or_plain(packed, plain, weight)

    def __call__(self, x: Tensor) -> Tensor:
        """Apply to a channels-last map (B, C, H, W)."""
        return self._run(x)


class Linear:
    """A linear layer with fixed weights.

    Args:
        weight: (out, in); its type is the arithmetic's.
        bias: (out,).
    """

    def __init__(self, weight: Tensor, bias: Tensor) -> None:
        weight = weight.contiguous()

        def plain(x: Tensor) -> Tensor:
            return F.linear(x, weight, bias)

        def packed() -> Run:
            laid = torch.ops.mkldnn._reorder_linear_weight(weight)
            operator = torch.ops.mkldnn._linear_pointwise
            operator(
                torch.zeros(1, weight.shape[1], dtype=weight.dtype), laid, bias, "none", [], ""
            )

            def run(x: Tensor) -> Tensor:
                y: Tensor = operator(x, laid, bias, "none", [], "")
                return y

            return run

        self._run = _or_plain(packed, plain, weight)

    def __call__(self, x: Tensor) -> Tensor:
        """Map (..., in) to (..., out)."""
        return self._run(x)


#: Bytes of a strip's transformed rows.
STRIP_BYTES = 16 << 20

#: Filter transforms: rows are the points of evaluation.
_FILTER = {
    2: ((1, 0, 0), (0.5, 0.5, 0.5), (0.5, -0.5, 0.5), (0, 0, 1)),
    4: (
        (1 / 4, 0, 0),
        (-1 / 6, -1 / 6, -1 / 6),
        (-1 / 6, 1 / 6, -1 / 6),
        (1 / 24, 1 / 12, 1 / 6),
        (1 / 24, -1 / 12, 1 / 6),
        (0, 0, 1),
    ),
}


def _into(d: list[Tensor], out: list[Tensor]) -> None:
    """Transform m + 2 neighbours into m + 2 values, for m = 2 or 4."""
    if len(d) == 4:
        torch.sub(d[0], d[2], out=out[0])
        torch.add(d[1], d[2], out=out[1])
        torch.sub(d[2], d[1], out=out[2])
        torch.sub(d[1], d[3], out=out[3])
        return
    even, odd = torch.sub(d[4], d[2], alpha=4), torch.sub(d[3], d[1], alpha=4)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    torch.sub(even, d[2], out=out[0]).add_(d[0], alpha=4)
    torch.sub(d[5], d[3], alpha=5, out=out[5]).add_(d[1], alpha=4)
    torch.sub(d[4], d[2], out=even)
    torch.sub(d[3], d[1], out=odd)
    torch.add(even, odd, alpha=2, out=out[3])
    torch.sub(even, odd, alpha=2, out=out[4])


def _back(m: list[Tensor], out: list[Tensor]) -> None:
    """Transform m + 2 values into m outputs."""
    if len(m) == 4:
        torch.add(m[0], m[1], out=out[0]).add_(m[2])
        torch.sub(m[1], m[2], out=out[1]).sub_(m[3])
        return
    p, q, r, s = m[1] + m[2], m[1] - m[2], m[3] + m[4], m[3] - m[4]
    torch.add(m[0], p, out=out[0]).add_(r)
    torch.add(q, s, alpha=2, out=out[1])
    torch.add(p, r, alpha=4, out=out[2])
    torch.add(q, s, alpha=8, out=out[3]).add_(m[5])


class WinogradConv:
    """A 3 x 3 convolution, padding 1, stride 1.

    Args:
        weight: (out, in, 3, 3) float32.
        patch: m, 2 or 4.
        bias: (out,) float32 or None.
    """

    def __init__(self, weight: Tensor, patch: int, bias: Tensor | None = None) -> None:
        self.m, self.points, self.bias = patch, patch + 2, bias
        g = torch.tensor(_FILTER[patch], dtype=torch.float64)
        u = torch.einsum("ai,bj,ocij->aboc", g, g, weight.double()).float()
        zero = torch.zeros(len(weight))
        self.c_out, self.c_in = weight.shape[:2]
        self.products = [Linear(w, zero) for w in u.flatten(0, 1)]

    def __call__(self, x: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, out, H, W), channels-last; H and W are multiples of m."""
        b, _, height, width = x.shape
        x = F.pad(x, (1, 1, 1, 1))
        m, n = self.m, self.points
        across = width // m
        y = torch.empty((b, height, width, self.c_out))
        row_bytes = n * n * across * max(self.c_in, self.c_out) * 4
        strip = m * max(1, STRIP_BYTES // row_bytes)
        for source, target in zip(x.permute(0, 2, 3, 1), y, strict=True):
            for top in range(0, height, strip):
                bottom = min(height, top + strip)
                rows = source[top : bottom + 2]
                self._strip(rows, target[top:bottom], (bottom - top) // m, across)
        if self.bias is not None:
            y += self.bias
        return y.permute(0, 3, 1, 2)

    def _strip(self, padded: Tensor, out: Tensor, down: int, across: int) -> None:
        """Convolve ``padded`` (m * down + 2, m * across + 2, in) into ``out``."""
        m, n = self.m, self.points
        half = padded.new_empty((n, down, *padded.shape[1:]))
        _into([padded[k : k + m * (down - 1) + 1 : m] for k in range(n)], list(half))
        full = padded.new_empty((n, n, down, across, self.c_in))
        cuts = [half[:, :, k : k + m * (across - 1) + 1 : m] for k in range(n)]
        _into(cuts, [full[:, k] for k in range(n)])
        rows = full.view(n * n, down * across, self.c_in)
        made = [product(r) for product, r in zip(self.products, rows, strict=True)]
        products = torch.stack(made).view(n, n, down, across, self.c_out)
        half = padded.new_empty((n, m, down, across, self.c_out))
        _back([products[:, k] for k in range(n)], [half[:, k] for k in range(m)])
        tiles = out.view(down, m, across, m, self.c_out).permute(1, 3, 0, 2, 4)
        _back(list(half), list(tiles))
