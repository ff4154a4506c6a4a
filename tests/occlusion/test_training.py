"""The scripts that train the network which is part of the package."""

import sys

import cv2
import numpy as np
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file

from tests.conftest import ROOT

FOLDER = ROOT / "scripts" / "occlusion"
sys.path.insert(0, str(FOLDER))

from network import Exported, InFront, highest  # noqa: E402
from train import save, save_weights  # noqa: E402


def answer(graph, pair):
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return session.run(["in_front"], dict(zip(("picture", "reference"), pair, strict=True)))[0]


@pytest.mark.parametrize("reach", [1, 2, 6])
def test_the_highest_value_around_a_pixel_is_a_dilation(reach):
    picture = np.random.default_rng(1).random((16, 20)).astype(np.float32)
    found = highest(torch.from_numpy(picture)[None, None], reach)[0, 0].numpy()
    np.testing.assert_array_equal(found, cv2.dilate(picture, np.ones((2 * reach + 1,) * 2)))


def test_weights_and_graph_come_out_as_they_were_trained(tmp_path):
    torch.manual_seed(0)
    network = InFront().to(memory_format=torch.channels_last).eval()
    save_weights(network, tmp_path / "made")
    save(network, tmp_path / "made")
    again = InFront().eval()
    again.load_state_dict(load_file(tmp_path / "made.safetensors"))
    random = np.random.default_rng(2)
    pair = [random.uniform(0, 255, (1, 128, 128, 3)).astype(np.float32) for _ in range(2)]
    made = answer(tmp_path / "made.onnx", pair)
    with torch.no_grad():
        wanted = Exported(again)(*map(torch.from_numpy, pair)).numpy()
    np.testing.assert_allclose(made, wanted, atol=1e-4)


def test_the_packaged_graph_has_the_weights_to_go_on_from():
    network = InFront().eval()
    network.load_state_dict(load_file(FOLDER / "own.safetensors"))
    random = np.random.default_rng(3)
    pair = [random.uniform(0, 255, (1, 128, 128, 3)).astype(np.float32) for _ in range(2)]
    made = answer(ROOT / "videoswap" / "occlusion" / "own.onnx", pair)
    with torch.no_grad():
        wanted = Exported(network)(*map(torch.from_numpy, pair)).numpy()
    np.testing.assert_allclose(made, wanted, atol=1e-3)
