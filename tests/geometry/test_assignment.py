"""The cheapest pairs, against trying all of them."""

from itertools import permutations

import numpy as np
import pytest

from videoswap.geometry.assignment import FORBIDDEN, cheapest_pairs


def by_trying(costs):
    """Return number of pairs and least cost over all assignments."""
    wide = costs if costs.shape[0] <= costs.shape[1] else costs.T
    best = (0, 0.0)
    for columns in permutations(range(wide.shape[1]), wide.shape[0]):
        paid = [cost for cost in wide[range(wide.shape[0]), columns] if cost < FORBIDDEN]
        best = min(best, (-len(paid), sum(paid)))
    return -best[0], best[1]


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (3, 2), (4, 4), (5, 3), (2, 6)])
def test_no_other_assignment_has_more_pairs_or_costs_less(shape):
    random = np.random.default_rng(7)
    for _ in range(30):
        costs = random.uniform(0, 2, shape)
        costs[random.uniform(size=shape) < 0.4] = FORBIDDEN
        pairs = cheapest_pairs(costs)
        assert len(set(pairs.values())) == len(pairs)
        paid = [float(costs[pair]) for pair in pairs.items()]
        assert (len(paid), sum(paid)) == pytest.approx(by_trying(costs), abs=1e-9)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3), (3, 0)])
def test_without_rows_or_columns_there_are_no_pairs(shape):
    assert cheapest_pairs(np.zeros(shape)) == {}


def test_what_costs_too_much_is_no_pair():
    costs = np.array([[FORBIDDEN, 0.5], [2 * FORBIDDEN, np.inf]])
    assert cheapest_pairs(costs) == {0: 1}
