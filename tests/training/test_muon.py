import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from videoswap.training.muon import Muon, orthogonalized


@pytest.mark.parametrize("shape", [(8, 8), (8, 40), (40, 8), (1, 5)])
def test_singular_values_come_near_one_and_directions_stay(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    made = orthogonalized(7 * matrix)
    values = torch.linalg.svdvals(made)
    assert values.min() > 0.6 and values.max() < 1.3
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    turned = left.T @ made @ right.T  # diagonal, where the directions are the same
    assert (turned - torch.diag(turned.diagonal())).abs().max() < 1e-3


def test_whatever_is_no_matrix_goes_as_with_adamw():
    ours, theirs = (nn.Parameter(torch.linspace(-1, 1, 6)) for _ in range(2))
    muon = Muon([], [ours], rate=0.1, other_rate=0.03, weight_decay=0.1)
    adam = torch.optim.AdamW([theirs], lr=0.03, weight_decay=0.1)
    for step in range(20):
        for parameter, optimizer in ((ours, muon), (theirs, adam)):
            optimizer.zero_grad()
            ((parameter - step % 3) ** 2).sum().backward()
            optimizer.step()
    assert torch.allclose(ours, theirs, atol=1e-6)


def test_a_step_of_a_kernel_has_one_size_whatever_its_gradient():
    sizes = []
    for scale in (1e-3, 1e3):
        kernel = nn.Parameter(torch.zeros(4, 3, 3, 3))
        kernel.grad = scale * torch.randn(4, 3, 3, 3, generator=torch.Generator().manual_seed(0))
        Muon([kernel], [], rate=0.5, other_rate=0).step()
        sizes.append(float(kernel.detach().norm()))
    assert sizes[0] == pytest.approx(sizes[1], rel=1e-3)
    assert sizes[0] == pytest.approx(0.5 * 2, rel=0.2)  # four singular values near 1


def test_its_state_is_kept_and_taken_back():
    def learn(parameter, optimizer, steps):
        for _ in range(steps):
            optimizer.zero_grad()
            ((parameter - 1) ** 2).sum().backward()
            optimizer.step()

    whole, broken, gone_on = (nn.Parameter(torch.eye(3)) for _ in range(3))
    learn(whole, Muon([whole], [], rate=0.1, other_rate=0), 6)
    first = Muon([broken], [], rate=0.1, other_rate=0)
    learn(broken, first, 3)
    gone_on.data.copy_(broken)
    second = Muon([gone_on], [], rate=0.1, other_rate=0)
    second.load_state_dict(first.state_dict())
    learn(gone_on, second, 3)
    assert torch.equal(whole, gone_on)
