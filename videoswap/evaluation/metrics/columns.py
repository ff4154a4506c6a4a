"""Columns of measured numbers, one row for each face and frame, and what sums them up."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from ...records import Array
from ..face_pair import FacePair
from ..frame_pairs import FramePair

Columns = Mapping[str, Array]  # (n,) float64 each, NaN where nothing could be measured
MIN_CORRELATION_FRAMES = 8  # frames that a correlation over time needs


def mean(column: str) -> Callable[[Columns], float]:
    """Return the mean of a column over what was measured."""
    return lambda columns: _mean(columns[column])


def total(column: str) -> Callable[[Columns], float]:
    """Return the sum of a column over what was measured."""

    def value(columns: Columns) -> float:
        known = columns[column][np.isfinite(columns[column])]
        return float(known.sum()) if known.size else float("nan")

    return value


def runs(column: str) -> Callable[[Columns], float]:
    """Return how many times a column of 0 and 1 goes up, counted track by track."""

    def value(columns: Columns) -> float:
        if not np.isfinite(columns[column]).any():
            return float("nan")
        tracks = columns["track"]
        marked = (columns[column][tracks == track] > 0 for track in np.unique(tracks))
        return float(sum(np.count_nonzero(np.diff(one, prepend=False) & one) for one in marked))

    return value


def largest(column: str) -> Callable[[Columns], float]:
    """Return the largest value of a column."""

    def value(columns: Columns) -> float:
        known = columns[column][np.isfinite(columns[column])]
        return float(known.max()) if known.size else float("nan")

    return value


def share_at_most(column: str, other: str) -> Callable[[Columns], float]:
    """Return the share of rows in which a column is not larger than another."""

    def value(columns: Columns) -> float:
        one, two = columns[column], columns[other]
        known = np.isfinite(one) & np.isfinite(two)
        return _mean((one <= two)[known].astype(float))

    return value


def ratio(column: str, other: str) -> Callable[[Columns], float]:
    """Return the ratio of two means, over the rows that have both."""
    return lambda columns: _ratio(columns[column], columns[other])


def root_ratio(column: str, other: str) -> Callable[[Columns], float]:
    """Return the ratio of two root mean squares, over the rows that have both."""
    return lambda columns: float(np.sqrt(_ratio(columns[column] ** 2, columns[other] ** 2)))


def root_mean(column: str) -> Callable[[Columns], float]:
    """Return the root mean square of a column."""
    return lambda columns: float(np.sqrt(_mean(columns[column] ** 2)))


def geometric_mean(column: str) -> Callable[[Columns], float]:
    """Return the geometric mean; the column holds logarithms."""
    return lambda columns: float(np.exp(_mean(columns[column])))


def apart(column: str, other: str) -> Callable[[Columns], float]:
    """Return the mean absolute difference of two columns."""
    return lambda columns: _mean(np.abs(columns[column] - columns[other]))


def correlation(column: str, other: str, least: float) -> Callable[[Columns], float]:
    """Return Pearson's correlation of two columns over time.

    Args:
        column: One of them.
        other: The other.
        least: Standard deviation of the other below which it is NaN: where nothing happens, only
            noise would be compared.
    """

    def value(columns: Columns) -> float:
        one, two = columns[column], columns[other]
        known = np.isfinite(one) & np.isfinite(two)
        if (
            np.count_nonzero(known) < MIN_CORRELATION_FRAMES
            or two[known].std() < least
            or not one[known].std()
        ):
            return float("nan")
        return float(np.corrcoef(one[known], two[known])[0, 1])

    return value


def _mean(values: Array) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else float("nan")


def _ratio(one: Array, two: Array) -> float:
    known = np.isfinite(one) & np.isfinite(two)
    below = float(two[known].sum())
    return float(one[known].sum()) / below if below > 0 else float("nan")


# Columns that say which face of which frame a row is, and where: window in upright pixels.
ROW_COLUMNS = ("pts", "seconds", "track", "left", "top", "side")


class Collector:
    """Columns that grow row by row.

    These numbers, some hundred bytes a face and frame, are all that is kept of a frame.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._columns = {name: array("d") for name in (*ROW_COLUMNS, *names)}

    def add(self, pair: FramePair, face_pair: FacePair | None, values: Mapping[str, float]) -> None:
        """Add the row of a face, or of a whole frame; what is not named is NaN."""
        row = {"pts": float(pair.pts), "seconds": float(pair.seconds), **values}
        if face_pair is not None:
            left, top, right, _ = face_pair.window
            row |= {"track": face_pair.track, "left": left, "top": top, "side": right - left}
        for name, column in self._columns.items():
            column.append(row.get(name, float("nan")))

    @property
    def columns(self) -> dict[str, Array]:
        """All columns, (n,) float64."""
        return {name: np.array(column, np.float64) for name, column in self._columns.items()}


def joined(parts: Sequence[Columns]) -> dict[str, Array]:
    """Put the rows of several people together, by time."""
    names = parts[0].keys() if parts else ()
    order = np.argsort(np.concatenate([part["pts"] for part in parts]), kind="stable")
    return {name: np.concatenate([part[name] for part in parts])[order] for name in names}
