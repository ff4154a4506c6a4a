"""The occlusion networks as files: safetensors to go on from, and ONNX."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn


def write_weights(network: nn.Module, path: Path) -> None:
    """Write the weights, to go on from there: matrices in half precision, the rest as it is."""
    from safetensors.torch import save_file

    packed = {
        name: (value.half() if value.ndim > 1 else value).cpu().contiguous()
        for name, value in network.state_dict().items()
    }
    save_file(packed, path)


def write_graph(
    exported: nn.Module,
    inputs: Mapping[str, tuple[int, ...]],
    outputs: Sequence[str],
    path: Path,
) -> None:
    """Write an ONNX file.

    Its matrices are in half precision, too, and made single again when it is loaded.

    Args:
        exported: The network as it is used.
        inputs: Shapes of its inputs by name.
        outputs: Names of its outputs.
        path: The file.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter, that it is the older one
        torch.onnx.export(
            exported.cpu().eval(),
            tuple(torch.zeros(shape) for shape in inputs.values()),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            opset_version=17,
            dynamo=False,
        )
    model = onnx.load(path)
    casts = []
    for weight in model.graph.initializer:
        if weight.data_type == onnx.TensorProto.FLOAT and len(weight.dims) > 1:
            name, half = weight.name, f"{weight.name}_half"
            values = onnx.numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(onnx.numpy_helper.from_array(values, half))
            casts.append(onnx.helper.make_node("Cast", [half], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    onnx.save(model, path)
