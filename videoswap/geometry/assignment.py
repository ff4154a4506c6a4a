"""Pairs of rows and columns that together cost least, as of faces and tracks."""

from __future__ import annotations

import numpy as np

from ..records import Array

FORBIDDEN = 1e6  # from this cost on a pair is none


def cheapest_pairs(costs: Array) -> dict[int, int]:
    """Return the one-to-one assignment of least cost: as many pairs as can be, then the cheapest.

    Source: ``scipy.optimize.linear_sum_assignment``.

    Args:
        costs: (rows, columns), 0 or more; ``FORBIDDEN`` or more where a pair is not possible.

    Returns:
        Column by row.
    """
    return {row: column for row, column in _pairs(costs).items() if costs[row, column] < FORBIDDEN}


def _pairs(costs: Array) -> dict[int, int]:
    if costs.size == 0:
        return {}
    if min(costs.shape) == 1:  # mostly, and loading scipy's optimizers takes a third of a second
        row, column = np.unravel_index(int(np.argmin(costs)), costs.shape)
        return {int(row): int(column)}
    from scipy.optimize import linear_sum_assignment

    rows, columns = linear_sum_assignment(np.minimum(costs, FORBIDDEN))
    return dict(zip(rows.tolist(), columns.tolist(), strict=True))
