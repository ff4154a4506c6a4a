"""The correcting generator as ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from ...networks.correction import (
    CORRECTION_SIZE,
    FLOW_LIMIT,
    GAIN_LIMIT,
    IDENTITY_NUMBERS,
    LEVELS,
    MAPS,
    MAPS_SIZE,
    OFFSET_LIMIT,
    PATCH,
    AADBlock,
    CorrectionNetwork,
)
from ...weights.onnx_graph import float_value
from ..network_graph import NetworkGraph

_LEAST_NORM = 1e-12  # as torch's normalize


def write_correction_onnx(network: CorrectionNetwork, path: Path) -> None:
    """Write the network as ONNX.

    Its input ``pictures`` is (N, 96, 96, 7) float32: target and swap, RGB 0 to 255, and the mask,
    0 to 1; its input ``descriptor`` (N, 128). Its output ``maps`` (N, 8, 48, 48) is that of
    `CorrectionNetwork`.
    """
    graph = NetworkGraph()
    level = graph.weight([*[2 / 255] * 6, 2])
    flow = graph.add("Sub", graph.add("Mul", "pictures", level), graph.weight(1))
    flow = graph.add("Transpose", flow, perm=[0, 3, 1, 2])
    doubled = graph.weight([1, 1, 2, 2])

    def wider(name: str) -> str:
        return graph.add(
            *("Resize", name, "", doubled),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    flow = graph.layers(flow, network.stem, patch=PATCH)
    skips = []
    for number, blocks in enumerate(network.blocks):
        if number:
            flow = graph.layers(flow, network.down[number - 1])
        flow = graph.layers(flow, blocks)
        skips.append(flow)
    attributes = [flow]
    for number in range(len(network.up) - 1, -1, -1):
        wide = wider(graph.layers(flow, network.narrow[number]))
        flow = graph.layers(graph.add("Add", wide, skips[number]), network.up[number])
        attributes.append(flow)
    identity = graph.add("Sub", "descriptor", graph.weight(network.descriptor_mean.numpy()))
    norm = graph.add("ReduceL2", identity, axes=[1], keepdims=1)
    identity = graph.add("Div", identity, graph.add("Max", norm, graph.weight(_LEAST_NORM)))
    identity = graph.add("Mul", identity, graph.weight(4))
    flow = attributes[0]
    for number in range(len(LEVELS) - 1, -1, -1):
        block = network.generator[number]
        assert isinstance(block, AADBlock)
        flow = _aad(graph, flow, attributes[len(LEVELS) - 1 - number], identity, block)
        flow = wider(flow) if number else flow
    raw = graph.convolution(flow, network.last)
    limits = [*[GAIN_LIMIT] * 3, *[OFFSET_LIMIT] * 3, *[FLOW_LIMIT] * 2]
    scale = graph.weight(torch.tensor(limits)[:, None, None].numpy())
    gain, others = _split(graph, graph.add("Mul", graph.add("Tanh", raw), scale), [3, 5])
    graph.add("Concat", graph.add("Exp", gain), others, out="maps", axis=1)
    size = (CORRECTION_SIZE, CORRECTION_SIZE)
    taken = [
        float_value("pictures", ("n", *size, 7)),
        float_value("descriptor", ("n", IDENTITY_NUMBERS)),
    ]
    given = float_value("maps", ("n", MAPS, MAPS_SIZE, MAPS_SIZE))
    onnx.save(graph.model("correction", taken, [given]), path)


def _aad(graph: NetworkGraph, flow: str, attributes: str, identity: str, block: AADBlock) -> str:
    norm: Any = block.norm
    factor = 1 / torch.sqrt(norm.running_var + norm.eps)
    shape = (-1, 1, 1)
    level = graph.add("Mul", flow, graph.half(factor.reshape(shape)))
    level = graph.add("Sub", level, graph.half((norm.running_mean * factor).reshape(shape)))
    width = norm.num_features
    scale, shift = _split(graph, graph.convolution(attributes, block.by_attributes), [width] * 2)
    linear = block.by_identity
    own = graph.add(
        *("Gemm", identity, graph.half(linear.weight), graph.half(linear.bias)), transB=1
    )
    own = graph.add("Reshape", own, graph.weight([0, 2 * width, 1, 1], "int64"))
    own_scale, own_shift = _split(graph, own, [width] * 2)
    share = graph.add("Sigmoid", graph.convolution(level, block.attention))
    scale = graph.add("Add", _mixed(graph, scale, own_scale, share), graph.weight(1))
    shift = _mixed(graph, shift, own_shift, share)
    made = graph.add("Relu", graph.add("Add", graph.add("Mul", level, scale), shift))
    made = graph.convolution(made, block.body)
    skip = flow if isinstance(block.skip, nn.Identity) else graph.convolution(flow, block.skip)
    return graph.add("Add", made, skip)


def _mixed(graph: NetworkGraph, one: str, other: str, share: str) -> str:
    return graph.add("Add", one, graph.add("Mul", share, graph.add("Sub", other, one)))


def _split(graph: NetworkGraph, flow: str, widths: list[int]) -> tuple[str, str]:
    """Divide channels in two."""
    first = graph.add(
        "Slice", flow, *(graph.weight(one, "int64") for one in ([0], [widths[0]], [1]))
    )
    second = graph.add(
        "Slice", flow, *(graph.weight(one, "int64") for one in ([widths[0]], [sum(widths)], [1]))
    )
    return first, second
