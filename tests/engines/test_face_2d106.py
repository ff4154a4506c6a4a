"""insightface's 2d106 class on a stand-in for its file."""

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from videoswap.engines.ghost.masks import Face2d106, GhostMasks, mask_rule
from videoswap.errors import InputError


def write_graph(path):
    """Write a graph with the form of 2d106det.onnx; every point is (red, blue) / 255 - 1.

    The nodes' names tell insightface that the pixels come in as 0 to 255.
    """
    nodes = [
        helper.make_node("Sub", ["data", "zero"], ["a"], "Sub_0"),
        helper.make_node("Mul", ["a", "share"], ["b"], "Mul_0"),
        helper.make_node("ReduceMean", ["b"], ["c"], "mean", axes=[2, 3], keepdims=0),
        helper.make_node("Gather", ["c", "channels"], ["d"], "pick", axis=1),
        helper.make_node("Sub", ["d", "one"], ["fc1"], "minus_one"),
    ]
    values = [
        helper.make_tensor("zero", TensorProto.FLOAT, [1], [0.0]),
        helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
        helper.make_tensor("share", TensorProto.FLOAT, [1], [1 / 255]),
        helper.make_tensor("channels", TensorProto.INT64, [212], [0, 2] * 106),
    ]
    graph = helper.make_graph(
        nodes,
        "2d106",
        [helper.make_tensor_value_info("data", TensorProto.FLOAT, [None, 3, 192, 192])],
        [helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, 212])],
        values,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 9
    onnx.save(model, path)


def test_the_crop_is_shown_as_ghost_does_and_points_come_back_in_its_pixels(tmp_path):
    write_graph(tmp_path / "2d106det.onnx")
    network = Face2d106(tmp_path / "2d106det.onnx", ["CPUExecutionProvider"])
    picture = np.zeros((224, 224, 3), np.uint8)
    picture[..., 0] = 255
    points = network(picture)
    assert points.shape == (106, 2)
    # 128 of 192 pixels a side are the crop, the rest is black; blue is nowhere.
    red = (128 / 192) ** 2
    np.testing.assert_allclose(points[7, 0], 1.75 * (red * 96) - 56, atol=1.0)
    np.testing.assert_allclose(points[7, 1], -56, atol=1e-3)


def test_without_insightface_the_outline_is_used_and_told(weights, monkeypatch):
    write_graph(weights / "2d106det.onnx")
    monkeypatch.setitem(sys.modules, "insightface.model_zoo.landmark", None)
    _, (note,) = mask_rule(False, ["CPUExecutionProvider"])
    assert "insightface cannot be imported" in note.reason
    assert "68 landmarks" in note.used


def test_a_file_that_changed_since_it_was_first_seen_is_refused(weights):
    path = weights / "2d106det.onnx"
    write_graph(path)
    mask, notes = mask_rule(False, ["CPUExecutionProvider"])
    assert isinstance(mask, GhostMasks)
    assert notes == ()
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(InputError) as caught:
        mask_rule(False, ["CPUExecutionProvider"])
    assert caught.value.code == "changed_weights"


def test_a_damaged_file_is_told(weights):
    (weights / "2d106det.onnx").write_bytes(b"no graph")
    with pytest.raises(InputError) as caught:
        mask_rule(False, ["CPUExecutionProvider"])
    assert caught.value.code == "damaged_weights"
