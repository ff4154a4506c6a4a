"""Convolutions in 8 bits: near to the numbers in single precision, and safe on any processor."""

import numpy as np
import onnx
import onnxruntime
import pytest

pytest.importorskip("torch")

import torch
from onnx import numpy_helper

from videoswap.networks.lite import SIZE, LiteEncoder
from videoswap.training.encoder.export import write_onnx
from videoswap.training.quantization import quantize_onnx


@pytest.fixture(scope="module")
def encoder():
    torch.manual_seed(0)
    made = LiteEncoder().train()
    with torch.no_grad():
        made.body[-1].weight.mul_(20)
        made.body[-1].bias.zero_()
        made(pictures(32))  # for the batch norms
    return made.eval().requires_grad_(False)


def pictures(count, seed=0):
    coarse = torch.rand(count, 3, 6, 6, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return torch.nn.functional.interpolate(coarse, SIZE, mode="bilinear")


@pytest.fixture(scope="module")
def files(encoder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantized")
    plain, small = folder / "plain.onnx", folder / "small.onnx"
    for path in (plain, small):
        write_onnx(encoder, path)
    quantize_onnx(small, "face", (one.numpy()[None] for one in pictures(32)))
    return plain, small


def run(path, faces):
    session = onnxruntime.InferenceSession(path)
    return session.run(["embedding"], {"face": faces.numpy()})[0]


def test_answers_stay_near(files):
    faces = pictures(8, seed=1)
    plain, small = (run(path, faces) for path in files)
    assert (plain * small).sum(axis=1).min() > 0.95
    assert (plain @ small.T).argmax(axis=1).tolist() == list(range(8))
    assert not np.array_equal(plain, small)


def test_every_convolution_counts_in_8_bits_and_never_saturates(files):
    plain, small = map(onnx.load, files)
    weights = {one.name: numpy_helper.to_array(one) for one in small.graph.initializer}
    kernels = [one for one in weights.values() if one.dtype == np.int8 and one.ndim == 4]
    assert len(kernels) == sum(one.op_type == "Conv" for one in plain.graph.node)
    # The sum of two products of 8 and 7 bits fits into the 16 bits of older processors.
    assert max(int(np.abs(one.astype(int)).max()) for one in kernels) * 255 * 2 <= 32767


def test_the_file_is_half_as_large(files):
    plain, small = (path.stat().st_size for path in files)
    assert small < 0.6 * plain < 3e6
