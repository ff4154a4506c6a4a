"""GHOST's losses: small cases worked out by hand, what they push towards, and the goldens."""

import math

import pytest
import torch

from videoswap.training import losses
from videoswap.training.ghost.settings import GhostWeights

NAMES = ("adversarial", "attributes", "identity", "reconstruction", "eyes")


def scalar(value: float) -> torch.Tensor:
    return torch.tensor(float(value))


def logits(*values: float) -> torch.Tensor:
    return torch.tensor(values).reshape(1, 1, 1, -1)


@pytest.mark.parametrize(
    "scales, want",
    [
        ([logits(1.0, 5.0)], 0.0),  # real enough, and more than that is worth nothing
        ([logits(0.0, 2.0)], 0.5),
        ([logits(-1.0)], 2.0),
        ([logits(0.0, 2.0), logits(-1.0)], 2.5),  # scales are added, not averaged
    ],
)
def test_the_generator_wants_to_count_as_real(scales, want):
    assert losses.adversarial(scales).item() == pytest.approx(want)


@pytest.mark.parametrize(
    "real, fake, want",
    [
        ([logits(1.0)], [logits(-1.0)], 0.0),
        ([logits(0.0)], [logits(0.0)], 1.0),
        ([logits(3.0, -1.0)], [logits(-3.0, 1.0)], 1.0),  # 0.5 * (2/2 + 2/2)
        ([logits(0.0)] * 3, [logits(0.0)] * 3, 3.0),
    ],
)
def test_the_discriminator_wants_to_tell_them_apart(real, fake, want):
    assert losses.discriminator(real, fake).item() == pytest.approx(want)


def test_generator_and_discriminator_pull_a_fake_in_opposite_directions():
    fake = torch.zeros(2, 1, 3, 3, requires_grad=True)
    (up,) = torch.autograd.grad(losses.adversarial([fake]), fake)
    (down,) = torch.autograd.grad(losses.discriminator([torch.zeros(2, 1, 3, 3)], [fake]), fake)
    assert (up < 0).all() and (down > 0).all()


def test_both_need_the_same_scales():
    with pytest.raises(ValueError):
        losses.discriminator([logits(0.0)], [logits(0.0), logits(0.0)])


@pytest.mark.parametrize(
    "source, result, want",
    [
        ([[1.0, 0.0]], [[7.0, 0.0]], 0.0),  # lengths do not count
        ([[1.0, 0.0]], [[0.0, 1.0]], 1.0),
        ([[1.0, 0.0]], [[-2.0, 0.0]], 2.0),
        ([[1.0, 0.0]], [[1.0, 1.0]], 1 - math.sqrt(0.5)),
        ([[1.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, -1.0]], 1.0),
    ],
)
def test_identity_is_the_angle(source, result, want):
    found = losses.identity(torch.tensor(source), torch.tensor(result))
    assert found.item() == pytest.approx(want, abs=1e-6)


def test_attributes_count_alike_whatever_the_size_of_their_map():
    target = [torch.zeros(1, 4, 2, 2), torch.zeros(1, 2, 8, 8)]
    result = [torch.full((1, 4, 2, 2), 2.0), torch.full((1, 2, 8, 8), 3.0)]
    assert losses.attributes(target, result).item() == pytest.approx((4 + 9) / 2)


def test_attributes_teach_the_targets_side_too():
    target = torch.zeros(1, 1, 2, 2, requires_grad=True)
    result = torch.ones(1, 1, 2, 2, requires_grad=True)
    losses.attributes([target], [result]).backward()
    assert (target.grad < 0).all() and (result.grad > 0).all()


@pytest.mark.parametrize(
    "same, want", [([1, 1], (1 + 9) / 4), ([0, 1], 4.5), ([True, False], 0.5), ([0, 0], 0.0)]
)
def test_only_pairs_of_one_person_are_reconstructed(same, want):
    target = torch.zeros(2, 3, 4, 4)
    result = torch.stack([torch.full((3, 4, 4), 1.0), torch.full((3, 4, 4), 3.0)])
    result.requires_grad_()
    found = losses.reconstruction(result, target, torch.tensor(same))
    assert found.item() == pytest.approx(want)
    found.backward()
    moved = result.grad.abs().sum(dim=(1, 2, 3)) > 0
    assert moved.tolist() == [bool(one) for one in same]


def test_both_eyes_count():
    still, one, two = torch.zeros(2, 4, 4), torch.full((2, 4, 4), 1.0), torch.full((2, 4, 4), 2.0)
    assert losses.eyes((still, still), (one, two)).item() == pytest.approx(5.0)


def test_the_sum_is_weighted_by_name():
    terms = {name: scalar(10**place) for place, name in enumerate(NAMES)}
    assert losses.weighted(terms, GhostWeights()).item() == 1 + 100 + 2000 + 10000
    del terms["eyes"]
    assert losses.weighted(terms, GhostWeights(0, 0, 0, 2, 9)).item() == 2000
    with pytest.raises(AttributeError):
        losses.weighted({"nose": scalar(1)}, GhostWeights())


def test_the_running_loss_comes_down_slowly():
    assert losses.running(20.0, 10.0) == pytest.approx(19.8)
    value, steps = losses.RUNNING_START, 0
    while value >= losses.RUNNING_LIMIT:
        value, steps = losses.running(value, 0.0), steps + 1
    assert steps == math.ceil(math.log(4 / 20) / math.log(0.98))


@pytest.fixture
def measured(golden):
    """All terms of the contract's batch, by their names there."""

    def tensor(name):
        return torch.from_numpy(golden["loss_in_" + name])

    def levels(name):
        return [tensor(f"{name}{k}") for k in range(3)]

    def pupils(name):
        return tensor(f"heat_{name}_left"), tensor(f"heat_{name}_right")

    return {
        "L_adv": losses.adversarial(levels("Dfake")),
        "L_attr": losses.attributes(levels("Xt_attr"), levels("Y_attr")),
        "L_id": losses.identity(tensor("embed"), tensor("ZY")),
        "L_rec": losses.reconstruction(tensor("Y"), tensor("Xt"), tensor("same")),
        "L_l2_eyes": losses.eyes(pupils("Xt"), pupils("Y")),
        "lossD": losses.discriminator(levels("Dreal"), levels("Dfake")),
    }


TERMS = ("L_adv", "L_attr", "L_id", "L_rec", "L_l2_eyes")
RELATIVE = 1e-4  # from the contract


@pytest.mark.needs_shared
@pytest.mark.parametrize("name", [*TERMS, "lossD"])
def test_the_golden_terms(measured, spec, name):
    assert measured[name].item() == pytest.approx(spec["ghost_losses"][name], rel=RELATIVE)


@pytest.mark.needs_shared
def test_the_golden_sum(measured, spec):
    want = spec["ghost_losses"]
    weights = GhostWeights(*(want["weights"][k] for k in ("adv", "attr", "id", "rec", "eyes")))
    terms = {name: measured[key] for name, key in zip(NAMES, TERMS, strict=True)}
    total = losses.weighted(terms, weights)
    assert total.item() == pytest.approx(want["lossG"], rel=RELATIVE)
    follows = losses.running(want["loss_adv_accumulated_before"], measured["L_adv"].item())
    assert follows == pytest.approx(want["loss_adv_accumulated_after"], rel=RELATIVE)
