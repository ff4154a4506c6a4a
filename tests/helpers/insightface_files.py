"""Stand-ins for the files of insightface: small ONNX graphs with known answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

STRIDES, ANCHORS = (8, 16, 32), 2


def save(graph, path):
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 9
    onnx.save(model, path)
    return path


def value(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def constant(name, values, kind=TensorProto.FLOAT):
    array = np.asarray(values)
    return helper.make_tensor(name, kind, array.shape, array.ravel().tolist())


def scrfd_file(path):
    """A face wherever a cell of 8 pixels is red: score = red, box 2 cells around, points beside it.

    The other two strides never see one.
    """
    nodes = []
    outputs: dict[str, list[Any]] = {"score": [], "box": [], "points": []}
    values = [
        constant("two", [1, 2, 1, 1], TensorProto.INT64),
        constant("column", [-1, 1], TensorProto.INT64),
        constant("half", [0.5]),
        constant("no", [0.0]),
        constant("box_row", [[2.0, 2.0, 2.0, 2.0]]),
        constant("points_row", [[-1.0, -1, 1, -1, 0, 0, -1, 1, 1, 1]]),
        constant("channel", [0], TensorProto.INT64),
    ]
    nodes.append(helper.make_node("Gather", ["data", "channel"], ["red"], axis=1))
    for stride in STRIDES:
        pool: dict[str, Any] = {"kernel_shape": [stride, stride], "strides": [stride, stride]}
        names = {kind: f"{kind}_{stride}" for kind in outputs}
        factor = "half" if stride == 8 else "no"
        nodes += [
            helper.make_node("AveragePool", ["red"], [f"mean{stride}"], **pool),
            helper.make_node("Mul", [f"mean{stride}", factor], [f"a{stride}"]),
            helper.make_node("Add", [f"a{stride}", factor], [f"b{stride}"]),
            helper.make_node("Tile", [f"b{stride}", "two"], [f"c{stride}"]),
            helper.make_node("Transpose", [f"c{stride}"], [f"d{stride}"], perm=[0, 2, 3, 1]),
            helper.make_node("Reshape", [f"d{stride}", "column"], [names["score"]]),
            helper.make_node("Mul", [names["score"], "no"], [f"e{stride}"]),
            helper.make_node("Add", [f"e{stride}", "box_row"], [names["box"]]),
            helper.make_node("Add", [f"e{stride}", "points_row"], [names["points"]]),
        ]
        for kind, width in (("score", 1), ("box", 4), ("points", 10)):
            outputs[kind].append(value(names[kind], [None, width]))
    every = [one for kind in outputs.values() for one in kind]
    return save(
        helper.make_graph(nodes, "scrfd", [value("data", [1, 3, None, None])], every, values), path
    )


def arcface_file(path):
    """512 numbers: the mean of red, green and blue, over and over."""
    nodes = [
        helper.make_node("ReduceMean", ["data"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("Gather", ["mean", "channels"], ["embedding"], axis=1),
    ]
    channels = constant("channels", [k % 3 for k in range(512)], TensorProto.INT64)
    inputs, outputs = [value("data", [None, 3, 112, 112])], [value("embedding", [None, 512])]
    return save(helper.make_graph(nodes, "arcface", inputs, outputs, [channels]), path)
