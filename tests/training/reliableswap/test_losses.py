import pytest

pytest.importorskip("torch")

import torch

from videoswap.training.reliableswap import losses


def maps(*values):
    return [torch.full((2, 1, 3, 3), float(value)) for value in values]


@pytest.mark.parametrize(("judged", "value"), [((1, 3), -2.0), ((-1, -1, -1), 1.0)])
def test_the_generator_is_told_minus_the_mean_logit_of_the_scales(judged, value):
    assert losses.adversarial(maps(*judged)).item() == pytest.approx(value)


@pytest.mark.parametrize(
    ("real", "fake", "value"),
    [
        ((2, 2), (-2, -2), 0.0),
        ((0, 0), (0, 0), 2.0),
        ((0.5, 2), (-0.5, 1), (0.5 + 0.5 + 0 + 2) / 2),
    ],
)
def test_the_hinge_of_the_discriminator(real, fake, value):
    assert losses.discriminator(maps(*real), maps(*fake)).item() == pytest.approx(value)


def test_a_masked_difference_is_a_mean_over_all_pixels():
    result, answer = torch.zeros(1, 3, 4, 4), torch.full((1, 3, 4, 4), 0.5)
    mask = torch.zeros(1, 4, 4)
    mask[0, :1] = 1
    assert losses.masked_difference(result, answer, mask).item() == pytest.approx(0.5 / 4)


def test_weak_feature_matching_leaves_out_the_first_maps_and_the_logits():
    target = [maps(0, 0, 0, 0, 0), maps(0, 0, 0, 0, 0)]
    result = [maps(9, 9, 1, 2, 9), maps(9, 9, 3, 4, 9)]
    assert losses.feature_matching(target, result).item() == pytest.approx((1 + 2 + 3 + 4) / 4)
