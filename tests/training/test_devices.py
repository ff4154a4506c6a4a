"""Several processes learn what one learns; they need accelerate, which the extra train brings."""

import pytest

pytest.importorskip("torch")

import torch

from tests.helpers.processes import in_two_processes
from tests.helpers.toy_trainings import Toy, ToySettings
from videoswap.training.checkpoint import NAME
from videoswap.training.devices import open_devices
from videoswap.training.loop import train

CODE = """
import sys
from pathlib import Path
from tests.helpers.toy_trainings import Plain
from videoswap.training.loop import train

outcome = train(Plain(), Path(sys.argv[1]), device="cpu")
assert outcome.finished and outcome.totals.samples == 48
"""


def test_one_process_takes_the_device_it_is_told():
    devices = open_devices("cpu")
    assert (devices.device.type, devices.rank, devices.world, devices.main) == ("cpu", 0, 1, True)


def test_two_processes_learn_what_one_learns(tmp_path):
    pytest.importorskip("accelerate")
    from tests.helpers.toy_trainings import Plain

    train(Plain(ToySettings()), tmp_path / "one", device="cpu")
    in_two_processes(CODE, tmp_path / "two")
    one, two = (torch.load(tmp_path / n / NAME, weights_only=True) for n in ("one", "two"))
    for name, state in one["networks"].items():
        for key, tensor in state.items():
            assert torch.allclose(tensor.float(), two["networks"][name][key].float(), atol=1e-5)
    assert two["totals"]["step"] == Toy().loop.steps
