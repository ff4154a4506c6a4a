import pytest

pytest.importorskip("torch")

import torch
import torch.nn.functional as F

from videoswap.training.encoder import losses
from videoswap.training.margins import Margin


def unit(*shape):
    return F.normalize(torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape))))


@pytest.mark.parametrize(("sign", "expected"), [(1, 0.0), (-1, 2.0)])
def test_distillation(sign, expected):
    teacher = unit(4, 8)
    assert losses.distillation(sign * teacher, teacher).item() == pytest.approx(expected, abs=1e-6)


def test_relation_sees_no_rotation_of_all_and_sees_any_of_one():
    teacher = unit(5, 8)
    turned = teacher @ torch.linalg.qr(torch.randn(8, 8))[0]
    assert losses.relation(turned, teacher).item() == pytest.approx(0, abs=1e-5)
    other = teacher.clone()
    other[0] = -other[0]
    cosines = teacher[0] @ teacher[1:].T
    expected = 2 * (2 * cosines).square().sum() / 5
    assert losses.relation(other, teacher).item() == pytest.approx(expected.item(), rel=1e-4)


def test_people_counts_those_who_are_known_alone():
    centers = unit(3, 8)
    labels = torch.tensor([1, -1, -1, -1])
    embedding = unit(4, 8)
    margin = Margin(scale=10.0, angle=0.0, cosine=0.1)
    loss = losses.people(embedding, 5 * centers, labels, margin)
    logits = 10 * (embedding[0] @ centers.T - 0.1 * F.one_hot(labels[0], 3))
    expected = F.cross_entropy(logits[None], labels[:1]) / 4
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    nobody = losses.people(embedding, centers, torch.full((4,), -1), margin)
    assert nobody.item() == 0
