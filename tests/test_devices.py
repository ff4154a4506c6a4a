from types import SimpleNamespace

import pytest

from videoswap import devices
from videoswap.devices import Device, choose_device
from videoswap.errors import UsageError
from videoswap.jobs.context import _model_notes
from videoswap.records import Fallback


@pytest.mark.parametrize(
    ("wanted", "gpu", "trouble", "name", "told"),
    [
        ("cpu", True, None, "cpu", False),
        ("auto", False, "no provider", "cpu", False),
        ("auto", True, None, "cuda", False),
        ("auto", True, "no provider", "cpu", True),
        ("cuda", True, None, "cuda", False),
    ],
)
def test_device(monkeypatch, wanted, gpu, trouble, name, told):
    monkeypatch.setattr(devices, "gpu_present", lambda: gpu)
    monkeypatch.setattr(devices, "cuda_trouble", lambda: trouble)
    device = choose_device(wanted)
    assert device.name == name
    assert (device.fallback is not None) is told
    if told:
        assert "no provider" in str(device.fallback)


def test_cuda_by_name_must_not_become_something_else(monkeypatch):
    monkeypatch.setattr(devices, "cuda_trouble", lambda: "torch sees no CUDA device")
    with pytest.raises(UsageError, match="torch sees no CUDA device"):
        choose_device("cuda")


@pytest.mark.parametrize(
    ("wanted", "real", "notes"),
    [
        (("CPUExecutionProvider",), ("CPUExecutionProvider",), 0),
        (
            ("CUDAExecutionProvider", "CPUExecutionProvider"),
            ("CUDAExecutionProvider", "CPUExecutionProvider"),
            0,
        ),
        (("CUDAExecutionProvider", "CPUExecutionProvider"), ("CPUExecutionProvider",), 1),
    ],
)
def test_a_provider_that_did_not_start_is_told(wanted, real, notes):
    tools = SimpleNamespace(detector=SimpleNamespace(providers=real), notes=())
    told = _model_notes(Device("cuda", wanted), tools)
    assert len(told) == notes
    assert all(isinstance(note, Fallback) for note in told)
