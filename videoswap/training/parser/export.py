"""The face parser as ONNX."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from torch import nn

from ...networks.parser import PARSER_CLASSES, PARSER_SIZE, PATCH, ParserNetwork
from ...weights.onnx_graph import float_value
from ..network_graph import NetworkGraph


def write_parser_onnx(parser: ParserNetwork, path: Path) -> None:
    """Write the network as ONNX.

    Its input ``picture`` is (N, 128, 128, 3) float32 RGB, 0 to 255, its output ``parts``
    (N, 10, 128, 128), the probabilities of the classes.
    """
    graph = NetworkGraph()
    level = graph.weight(2 / 255)
    face = graph.add("Mul", graph.add("Transpose", "picture", perm=[0, 3, 1, 2]), level)
    face = graph.add("Sub", face, graph.weight(1))
    flow = graph.layers(face, parser.stem, patch=PATCH)
    skips = []
    for number, blocks in enumerate(parser.blocks):
        if number:
            flow = graph.layers(flow, parser.down[number - 1])
        flow = graph.layers(flow, blocks)
        skips.append(flow)
    doubled = graph.weight([1, 1, 2, 2])
    for number in range(len(parser.up) - 1, -1, -1):
        narrow = graph.layers(flow, parser.narrow[number])
        wide = graph.add(
            *("Resize", narrow, "", doubled),
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
        flow = graph.layers(graph.add("Add", wide, skips[number]), parser.up[number])
    # The last layer sees features and patches: two convolutions whose sum it is.
    features, patches = (nn.Conv2d(1, 1, 1, bias=False) for _ in range(2))
    width = parser.last.in_channels - 3 * PATCH * PATCH
    features.weight = nn.Parameter(parser.last.weight[:, :width])
    features.bias = parser.last.bias
    patches.weight = nn.Parameter(parser.last.weight[:, width:])
    patches.bias = nn.Parameter(parser.last.bias.detach() * 0)  # type: ignore[union-attr]
    logits = graph.add(
        "Add",
        graph.convolution(flow, features),
        graph.convolution(face, patches, patch=PATCH),
    )
    # A softmax over an axis that is not the last costs onnxruntime a fifth of the network.
    small = PARSER_SIZE // PATCH
    by_class = graph.weight([0, PARSER_CLASSES, PATCH * PATCH, small * small], np.int64)
    logits = graph.add("Reshape", logits, by_class)
    highest = graph.add("ReduceMax", logits, axes=[1])
    powers = graph.add("Exp", graph.add("Sub", logits, highest))
    total = graph.add("ReduceSum", powers, graph.weight([1], np.int64))
    patched = graph.weight([0, PARSER_CLASSES * PATCH * PATCH, small, small], np.int64)
    parts = graph.add("Reshape", graph.add("Div", powers, total), patched)
    graph.add("DepthToSpace", parts, out="parts", blocksize=PATCH, mode="CRD")
    side = PARSER_SIZE
    taken = float_value("picture", ("n", side, side, 3))
    given = float_value("parts", ("n", PARSER_CLASSES, side, side))
    onnx.save(graph.model("face_parser", [taken], [given]), path)
