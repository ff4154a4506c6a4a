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
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from ...networks.lite import NUMBERS, PATCH, SIZE, LiteEncoder, ResidualBlock
from ...records import Array

_OPSET, _IR = 17, 8
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
    onnx.save(_Graph().of(encoder), path)


class _Graph:
    """Builds the graph, node by node."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

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
                flow = self._add("Relu", flow)
            elif isinstance(layer, nn.Flatten):
                flow = self._add("Flatten", flow)
            elif isinstance(layer, nn.Linear):
                matrix, bias = self._kept(layer.weight), self._kept(layer.bias)
                flow = self._add("Gemm", flow, matrix, bias, transB=1)
            else:
                raise TypeError(f"no rule for {type(layer).__name__}")
            at += 1
        least = self._exact(np.array(_LEAST_NORM, np.float32))
        norm = self._add("Max", self._add("ReduceL2", flow, axes=[1], keepdims=1), least)
        self._nodes.append(helper.make_node("Div", [flow, norm], ["embedding"]))
        graph = helper.make_graph(
            self._nodes,
            "lite_encoder",
            [helper.make_tensor_value_info("face", TensorProto.FLOAT, ["n", 3, SIZE, SIZE])],
            [helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["n", NUMBERS])],
            self._weights,
        )
        opsets = [helper.make_opsetid("", _OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=_IR)

    def _block(self, flow: str, block: ResidualBlock) -> str:
        first, norm, _, second, last = block.body
        inner = self._add("Relu", self._conv(flow, first, norm))
        inner = self._conv(inner, second, last)
        skip = flow
        if isinstance(block.skip, nn.Sequential):
            pool: Any = block.skip[0]
            conv, norm = block.skip[1], block.skip[2]
            if pool.kernel_size > 1:
                size = [pool.kernel_size] * 2
                skip = self._add("AveragePool", skip, kernel_shape=size, strides=size)
            skip = self._conv(skip, conv, norm)
        return self._add("Relu", self._add("Add", inner, skip))

    def _conv(self, flow: str, conv: Any, norm: Any, *, patch: bool = False) -> str:
        """Add a convolution and the batch norm that follows it as one."""
        factor = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        kernel = conv.weight * factor[:, None, None, None]
        bias = norm.bias - norm.running_mean * factor
        stride, pad = conv.stride[0], conv.padding[0]
        if patch:
            kernel, stride, pad = _over_pixels(kernel), PATCH, pad * PATCH
        return self._add(
            *("Conv", flow, self._kept(kernel), self._kept(bias)),
            strides=[stride] * 2,
            pads=[pad] * 4,
            group=conv.groups,
        )

    def _kept(self, values: torch.Tensor) -> str:
        """Keep weights in half precision."""
        half = self._exact(values.detach().cpu().numpy().astype(np.float16))
        return self._add("Cast", half, to=TensorProto.FLOAT)

    def _exact(self, values: Array) -> str:
        name = f"weight {len(self._weights)}"
        self._weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def _add(self, kind: str, *inputs: str, **attributes: Any) -> str:
        name = f"{kind} {len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [name], **attributes))
        return name


def _over_pixels(kernel: torch.Tensor) -> torch.Tensor:
    """Turn kernels over unshuffled patches (O, 3 * P * P, K, K) to pixels (O, 3, K * P, K * P)."""
    out, _, side, _ = kernel.shape
    parts = kernel.reshape(out, 3, PATCH, PATCH, side, side).permute(0, 1, 4, 2, 5, 3)
    return parts.reshape(out, 3, side * PATCH, side * PATCH)
