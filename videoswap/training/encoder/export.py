"""The small encoder as files: safetensors in half precision, and ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from ...networks.lite import (
    CROP_LEFT,
    CROP_SIZE,
    CROP_TOP,
    NUMBERS,
    SIZE,
    LiteEncoder,
    NarrowBlock,
)
from ...weights.onnx_graph import float_value
from ..network_graph import NetworkGraph

_LEAST_NORM = 1e-12  # as torch's normalize


def write_safetensors(network: nn.Module, path: Path, *, half: bool = True) -> None:
    """Write the weights of a network, in half precision unless it is told not to."""
    from safetensors.torch import save_file

    def kept(one: Tensor) -> Tensor:
        one = one.detach().cpu().contiguous()
        return one.half() if half and one.dtype.is_floating_point else one

    save_file({name: kept(one) for name, one in network.state_dict().items()}, path)


def write_onnx(encoder: LiteEncoder, path: Path) -> None:
    """Write the network as ONNX.

    Its input ``face`` is (N, 3, 96, 96) float32 RGB in [-1, 1], its output ``embedding`` (N, 128)
    of length 1.
    """
    graph = NetworkGraph()
    first = np.array([CROP_TOP, CROP_LEFT], np.int64)
    edges = [graph.weight(one, np.int64) for one in (first, first + CROP_SIZE, [2, 3])]
    stem, norm, _, pool, *layers = encoder.body
    flow = graph.add("Relu", graph.convolution(graph.add("Slice", "face", *edges), stem, norm))
    sides: Any = pool
    flow = graph.add(
        *("MaxPool", flow), kernel_shape=[sides.kernel_size] * 2, strides=[sides.stride] * 2
    )
    for layer in layers:
        if isinstance(layer, NarrowBlock):
            flow = _narrow_block(graph, flow, layer)
    flow = graph.add("Flatten", graph.add("GlobalAveragePool", flow))
    last: Any = layers[-1]
    matrix, bias = graph.half(last.weight), graph.half(last.bias)
    flow = graph.add("Gemm", flow, matrix, bias, transB=1)
    least = graph.weight(_LEAST_NORM)
    length = graph.add("Max", graph.add("ReduceL2", flow, axes=[1], keepdims=1), least)
    graph.add("Div", flow, length, out="embedding")
    taken = float_value("face", ("n", 3, SIZE, SIZE))
    given = float_value("embedding", ("n", NUMBERS))
    onnx.save(graph.model("lite_encoder", [taken], [given]), path)


def _narrow_block(graph: NetworkGraph, flow: str, block: NarrowBlock) -> str:
    parts: list[Any] = list(block.body)[-5:]
    conv, norm, _, second, last = parts
    skip, halved = flow, block.stride > 1
    inner = graph.convolution(flow, conv, norm, pads=[0, 0, 1, 1] if halved else None)
    change = graph.convolution(graph.add("Relu", inner), second, last)
    if block.more:  # averaged and filled with zeros by one convolution, which 8 bits hold exactly
        side = block.stride
        kept = np.zeros((conv.in_channels + block.more, conv.in_channels, side, side), np.float32)
        kept[range(conv.in_channels), range(conv.in_channels)] = 1 / side**2
        skip = graph.add("Conv", flow, graph.half(torch.from_numpy(kept)), strides=[side] * 2)
    elif halved:
        size = [block.stride] * 2
        skip = graph.add("AveragePool", skip, kernel_shape=size, strides=size)
    return graph.add("Relu", graph.add("Add", change, skip))
