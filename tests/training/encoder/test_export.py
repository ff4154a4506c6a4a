import numpy as np
import onnxruntime
import pytest

pytest.importorskip("torch")

import torch

from videoswap.networks.lite import SIZE, LiteEncoder
from videoswap.training.encoder.export import write_onnx, write_safetensors
from videoswap.weights.loading import load_into


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    made = LiteEncoder()
    with torch.no_grad():  # numbers of which none is neutral, so that none can be left out
        made.body[-1].weight.mul_(20)  # so that faces are told apart before any training
        made.body[-1].bias.zero_()
        for one in made.modules():
            if isinstance(one, torch.nn.BatchNorm2d):
                for tensor in (one.weight, one.running_var):
                    tensor.uniform_(0.5, 1.5)
                for tensor in (one.bias, one.running_mean):
                    tensor.uniform_(-0.3, 0.3)
    for one in made.state_dict().values():  # what half precision can hold
        if one.dtype.is_floating_point:
            one.copy_(one.half())
    return made.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def faces():
    coarse = torch.rand(3, 3, 6, 6, generator=torch.Generator().manual_seed(1)) * 2 - 1
    return torch.nn.functional.interpolate(coarse, SIZE, mode="bilinear")


def test_onnx_gives_the_same_embeddings(encoder, faces, tmp_path):
    write_onnx(encoder, tmp_path / "encoder.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "encoder.onnx")
    (found,) = session.run(["embedding"], {"face": faces.numpy()})
    expected = encoder(faces).numpy()
    apart = np.abs(expected[0] - expected[1]).max()
    assert np.abs(found - expected).max() < min(2e-3, 0.05 * apart)


def test_safetensors_give_the_same_embeddings(encoder, faces, tmp_path):
    write_safetensors(encoder, tmp_path / "encoder.safetensors")
    loaded = load_into("lite_encoder", tmp_path / "encoder.safetensors")
    assert torch.allclose(loaded(faces), encoder(faces), atol=1e-6)


def test_the_files_are_small(encoder, tmp_path):
    write_onnx(encoder, tmp_path / "encoder.onnx")
    write_safetensors(encoder, tmp_path / "encoder.safetensors")
    assert (tmp_path / "encoder.safetensors").stat().st_size < 4e6
    assert (tmp_path / "encoder.onnx").stat().st_size < 4.5e6  # 8 bits halve it
