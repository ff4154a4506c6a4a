"""Margins: angles worked out by hand, the gradient at the ends, and the goldens."""

import math

import numpy as np
import pytest
import torch

from videoswap.training.margins import Centers, Margin, sample_people


def cosines(*degrees: float) -> torch.Tensor:
    return torch.tensor([[math.cos(math.radians(one)) for one in degrees]], dtype=torch.float64)


@pytest.mark.parametrize(
    "margin, degrees, want",
    [
        (Margin(1.0, math.pi / 6), 30, 0.5),  # 30 + 30 degrees
        (Margin(1.0, math.pi / 6), 60, 0.0),
        (Margin(64.0, math.pi / 2), 90, -64.0),
        (Margin(1.0, 0.0, 0.35), 60, 0.15),
        (Margin(10.0, math.pi / 6, 0.5), 30, 0.0),
        (Margin(1.0, math.pi / 6), 0, math.sqrt(0.75)),
        (Margin(1.0, math.pi / 6), 180, -math.sqrt(0.75)),  # beyond pi it rises again
    ],
)
def test_only_the_right_persons_logit_is_made_smaller(margin, degrees, want):
    given = cosines(90, degrees, 60)
    found = margin(given, torch.tensor([1]))
    assert found[0].tolist() == pytest.approx([0, want, margin.scale * 0.5], abs=1e-5)


def test_a_person_on_another_worker_has_no_margin():
    given = cosines(20, 40, 60).repeat(2, 1)
    found = Margin(2.0, 0.5)(given, torch.tensor([-1, 0]))
    torch.testing.assert_close(found[0], 2 * given[0])
    assert found[1, 0] < 2 * given[1, 0]


def test_what_rounding_puts_outside_is_cut_off():
    found = Margin(1.0, 0.5)(torch.tensor([[1.0000001, -1.0000001]]), torch.tensor([-1]))
    assert found.tolist() == [[1.0, -1.0]]


def test_what_is_given_stays_as_it_is():
    given = cosines(20, 40)
    before = given.clone()
    Margin()(given, torch.tensor([0]))
    assert torch.equal(given, before)


@pytest.mark.parametrize("degrees", [10, 45, 90, 130])
def test_the_gradient_is_that_of_the_formula(degrees):
    given = cosines(degrees, 70).requires_grad_()
    margin = Margin(3.0, 0.4)
    assert torch.autograd.gradcheck(lambda x: margin(x, torch.tensor([0])), given)
    angle = math.radians(degrees)
    (slope,) = torch.autograd.grad(margin(given, torch.tensor([0])).sum(), given)
    assert slope[0, 0].item() == pytest.approx(3 * math.sin(angle + 0.4) / math.sin(angle))


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_the_gradient_is_finite_at_the_ends(value):
    given = torch.tensor([[value, 0.0]], requires_grad=True)
    Margin()(given, torch.tensor([0])).sum().backward()
    assert torch.isfinite(given.grad).all()


@pytest.mark.needs_shared
def test_the_golden_logits(golden):
    given, labels = (torch.from_numpy(golden[f"margin_{k}"]) for k in ("logits", "labels"))
    assert (labels == -1).any()
    np.testing.assert_allclose(Margin()(given, labels), golden["margin_out"], rtol=1e-5)


def test_the_people_of_a_batch_and_some_others_are_drawn():
    labels, random = np.array([7, 3, 7]), np.random.default_rng(0)
    drawn = [sample_people(labels, 20, 0.25, random) for _ in range(40)]
    assert all(len(one) == 5 and {3, 7} <= set(one.tolist()) for one in drawn)
    assert all((np.diff(one) > 0).all() for one in drawn)
    assert set(np.concatenate(drawn).tolist()) == set(range(20))


@pytest.mark.parametrize(("share", "count"), [(0.0, 2), (1.0, 20), (0.05, 2)])
def test_at_least_the_people_of_the_batch(share, count):
    assert len(sample_people(np.array([7, 3]), 20, share, np.random.default_rng(0))) == count


def test_first_centers():
    assert Centers(5, 8).weight.norm(dim=1).allclose(torch.ones(5))
    assert Centers(500, 64, spread=0.01).weight.std().item() == pytest.approx(0.01, rel=0.05)


def test_cosines_of_chosen_people_are_those_of_all():
    centers, embeddings = Centers(6, 8), torch.randn(3, 8)
    chosen = torch.tensor([1, 4])
    assert centers(embeddings, chosen).allclose(centers(embeddings)[:, chosen])
