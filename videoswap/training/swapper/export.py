"""Trained swappers as files: safetensors with the network's own keys, and ONNX.

The ONNX file of an AEI-Net has the inputs of FaceFusion's: ``source`` (N, D), what the generator is
told, and ``target`` (N, 3, S, S) RGB in [-1, 1]; it gives ``picture`` like the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from torch import nn

from ...networks.aei_net import LEAK, AADLayer, AEINet, AttributeEncoder, Step
from ...weights.onnx_graph import float_value
from ..network_graph import NetworkGraph


def write_weights(networks: Mapping[str, nn.Module], folder: Path) -> tuple[Path, ...]:
    """Write every network as NAME.safetensors, in float32, and AEI-Nets as NAME.onnx too.

    Args:
        networks: By name.
        folder: Where.

    Returns:
        The files.
    """
    from safetensors.torch import save_file

    paths = []
    for name, network in networks.items():
        path = folder / f"{name}.safetensors"
        state = {key: one.detach().cpu().contiguous() for key, one in network.state_dict().items()}
        save_file(state, path)
        paths.append(path)
        if isinstance(network, AEINet):
            paths.append(folder / f"{name}.onnx")
            write_onnx(network, paths[-1])
    return tuple(paths)


def write_onnx(network: AEINet, path: Path) -> None:
    """Write an AEI-Net as ONNX, in float32."""
    graph = _SwapperGraph(half=False)
    encoder = network.encoder
    if isinstance(encoder, AttributeEncoder):
        maps = graph.hourglass(encoder)
    else:
        maps = graph.residual(encoder)
    graph.generator(network, maps)
    side = network.size
    taken = [
        float_value("source", ("n", network.c_id)),
        float_value("target", ("n", 3, side, side)),
    ]
    onnx.save(graph.model("swapper", taken, [float_value("picture", ("n", 3, side, side))]), path)


class _SwapperGraph(NetworkGraph):
    """Adds the parts of AEI-Net; ``source`` and ``target`` are its inputs."""

    def hourglass(self, encoder: AttributeEncoder) -> list[str]:
        """Add a U-Net or LinkNet; returns the attribute maps, from coarse to fine."""
        flow, skips = "target", []
        for layer in encoder.down():
            flow = self.add("LeakyRelu", self.convolution(flow, layer[0], layer[1]), alpha=LEAK)
            skips.append(flow)
        maps = [skips.pop()]
        for up in encoder.up():
            flow = self.add("LeakyRelu", self.deconvolution(flow, up.deconv, up.bn), alpha=LEAK)
            if encoder.concatenate:
                flow = self.add("Concat", flow, skips.pop(), axis=1)
            else:
                flow = self.add("Add", flow, skips.pop())
            maps.append(flow)
        return [*maps, self.doubled(flow)]

    def residual(self, encoder: Any) -> list[str]:
        """Add a residual encoder; returns the attribute maps, from coarse to fine."""
        flow, maps = "target", []
        for conv, norm in ((encoder.conv0, encoder.bn0), (encoder.conv1, encoder.bn1)):
            flow = self.add("Relu", self.convolution(flow, conv, norm))
            maps.append(flow)
        for number in range(1, encoder.levels):
            for block in encoder.get_submodule(f"layer{number}"):
                flow = self._bottleneck(flow, block)
            maps.append(flow)
        return maps[::-1]

    def generator(self, network: AEINet, maps: Sequence[str]) -> None:
        """Add the generator, which gives ``picture``."""
        shape = self.weight([0, network.c_id, 1, 1], np.int64)
        told = self.add("Reshape", "source", shape)
        flow = self.deconvolution(told, network.generator.up1)
        for number, (block, attributes) in enumerate(
            zip(network.generator.blocks(), maps, strict=True)
        ):
            flow = self.doubled(flow) if number else flow
            steps: Any = block
            main = self._steps(flow, steps.main_path(), attributes)
            flow = self.add("Add", main, self._steps(flow, steps.shortcut(), attributes))
        self.add("Tanh", flow, out="picture")

    def _steps(self, flow: str, steps: Sequence[Step], attributes: str) -> str:
        for layer, conv in steps:
            flow = self.convolution(
                self.add("Relu", self._denormalized(flow, layer, attributes)), conv
            )
        return flow

    def _denormalized(self, flow: str, layer: AADLayer, attributes: str) -> str:
        """Add adaptive attentional denormalisation."""
        channels = layer.conv1.out_channels
        ones, zeros = self.weight(np.ones(channels)), self.weight(np.zeros(channels))
        flow = self.add("InstanceNormalization", flow, ones, zeros, epsilon=layer.norm.eps)
        sides = [
            (self.convolution(attributes, layer.conv1), self.convolution(attributes, layer.conv2)),
            (self._by_identity(layer.fc1), self._by_identity(layer.fc2)),
        ]
        by_attributes, by_identity = (
            self.add("Add", self.add("Mul", factor, flow), offset) for factor, offset in sides
        )
        mask = self.add("Sigmoid", self.convolution(flow, layer.conv_h))
        change = self.add("Mul", mask, self.add("Sub", by_identity, by_attributes))
        return self.add("Add", by_attributes, change)

    def _by_identity(self, layer: nn.Linear) -> str:
        numbers = self.add(
            "Gemm", "source", self.half(layer.weight), self.half(layer.bias), transB=1
        )
        return self.add("Reshape", numbers, self.weight([0, layer.out_features, 1, 1], np.int64))

    def _bottleneck(self, flow: str, block: Any) -> str:
        inner = flow
        for number in (1, 2, 3):
            conv, norm = getattr(block, f"conv{number}"), getattr(block, f"bn{number}")
            inner = self.convolution(inner, conv, norm)
            inner = self.add("Relu", inner) if number < 3 else inner
        if block.downsample is not None:
            flow = self.convolution(flow, *block.downsample)
        return self.add("Relu", self.add("Add", inner, flow))

    def deconvolution(self, flow: str, conv: Any, norm: Any = None) -> str:
        """Add a transposed convolution and the batch norm that follows it as one."""
        kernel, bias = conv.weight, conv.bias
        if norm is not None:
            factor, bias = self.folded(norm)
            kernel = kernel * factor[:, None, None]
        return self.add(
            *("ConvTranspose", flow, self.half(kernel), self.half(bias)),
            strides=list(conv.stride),
            pads=list(conv.padding) * 2,
        )

    def doubled(self, flow: str) -> str:
        """Double height and width, bilinear, with aligned corners."""
        return self.add(
            *("Resize", flow, "", self.weight([1, 1, 2, 2])),
            mode="linear",
            coordinate_transformation_mode="align_corners",
        )
