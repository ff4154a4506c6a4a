"""The small encoder as files: safetensors in half precision, and ONNX.

In the ONNX graph the patches and the first convolution are one convolution of 12 x 12 with stride
4, which is the same sum.
"""

from __future__ import annotations

from pathlib import Path

import onnx
from torch import Tensor, nn

from ...networks.lite import NUMBERS, PATCH, SIZE, LiteEncoder, ResidualBlock
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
    graph, layers = NetworkGraph(), list(encoder.body)
    flow, at = "face", 0
    while at < len(layers):
        layer = layers[at]
        if isinstance(layer, nn.PixelUnshuffle):
            flow = graph.convolution(flow, layers[at + 1], layers[at + 2], patch=PATCH)
            at += 2
        elif isinstance(layer, ResidualBlock):
            flow = graph.residual_block(flow, layer)
        elif isinstance(layer, nn.Conv2d):
            flow = graph.convolution(flow, layer, layers[at + 1])
            at += 1
        elif isinstance(layer, nn.ReLU):
            flow = graph.add("Relu", flow)
        elif isinstance(layer, nn.Flatten):
            flow = graph.add("Flatten", flow)
        elif isinstance(layer, nn.Linear):
            matrix, bias = graph.half(layer.weight), graph.half(layer.bias)
            flow = graph.add("Gemm", flow, matrix, bias, transB=1)
        else:
            raise TypeError(f"no rule for {type(layer).__name__}")
        at += 1
    least = graph.weight(_LEAST_NORM)
    norm = graph.add("Max", graph.add("ReduceL2", flow, axes=[1], keepdims=1), least)
    graph.add("Div", flow, norm, out="embedding")
    taken = float_value("face", ("n", 3, SIZE, SIZE))
    given = float_value("embedding", ("n", NUMBERS))
    onnx.save(graph.model("lite_encoder", [taken], [given]), path)
