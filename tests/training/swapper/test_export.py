import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from safetensors.torch import load_file

from videoswap.networks.aei_net import AEINet
from videoswap.networks.reliableswap import NamedAADBlock
from videoswap.training.swapper.export import write_onnx, write_weights
from videoswap.weights.onnx_models import OnnxNetwork


def network(**changed):
    torch.manual_seed(2)
    made = AEINet(**{"widths": (8, 8, 16, 16), "c_id": 12} | changed).eval()
    for name, buffer in made.named_buffers():
        if "running" in name:
            buffer.copy_(torch.rand_like(buffer) + 0.5)
    return made


@pytest.mark.parametrize(
    "changed",
    [
        {"num_blocks": 1},
        {"num_blocks": 3, "backbone": "linknet"},
        {"num_blocks": 2, "backbone": "resnet"},
        {"num_blocks": 2, "block": NamedAADBlock},
    ],
    ids=["unet", "linknet", "resnet", "reliableswap"],
)
def test_the_onnx_file_computes_what_the_network_does(tmp_path, changed):
    made = network(**changed)
    write_onnx(made, tmp_path / "swapper.onnx")
    random = np.random.default_rng(0)
    source = random.standard_normal((2, 12), np.float32)
    target = random.uniform(-1, 1, (2, 3, 32, 32)).astype(np.float32)
    with torch.no_grad():
        want, _ = made(torch.from_numpy(target), torch.from_numpy(source))
    file = OnnxNetwork(tmp_path / "swapper.onnx", ["CPUExecutionProvider"])
    assert file.batched and file.input_of("source", rank=2) == "source"
    found = file({"source": source, "target": target})
    assert np.abs(want.numpy()).max() > 0.1
    np.testing.assert_allclose(found, want.numpy(), atol=1e-4)


def test_weights_are_kept_exactly_and_only_swappers_become_onnx(tmp_path):
    made = network()
    files = write_weights({"generator": made, "other": torch.nn.Linear(2, 2)}, tmp_path)
    names = ["generator.safetensors", "generator.onnx", "other.safetensors"]
    assert [one.name for one in files] == names
    kept = load_file(tmp_path / "generator.safetensors")
    assert all(torch.equal(kept[key], one) for key, one in made.state_dict().items())
