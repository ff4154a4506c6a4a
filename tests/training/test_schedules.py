"""Learning rates at steps where they are known."""

import pytest
import torch

from videoswap.training import schedules


def rates(make, base: float, steps: int) -> list[float]:
    """Rate before each of ``steps`` + 1 steps."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], base)
    scheduler = make(optimizer)
    found = [optimizer.param_groups[0]["lr"]]
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
        found.append(optimizer.param_groups[0]["lr"])
    return found


def test_ghost_goes_down_in_steps():
    found = rates(schedules.ghost, 4e-4, 5000)
    assert found == pytest.approx([4e-4] * 5000 + [8e-5])
    found = rates(lambda optimizer: schedules.ghost(optimizer, 2, 0.5), 1.0, 4)
    assert found == pytest.approx([1, 1, 0.5, 0.5, 0.25])


def test_blendface_ends_at_nought_by_a_parabola():
    found = rates(lambda optimizer: schedules.blendface(optimizer, 10), 0.1, 10)
    assert found == pytest.approx([0.1 * (1 - k / 10) ** 2 for k in range(11)])


def test_fixernet_goes_down_after_three_epochs():
    found = rates(schedules.fixernet, 0.1, 24)
    want = [0.1] * 11 + [0.01] * 6 + [1e-3] * 5 + [1e-4] * 3
    assert found == pytest.approx(want)


@pytest.mark.needs_shared
def test_the_golden_rates(spec):
    want = spec["poly_lr"]
    assert want["warmup"] == 0
    steps = want["max_steps"]
    found = rates(lambda optimizer: schedules.blendface(optimizer, steps), want["base"], steps)
    assert [found[step] for step in want["steps"]] == pytest.approx(want["lr"], rel=1e-6)
