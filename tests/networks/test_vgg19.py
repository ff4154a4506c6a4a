import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from videoswap.networks.vgg19 import MEAN, SPREAD, STAGE_WEIGHTS, VGG19, feature_difference

TINY = ((4, 4), (5,), (6, 6), (7,), (8,))


def test_the_keys_are_those_of_torchvision():
    with torch.device("meta"):
        state = VGG19().state_dict()
    numbers = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34)
    assert list(state) == [f"features.{n}.{kind}" for n in numbers for kind in ("weight", "bias")]
    assert state["features.0.weight"].shape == (64, 3, 3, 3)
    assert state["features.19.weight"].shape == (512, 256, 3, 3)
    assert sum(one.numel() for one in state.values()) == 20_024_384


def test_the_maps_are_those_after_the_first_convolution_of_each_stage():
    torch.manual_seed(0)
    network = VGG19(TINY)
    picture = torch.rand(2, 3, 32, 32) * 2 - 1
    found = network(picture)
    mean, spread = (torch.tensor(one)[:, None, None] for one in (MEAN, SPREAD))
    x, wanted = ((picture + 1) / 2 - mean) / spread, []
    convolutions = iter([one for one in network.features if isinstance(one, torch.nn.Conv2d)])
    for stage in TINY:
        for number, _ in enumerate(stage):
            layer = next(convolutions)
            x = F.relu(F.conv2d(x, layer.weight, layer.bias, padding=1))
            if number == 0:
                wanted.append(x)
        x = F.max_pool2d(x, 2)
    assert len(found) == 5
    for one, other in zip(found, wanted, strict=True):
        assert torch.allclose(one, other, atol=1e-6)


def test_deeper_differences_count_more():
    maps = [torch.zeros(1, 2, 2, 2) for _ in STAGE_WEIGHTS]
    for number, weight in enumerate((1 / 32, 1 / 16, 1 / 8, 1 / 4, 1)):
        other = [one + 3 * (n == number) for n, one in enumerate(maps)]
        assert feature_difference(other, maps).item() == pytest.approx(3 * weight)
