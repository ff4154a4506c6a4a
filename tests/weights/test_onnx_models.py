"""ONNX files that open and such that do not; insightface's classes made of them."""

import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper

from videoswap.devices import PROVIDERS
from videoswap.errors import InputError, VideoswapError
from videoswap.weights import onnx_models
from videoswap.weights.onnx_models import (
    OnnxNetwork,
    open_insightface,
    open_onnx,
    provider_notes,
)

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


CUDA = list(PROVIDERS["cuda"])


class Lying:
    """A session that was asked for CUDA, says what it really uses, and fails as it is told to."""

    def __init__(self, real=CUDA, fails=lambda count: None, batch="n"):
        self.real, self.fails, self.batch = real, fails, batch
        self.seen, self.asked, self.falls_back = [], None, True

    def __call__(self, graph, options, providers):
        self.asked = providers
        return self

    def get_providers(self):
        return list(self.real)

    def disable_fallback(self):
        self.falls_back = False

    def get_inputs(self):
        return [SimpleNamespace(name="x", shape=[self.batch, 2], type="tensor(float)")]

    def get_outputs(self):
        return [SimpleNamespace(name="y")]

    def run(self, outputs, inputs):
        count = len(inputs["x"])
        error = self.fails(count)
        if error is not None:
            raise error
        self.seen.append(count)
        return [2 * inputs["x"]]


@pytest.fixture
def network(monkeypatch, tmp_path):
    """Make a network of a stand-in for a session."""
    monkeypatch.setattr(onnx_models, "load_cuda_libraries", lambda: None)
    monkeypatch.setattr(onnx_models.known, "confirm", lambda path: None)

    def made(session, **how):
        monkeypatch.setattr(onnxruntime, "InferenceSession", session)
        return OnnxNetwork(tmp_path / "ghost.onnx", CUDA, **how)

    return made


def test_a_session_that_became_one_of_the_cpu_is_told(network):
    honest, lying = network(Lying()), network(Lying(PROVIDERS["cpu"]))
    assert (honest.device, honest.notes) == ("cuda", ())
    assert lying.device == "cpu"
    (note,) = lying.notes
    assert "ghost.onnx on the CPU instead of ghost.onnx on the GPU" in str(note)
    assert provider_notes(CUDA[1:], CUDA[1:], "anything") == ()


def test_a_session_does_not_go_over_to_the_cpu_while_it_runs(network):
    session = Lying()
    network(session, full_precision=True)
    assert not session.falls_back
    (name, options), cpu = session.asked
    assert (name, cpu) == tuple(CUDA)
    assert options["use_tf32"] == "0"
    assert "cudnn_conv_algo_search" not in options


def test_pictures_of_many_sizes_are_not_searched_exhaustively_for_each(network, tmp_path):
    session = Lying()
    network(session)
    open_onnx(tmp_path / "x", CUDA, free_sides=True)
    assert session.asked[0][1]["cudnn_conv_algo_search"] == "HEURISTIC"


def too_large_over(room):
    return lambda count: RuntimeError("Failed to allocate memory") if count > room else None


def test_a_batch_that_does_not_fit_is_halved_and_stays_so(network):
    session = Lying(fails=too_large_over(3))
    made = network(session)
    x = np.arange(20.0, dtype=np.float32).reshape(10, 2)
    assert made({"x": x}).tolist() == (2 * x).tolist()
    assert session.seen == [2] * 5
    assert made.batched and made.largest == 2
    made({"x": x})
    assert session.seen == [2] * 10


def test_not_even_one_fits(network):
    with pytest.raises(VideoswapError) as caught:
        network(Lying(fails=too_large_over(0)))({"x": np.zeros((2, 2))})
    assert caught.value.code == "out_of_memory"


def test_a_batch_size_that_is_open_in_name_only(network):
    session = Lying(fails=lambda count: ValueError("Reshape") if count > 1 else None)
    made = network(session)
    assert made({"x": np.ones((3, 2))}).tolist() == [[2.0, 2.0]] * 3
    assert session.seen == [1, 1, 1]
    assert not made.batched


def test_what_fails_for_single_ones_too_is_an_error_and_no_batch_size(network):
    made = network(Lying(fails=lambda count: RuntimeError("CUDNN_STATUS_EXECUTION_FAILED\nmore")))
    with pytest.raises(VideoswapError, match="CUDNN_STATUS_EXECUTION_FAILED") as caught:
        made({"x": np.ones((3, 2))})
    assert caught.value.code == "onnx_failed"
    assert made.batched
