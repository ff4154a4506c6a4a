"""Small ONNX files with the inputs and outputs of FaceFusion's restorers."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnx import TensorProto, helper

FILES = {
    "gfpgan": "gfpgan_1.4.onnx",
    "codeformer": "codeformer.onnx",
    "gpen256": "gpen_bfr_256.onnx",
    "gpen512": "gpen_bfr_512.onnx",
}


def save_restorer(
    path: Path, side: int, slope: float = 1.0, offset: float = 0.0, weight: bool = False
) -> None:
    """Write a graph that gives ``slope * input + offset``, plus ``weight`` where it takes one."""
    shape = [1, 3, side, side]
    inputs = [helper.make_tensor_value_info("input", TensorProto.FLOAT, shape)]
    nodes = [
        helper.make_node("Mul", ["input", "slope"], ["scaled"]),
        helper.make_node("Add", ["scaled", "offset"], ["moved" if weight else "output"]),
    ]
    if weight:
        inputs.append(helper.make_tensor_value_info("weight", TensorProto.DOUBLE, [1]))
        nodes += [
            helper.make_node("Cast", ["weight"], ["single"], to=TensorProto.FLOAT),
            helper.make_node("Add", ["moved", "single"], ["output"]),
        ]
    constants = [
        helper.make_tensor(name, TensorProto.FLOAT, [1], [value])
        for name, value in (("slope", slope), ("offset", offset))
    ]
    output = helper.make_tensor_value_info("output", TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, "restorer", inputs, [output], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, str(path))
