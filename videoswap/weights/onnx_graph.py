"""ONNX models written node by node."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from ..records import Array

OPSET = 17
IR_VERSION = 8


class OnnxGraph:
    """Collects the nodes and weights of a model."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._weights: list[onnx.TensorProto] = []

    def weight(self, values: Any, dtype: Any = np.float32) -> str:
        """Keep constant values; returns their name."""
        name = f"weight {len(self._weights)}"
        kept: Array = np.ascontiguousarray(values, dtype=dtype)
        self._weights.append(numpy_helper.from_array(kept, name))
        return name

    def add(self, kind: str, *inputs: str, out: str = "", **attributes: Any) -> str:
        """Add a node.

        Args:
            kind: Its operator.
            *inputs: Names of what it takes.
            out: Name of what it gives; empty makes one up.
            **attributes: Of the operator.

        Returns:
            The name of what it gives.
        """
        out = out or f"{kind} {len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [out], **attributes))
        return out

    def model(
        self,
        name: str,
        inputs: Sequence[onnx.ValueInfoProto],
        outputs: Sequence[onnx.ValueInfoProto],
    ) -> onnx.ModelProto:
        """Return the model of all that was added; see :func:`float_value`."""
        graph = helper.make_graph(self._nodes, name, inputs, outputs, self._weights)
        opsets = [helper.make_opsetid("", OPSET)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)


def float_value(name: str, shape: Sequence[int | str]) -> onnx.ValueInfoProto:
    """Return the declaration of a float32 input or output."""
    return helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, list(shape))
