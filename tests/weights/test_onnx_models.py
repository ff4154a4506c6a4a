"""ONNX files that open and such that do not; insightface's classes made of them."""

import sys
from types import ModuleType

import numpy as np
import pytest
from onnx import TensorProto, helper

from videoswap.errors import InputError
from videoswap.weights.onnx_models import open_insightface, open_onnx

CPU = ["CPUExecutionProvider"]


@pytest.fixture
def doubling(tmp_path):
    """A graph that doubles its input."""
    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [2]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Add", ["x", "x"], ["y"])], "doubling", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = tmp_path / "doubling.onnx"
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture
def zoo(monkeypatch):
    """A stand-in for a module of insightface: one class takes any graph, one takes none."""

    class Network:
        def __init__(self, path, session):
            self.path, self.session = path, session

    class Refusing:
        def __init__(self, path, session):
            raise AssertionError("not a face")

    module = ModuleType("insightface.model_zoo.stand_in")
    module.Network, module.Refusing = Network, Refusing
    monkeypatch.setitem(sys.modules, module.__name__, module)


def test_a_graph_runs(doubling):
    (found,) = open_onnx(doubling, CPU).run(None, {"x": np.float32([1, 2])})
    assert found.tolist() == [2, 4]


def test_what_is_no_graph_is_damaged(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_bytes(b"no graph")
    with pytest.raises(InputError) as caught:
        open_onnx(path, CPU)
    assert caught.value.code == "damaged_weights"
    assert str(path) in str(caught.value)


def test_insightface_gets_path_and_session(doubling, zoo):
    network = open_insightface("stand_in", "Network", doubling, CPU)
    assert network.path == str(doubling)
    assert network.session.get_inputs()[0].name == "x"


def test_a_graph_that_insightface_refuses_is_damaged(doubling, zoo):
    with pytest.raises(InputError) as caught:
        open_insightface("stand_in", "Refusing", doubling, CPU)
    assert caught.value.code == "damaged_weights"
    assert "not a face" in str(caught.value)


def test_a_missing_insightface_is_not_hidden(doubling):
    with pytest.raises(ImportError):
        open_insightface("no_such_module", "Network", doubling, CPU)
