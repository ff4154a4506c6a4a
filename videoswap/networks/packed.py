"""Convolutions and linear layers whose weights are laid out once, not at every call.

On a CPU, torch hands convolutions to oneDNN, which wants the weights in blocks. ``F.conv2d`` makes
that copy at every call; for the coarse levels of AEI-Net, whose weights outweigh their maps, it
costs several times the arithmetic. Here the copy is made at construction, and a leaky ReLU is
applied while the result is still in registers. The operators are those that torch's own compiler
emits; where they are missing or do not know a type, the public ones take their place.
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
