"""Torch modules written into ONNX graphs.

Batch norms are folded into the convolutions. Weights are kept in half precision, unless that is
switched off, and computed with in single precision.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from onnx import TensorProto
from torch import nn

from ..weights.onnx_graph import OnnxGraph


class NetworkGraph(OnnxGraph):
    """A graph that takes torch modules too: each method returns the name of what it gives.

    Args:
        half: Whether weights are kept in half precision.
    """

    def __init__(self, *, half: bool = True) -> None:
        super().__init__()
        self._half = half

    def convolution(
        self,
        flow: str,
        conv: Any,
        norm: Any = None,
        *,
        patch: int = 1,
        pads: list[int] | None = None,
    ) -> str:
        """Add a convolution and the batch norm that follows it as one.

        Args:
            flow: Its input.
            conv: The ``Conv2d``.
            norm: The ``BatchNorm2d``, or None.
            patch: Side of the patches over which the convolution runs, as ``PixelUnshuffle`` makes
                them; the graph's runs over the pixels, which is the same sum.
            pads: Pixels added before and after, as ONNX has them; None takes the convolution's.
        """
        kernel, bias = conv.weight, conv.bias
        if norm is not None:
            factor, bias = self.folded(norm)
            kernel = conv.weight * factor[:, None, None, None]
        stride, pad = conv.stride[0], conv.padding[0]
        if patch > 1:
            kernel, stride, pad = _over_pixels(kernel, patch), stride * patch, pad * patch
        biases = [] if bias is None else [self.half(bias)]
        return self.add(
            *("Conv", flow, self.half(kernel), *biases),
            strides=[stride] * 2,
            pads=[pad] * 4 if pads is None else pads,
            group=conv.groups,
        )

    def residual_block(self, flow: str, block: Any) -> str:
        """Add a block with ``body`` and ``skip``, as a ``ResidualBlock``."""
        first, norm, _, second, last = block.body
        inner = self.add("Relu", self.convolution(flow, first, norm))
        inner = self.convolution(inner, second, last)
        skip = flow
        if isinstance(block.skip, nn.Sequential):
            pool: Any = block.skip[0]
            conv, norm = block.skip[1], block.skip[2]
            if pool.kernel_size > 1:
                size = [pool.kernel_size] * 2
                skip = self.add("AveragePool", skip, kernel_shape=size, strides=size)
            skip = self.convolution(skip, conv, norm)
        return self.add("Relu", self.add("Add", inner, skip))

    def layers(self, flow: str, layers: Any, *, patch: int = 1) -> str:
        """Add residual blocks, or a convolution with its batch norm and ReLU."""
        if len(layers) and isinstance(layers[0], nn.Conv2d):
            return self.add("Relu", self.convolution(flow, layers[0], layers[1], patch=patch))
        for block in layers:
            flow = self.residual_block(flow, block)
        return flow

    @staticmethod
    def folded(norm: Any) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the factor and offset of a batch norm, (C,) each."""
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        return factor, norm.bias - norm.running_mean * factor

    def half(self, values: torch.Tensor) -> str:
        """Keep weights, in half precision if the graph does so."""
        if not self._half:
            return self.weight(values.detach().cpu().numpy())
        kept = self.weight(values.detach().cpu().numpy(), np.float16)
        return self.add("Cast", kept, to=TensorProto.FLOAT)


def _over_pixels(kernel: torch.Tensor, patch: int) -> torch.Tensor:
    """Turn kernels over unshuffled patches (O, C * P * P, K, K) to pixels (O, C, K * P, K * P)."""
    out, wide, side, _ = kernel.shape
    given = wide // patch**2
    parts = kernel.reshape(out, given, patch, patch, side, side).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape(out, given, side * patch, side * patch)
