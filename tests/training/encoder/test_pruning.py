"""dlib's network cut down: what is exact is held exactly, and what is fitted by its answers."""

import itertools

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from tests.helpers.drawn_faces import drawn
from videoswap.detection.dlib_network import (
    CHIP_SIZE,
    MEAN_RGB,
    open_dlib_network,
    read_dlib_weights,
)
from videoswap.detection.packaged_files import recognition_path
from videoswap.networks.lite import SIZE
from videoswap.training.encoder import pruning
from videoswap.training.encoder.teacher import LargeBlock, LargeNetwork
from videoswap.training.recipe import as_input


@pytest.fixture(scope="module")
def weights():
    return read_dlib_weights(recognition_path())


@pytest.fixture(scope="module")
def faces():
    return as_input(np.stack([drawn(person, size=SIZE) for person in range(48)]) / 255)


def chips(faces):
    """What dlib's network sees of faces, (N, 150, 150, 3) uint8."""
    double = F.interpolate(faces, scale_factor=2, mode="bilinear", antialias=True)
    first, last = (32, 22), (32 + CHIP_SIZE, 22 + CHIP_SIZE)
    part = double[:, :, first[0] : last[0], first[1] : last[1]]
    return (127.5 * (part + 1)).round().byte().permute(0, 2, 3, 1).numpy()


def test_the_weights_are_those_of_the_network(weights, faces):
    chip = chips(faces)[0]
    pixels = torch.from_numpy(chip).permute(2, 0, 1)[None].float()
    mean = torch.tensor(MEAN_RGB)[:, None, None]
    teacher = LargeNetwork(weights)
    maps = F.max_pool2d(F.relu(F.conv2d((pixels - mean) / 256, *teacher.stem, stride=2)), 3, 2)
    for block in itertools.chain(*teacher.levels):
        maps = F.relu(block.before_relu(maps))
    found = maps.mean((2, 3)) @ torch.tensor(weights.matrix)
    expected = open_dlib_network(recognition_path())(chip)
    assert np.abs(found[0].numpy() - expected).max() < 1e-5


def test_the_first_layer_is_exact_at_half_the_size(weights, faces):
    encoder = pruning.LiteEncoder().eval()
    stem = tuple(map(torch.tensor, weights.convolutions[0]))
    seen = pruning.cropped(faces[:4])
    with torch.no_grad():
        pruning._set_stem(encoder, stem, seen)
        found = encoder.body[:4](seen)
        expected = LargeNetwork(weights).after_stem(faces[:4])
    assert expected.std() > 0.1
    assert (found - expected).abs().max() < 1e-4


def test_a_block_is_fitted_to_the_goal(faces):
    """A large block of which two channels count is a small one of two channels exactly."""
    random = torch.Generator().manual_seed(3)
    kernels = [torch.randn(8, 8, 3, 3, generator=random) / 8 for _ in range(2)]
    kernels[1][:, 2:] = 0
    offsets = torch.randn(2, 8, generator=random) / 8
    one = LargeBlock((kernels[0], offsets[0]), (kernels[1], offsets[1]), halved=False)
    given = torch.rand(12, 8, 9, 9, generator=random)
    block = pruning.NarrowBlock(8, 2, 8, 1).eval()
    with torch.no_grad():
        goal = one.before_relu(given)
        pruning._fit(block, [one], given, goal, random)
        found = block.body(given) + block.skipped(given)
    assert (goal - given).std() > 0.1
    assert (found - goal).abs().max() < 0.02


def test_the_channels_that_tell_the_goal_are_found():
    random = torch.Generator().manual_seed(0)
    rows = torch.randn(400, 9 * 12, generator=random)
    matrix = torch.randn(18, 5, generator=random)
    places = torch.cat([torch.arange(27, 36), torch.arange(72, 81)])  # of channels 3 and 8
    kept, found, offset = pruning._best_channels(rows, rows[:, places] @ matrix + 7, 2)
    assert sorted(kept.tolist()) == [3, 8]
    ordered = torch.cat([found[:9], found[9:]] if kept[0] == 3 else [found[9:], found[:9]])
    assert (ordered - matrix).abs().max() < 0.05
    assert (offset - 7).abs().max() < 0.05


@pytest.mark.slow
def test_the_small_network_answers_much_like_the_large_one(weights, faces, monkeypatch):
    monkeypatch.setattr(pruning, "ROWS", 4000)  # so few faces need no more
    monkeypatch.setattr(pruning, "_PER_ROUND", 4)
    large = np.stack([open_dlib_network(recognition_path())(one) for one in chips(faces)])
    mean = large.mean(axis=0)
    with torch.no_grad():
        small = pruning.cut_down(weights, faces, torch.from_numpy(mean))(faces).numpy()
    goal = (large - mean) / np.linalg.norm(large - mean, axis=1, keepdims=True)
    assert (small * goal).sum(axis=1).mean() > 0.6
    assert ((small @ goal.T).argmax(axis=1) == np.arange(48)).mean() > 0.8
