"""Pairs of rows and columns that together cost least, as of faces and tracks."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from .records import Array

FORBIDDEN = 1e6  # from this cost on a pair is none


def cheapest_pairs(costs: Array) -> dict[int, int]:
    """Return the one-to-one assignment of least cost: as many pairs as can be, then the cheapest.

    Source: ``scipy.optimize.linear_sum_assignment``.

    Args:
        costs: (rows, columns), 0 or more; ``FORBIDDEN`` or more where a pair is not possible.

    Returns:
        Column by row.
    """
    rows, columns = linear_sum_assignment(np.minimum(costs, FORBIDDEN))
    return {
        int(row): int(column)
        for row, column in zip(rows, columns, strict=True)
        if costs[row, column] < FORBIDDEN
    }
