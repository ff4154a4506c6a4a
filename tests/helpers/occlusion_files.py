"""Tiny graphs with the inputs and outputs of the downloaded occlusion networks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper


def save(path: Path, nodes, given, made, constants) -> None:
    graph = helper.make_graph(
        nodes,
        "mask",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, given)],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, made)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))


def save_xseg(weights: Path, side: int = 256) -> None:
    """Write a graph that takes what is not blue for the face: channel 0 is blue there."""
    nodes = [
        helper.make_node("Slice", ["input", "from", "to", "axis"], ["blue"]),
        helper.make_node("Sub", ["one", "blue"], ["output"]),
    ]
    constants = [
        helper.make_tensor(name, TensorProto.INT64, [1], [value])
        for name, value in (("from", 0), ("to", 1), ("axis", 3))
    ] + [helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0])]
    save(weights / "xseg_1.onnx", nodes, [1, side, side, 3], [1, side, side, 1], constants)


def save_parser(weights: Path) -> None:
    """Write a graph that calls bright red cloth (16), and everything else skin (1)."""
    kernel = np.zeros((19, 3, 1, 1), np.float32)
    kernel[16, 0], kernel[1, 1] = 1.0, 1.0  # red against green, of normalised pictures
    nodes = [helper.make_node("Conv", ["input", "kernel"], ["output"])]
    constants = [helper.make_tensor("kernel", TensorProto.FLOAT, kernel.shape, kernel.ravel())]
    made = [1, 19, 512, 512]
    save(weights / "bisenet_resnet_34.onnx", nodes, [1, 3, 512, 512], made, constants)
