"""The small encoder as files: safetensors in half precision, and ONNX.

The ONNX graph is written by hand: batch norms are folded into the convolutions, and the patches and
the first convolution become one convolution of 12 x 12 with stride 4, which is the same sum. Its
weights are kept in half precision and computed with in single precision.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import nn

from ...networks.lite import NUMBERS, PATCH, SIZE, LiteEncoder, ResidualBlock
from ...weights.onnx_graph import OnnxGraph, float_value

_LEAST_NORM = 1e-12  # as torch's normalize


def write_safetensors(encoder: LiteEncoder, path: Path) -> None:
    """Write the weights in half precision."""
    from safetensors.torch import save_file

    kept = {
        name: one.detach().cpu().half().contiguous() if one.dtype.is_floating_point else one.cpu()
        for name, one in encoder.state_dict().items()
    }
    save_file(kept, path)


def write_onnx(encoder: LiteEncoder, path: Path) -> None:
    """Write the network as ONNX.

    Its input ``face`` is (N, 3, 96, 96) float32 RGB in [-1, 1], its output ``embedding`` (N, 128)
    of length 1.
    """
    onnx.save(_Network().of(encoder), path)


class _Network:
    """Builds the graph, node by node."""

    def __init__(self) -> None:
        self._graph = OnnxGraph()

    def of(self, encoder: LiteEncoder) -> onnx.ModelProto:
        layers = list(encoder.body)
        flow, at = "face", 0
        while at < len(layers):
            layer = layers[at]
            if isinstance(layer, nn.PixelUnshuffle):
                flow = self._conv(flow, layers[at + 1], layers[at + 2], patch=True)
                at += 2
            elif isinstance(layer, ResidualBlock):
                flow = self._block(flow, layer)
            elif isinstance(layer, nn.Conv2d):
                flow = self._conv(flow, layer, layers[at + 1])
                at += 1
            elif isinstance(layer, nn.ReLU):
                flow = self._graph.add("Relu", flow)
            elif isinstance(layer, nn.Flatten):
                flow = self._graph.add("Flatten", flow)
            elif isinstance(layer, nn.Linear):
                matrix, bias = self._kept(layer.weight), self._kept(layer.bias)
                flow = self._graph.add("Gemm", flow, matrix, bias, transB=1)
            else:
                raise TypeError(f"no rule for {type(layer).__name__}")
            at += 1
        least = self._graph.weight(_LEAST_NORM)
        length = self._graph.add("ReduceL2", flow, axes=[1], keepdims=1)
        norm = self._graph.add("Max", length, least)
        self._graph.add("Div", flow, norm, out="embedding")
        return self._graph.model(
            "lite_encoder",
            [float_value("face", ["n", 3, SIZE, SIZE])],
            [float_value("embedding", ["n", NUMBERS])],
        )

    def _block(self, flow: str, block: ResidualBlock) -> str:
        first, norm, _, second, last = block.body
        inner = self._graph.add("Relu", self._conv(flow, first, norm))
        inner = self._conv(inner, second, last)
        skip = flow
        if isinstance(block.skip, nn.Sequential):
            pool: Any = block.skip[0]
            conv, norm = block.skip[1], block.skip[2]
            if pool.kernel_size > 1:
                size = [pool.kernel_size] * 2
                skip = self._graph.add("AveragePool", skip, kernel_shape=size, strides=size)
            skip = self._conv(skip, conv, norm)
        return self._graph.add("Relu", self._graph.add("Add", inner, skip))

    def _conv(self, flow: str, conv: Any, norm: Any, *, patch: bool = False) -> str:
        """Add a convolution and the batch norm that follows it as one."""
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        kernel = conv.weight * factor[:, None, None, None]
        bias = norm.bias - norm.running_mean * factor
        stride, pad = conv.stride[0], conv.padding[0]
        if patch:
            kernel, stride, pad = _over_pixels(kernel), PATCH, pad * PATCH
        return self._graph.add(
            *("Conv", flow, self._kept(kernel), self._kept(bias)),
            strides=[stride] * 2,
            pads=[pad] * 4,
            group=conv.groups,
        )

    def _kept(self, values: torch.Tensor) -> str:
        """Keep weights in half precision."""
        half = self._graph.weight(values.detach().cpu().numpy(), np.float16)
        return self._graph.add("Cast", half, to=onnx.TensorProto.FLOAT)


def _over_pixels(kernel: torch.Tensor) -> torch.Tensor:
    """Turn kernels over unshuffled patches (O, 3 * P * P, K, K) to pixels (O, 3, K * P, K * P)."""
    out, _, side, _ = kernel.shape
    parts = kernel.reshape(out, 3, PATCH, PATCH, side, side).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape(out, 3, side * PATCH, side * PATCH)
