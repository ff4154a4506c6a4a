"""A device is two answers, each proved: with libraries that say one thing and do another."""

from types import SimpleNamespace

import numpy as np
import onnxruntime
import pytest
import torch

from videoswap import devices
from videoswap.devices import PROVIDERS, Device, choose_device, onnx_trouble, torch_trouble
from videoswap.errors import UsageError

KEPT = (torch_trouble, onnx_trouble, devices.load_cuda_libraries)


@pytest.fixture(autouse=True)
def forget():
    """What was found out is kept for a run, but not from test to test."""
    for found in KEPT:
        found.cache_clear()
    yield
    for found in KEPT:
        found.cache_clear()


@pytest.mark.parametrize(
    ("wanted", "gpu", "for_torch", "for_onnx", "name", "onnx", "notes"),
    [
        ("cpu", True, None, None, "cpu", "cpu", 0),
        ("auto", False, "x", "y", "cpu", "cpu", 0),
        ("auto", True, None, None, "cuda", "cuda", 0),
        ("auto", True, "no kernel", None, "cpu", "cuda", 1),
        ("auto", True, None, "no library", "cuda", "cpu", 1),
        ("auto", True, "no kernel", "no library", "cpu", "cpu", 2),
        ("cuda", True, None, None, "cuda", "cuda", 0),
    ],
)
def test_torch_and_onnxruntime_each_have_their_answer(
    monkeypatch, wanted, gpu, for_torch, for_onnx, name, onnx, notes
):
    monkeypatch.setattr(devices, "gpu_present", lambda: gpu)
    monkeypatch.setattr(devices, "gpu_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(devices, "torch_trouble", lambda: for_torch)
    monkeypatch.setattr(devices, "onnx_trouble", lambda: for_onnx)
    device = choose_device(wanted)
    assert (device.name, device.onnx, len(device.notes)) == (name, onnx, notes)
    assert device.providers == PROVIDERS[onnx]
    assert device.gpu == ("NVIDIA H200" if name == "cuda" else "")
    told = " ".join(map(str, device.notes))
    assert all(word in told for word in (for_torch, for_onnx) if word and notes)


@pytest.mark.parametrize(
    ("for_torch", "for_onnx", "said"),
    [("no kernel", None, "no kernel"), (None, "no library", "no library")],
)
def test_cuda_by_name_must_not_become_something_else(monkeypatch, for_torch, for_onnx, said):
    monkeypatch.setattr(devices, "torch_trouble", lambda: for_torch)
    monkeypatch.setattr(devices, "onnx_trouble", lambda: for_onnx)
    with pytest.raises(UsageError, match=said):
        choose_device("cuda")


def unable(*_, **__):
    raise RuntimeError("CUDA error: no kernel image is available for execution\nmore")


@pytest.mark.parametrize(
    ("build", "available", "kernel", "said"),
    [
        (None, False, None, "built without CUDA"),
        ("13.0", False, None, "too old for CUDA 13.0"),
        ("13.0", True, unable, "no kernel image is available for execution"),
        ("13.0", True, lambda *_, **__: torch.zeros(8), "computes wrongly"),
        ("13.0", True, lambda *_, **__: torch.ones(7) * 4, None),
    ],
)
def test_torch_has_to_run_a_kernel(monkeypatch, build, available, kernel, said):
    monkeypatch.setattr(torch.version, "cuda", build)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: available)
    if kernel is not None:
        monkeypatch.setattr(torch, "arange", kernel)
    trouble = torch_trouble()
    assert trouble is None if said is None else said in trouble


class Session:
    """A session of onnxruntime that claims ``real`` and gives ``answer``."""

    def __init__(self, real, answer):
        self.real, self.answer, self.asked = real, answer, None

    def __call__(self, graph, options, providers):
        self.asked = providers, options.get_session_config_entry("session.disable_cpu_ep_fallback")
        return self

    def get_providers(self):
        return list(self.real)

    def disable_fallback(self):
        pass

    def run(self, outputs, inputs):
        if isinstance(self.answer, Exception):
            raise self.answer
        return [np.full((1, 1, 2, 2), self.answer, np.float32)]


@pytest.mark.parametrize(
    ("listed", "session", "said"),
    [
        ("cpu", None, "no CUDA provider"),
        ("cuda", Session(PROVIDERS["cpu"], 9.0), "could not start CUDA"),
        ("cuda", Session(PROVIDERS["cuda"], RuntimeError("CUDNN_STATUS_X")), "CUDNN_STATUS_X"),
        ("cuda", Session(PROVIDERS["cuda"], 8.0), "computes wrongly"),
        ("cuda", Session(PROVIDERS["cuda"], 9.0), None),
    ],
)
def test_onnxruntime_has_to_compute_one_node_without_fallback(monkeypatch, listed, session, said):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: list(PROVIDERS[listed]))
    monkeypatch.setattr(onnxruntime, "InferenceSession", session)
    loaded = []
    monkeypatch.setattr(devices, "load_cuda_libraries", lambda: loaded.append(1))
    trouble = onnx_trouble()
    assert trouble is None if said is None else said in trouble
    if session is not None:
        assert session.asked == (["CUDAExecutionProvider"], "1")
        assert loaded  # before the session


def test_the_one_node_is_right():
    session = onnxruntime.InferenceSession(devices._one_node(), providers=list(PROVIDERS["cpu"]))
    (found,) = session.run(["y"], {"x": np.ones((1, 1, 4, 4), np.float32)})
    assert found.sum() == 36.0


@pytest.mark.parametrize(("build", "preloaded"), [("13.0", 0), (None, 1)])
def test_libraries_come_with_torch_or_are_loaded(monkeypatch, build, preloaded, capsys):
    calls = []

    def preload():
        calls.append(1)
        print("Failed to load libcublas.so.13")

    monkeypatch.setattr(torch.version, "cuda", build)
    monkeypatch.setattr(onnxruntime, "preload_dlls", preload, raising=False)
    devices.load_cuda_libraries()
    assert len(calls) == preloaded
    assert capsys.readouterr().out == ""


def test_the_first_note_is_the_fallback():
    assert Device("cpu", PROVIDERS["cpu"]).fallback is None
    notes = (SimpleNamespace(), SimpleNamespace())
    assert Device("cpu", PROVIDERS["cpu"], notes).fallback is notes[0]
