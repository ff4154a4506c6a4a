"""Learning rates at steps where the publications say them."""

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


CASES = {
    "ghost": (schedules.ghost, 4e-4, {0: 4e-4, 4999: 4e-4, 5000: 8e-5}),
    "ghost, told otherwise": (
        lambda optimizer: schedules.ghost(optimizer, 2, 0.5),
        1.0,
        {1: 1.0, 2: 0.5, 3: 0.5, 4: 0.25},
    ),
    # By a parabola: a quarter of the rate is left after half of the steps, nothing at the end.
    "blendface": (
        lambda optimizer: schedules.blendface(optimizer, 10),
        0.1,
        {0: 0.1, 1: 0.081, 5: 0.025, 9: 0.001, 10: 0.0, 12: 0.0},
    ),
    "fixernet": (
        schedules.fixernet,
        0.1,
        {10: 0.1, 11: 0.01, 16: 0.01, 17: 0.001, 21: 0.001, 22: 1e-4, 24: 1e-4},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_rate_at_a_step(name):
    make, base, known = CASES[name]
    found = rates(make, base, max(known))
    assert {step: found[step] for step in known} == pytest.approx(known, abs=1e-12)


@pytest.mark.needs_shared
def test_the_golden_rates(spec):
    want = spec["poly_lr"]
    assert want["warmup"] == 0
    steps = want["max_steps"]
    found = rates(lambda optimizer: schedules.blendface(optimizer, steps), want["base"], steps)
    assert [found[step] for step in want["steps"]] == pytest.approx(want["lr"], rel=1e-6)
